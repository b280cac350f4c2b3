/**
 * The processor API. A processor handles one record at a time, synchronously, with the state it needs
 * already loaded (law 6): the runtime loads what the processor's `prefetch` asks for, or, where it has none, the
 * record's own key in each of the node's key-value stores; one read for the whole batch. A processor that cannot know its keys
 * beforehand returns a promise and awaits its stores.
 */
import type { Headers, Offset, Partition, StoreName, TopicName } from '../core/record.ts'
import type { AnyStore } from '../state/stores.ts'

/** A record on its way through the graph. A null value is a delete. */
export interface StreamRecord<K = unknown, V = unknown> {
  readonly key: K
  readonly value: V
  /** Event time, milliseconds since the epoch. */
  readonly timestampMs: number
  readonly headers: Headers
}

export type PunctuationType = 'stream-time' | 'wall-clock-time'

export interface RecordMetadata {
  readonly topic: TopicName
  readonly partition: Partition
  readonly offset: Offset
  /** The one that the record bears in its topic, whatever time its event has: as a rule when it was sent. */
  readonly timestampMs: number
}

/** Why a record had no effect; each is counted where an operator sees it (law 4). */
export type DropReason =
  'late' | 'null-key' | 'null-value' | 'duplicate' | 'expired' | 'failed' | 'erased'

/**
 * What becomes of a record on which a node's function throws (Kafka Streams' `ProcessingExceptionHandler`, KIP-1033).
 * `fail`: the task fails, and meets the record again. `skip`: the record goes no further, and is counted. `quarantine`:
 * as `skip`, and the input record is kept in the same commit, with the node and the error.
 */
export type ErrorPolicy = 'fail' | 'skip' | 'quarantine'

export interface ProcessorContext<KOut = unknown, VOut = unknown> {
  readonly topologyName: string
  readonly taskId: string
  readonly partition: Partition
  /** Where the record in hand came from; null in a punctuation or flush. */
  readonly recordMetadata: RecordMetadata | null
  /** The greatest event time that this task has seen; -Infinity before the first record. */
  readonly streamTimeMs: number
  readonly wallClockMs: number
  /** To all children, or to the one named. From `flush` and punctuations the records are handed on after the
   * callback has returned, with their state loaded. */
  forward(record: StreamRecord<KOut, VOut>, to?: string): void
  /** @throws TidemarkError TOPOLOGY_INVALID where the node does not declare the store */
  store<S extends AnyStore>(name: StoreName | string): S
  schedule(
    intervalMs: number,
    type: PunctuationType,
    punctuate: (timestampMs: number) => void | Promise<void>,
  ): { cancel(): void }
  countDropped(reason: DropReason): void
  /** Of this node. */
  readonly onError: ErrorPolicy
  /** For a processor that goes on where a function that it calls throws: does what the node's policy says, once for
   * each call. Whatever `process` itself throws comes here too, after what it has forwarded and written for the record
   * is taken back.
   * @param of `earlier`: the record came before the one in hand, and was held back
   * @throws `thrown` where the policy is `fail`, and PROCESSING_FAILED where it does not cover this */
  refuse(thrown: unknown, record: StreamRecord, of?: 'input' | 'earlier'): void
  /** Says how to take back what the processor remembers of the record in hand outside its stores. */
  ifTakenBack(undo: () => void): void
  /** For a callback that takes long: without a word for so long as `stallMaxMs` it is taken to hang, and its task fails. */
  noteProgress(): void
  /** For a processor that holds back what it forwards in `flush`: about how many bytes that will be, of the record in hand.
   * A batch that holds too many is committed. */
  noteHeld(bytes: number): void
  /** Keeps a record that fails a check, with its original bytes (law 4). */
  quarantine(reason: QuarantineReason): void
}

export interface QuarantineReason {
  readonly check: string
  readonly level: 'Critical' | 'Error' | 'Warning'
  readonly reason: string
}

/** What `prefetch` fills: the reads that the runtime makes before it processes the batch. */
export interface Prefetch {
  key(store: StoreName | string, key: unknown): void
  /** All windows of `key` that start in [fromMs, toMs]. */
  windows(store: StoreName | string, key: unknown, fromMs: number, toMs: number): void
  /** All sessions of `key` that end at or after `earliestEndMs` and start at or before `latestStartMs`. */
  sessions(
    store: StoreName | string,
    key: unknown,
    earliestEndMs: number,
    latestStartMs: number,
  ): void
}

export interface Processor<KIn = unknown, VIn = unknown, KOut = unknown, VOut = unknown> {
  init?(context: ProcessorContext<KOut, VOut>): void
  /** `parent` names the node that the record comes from. */
  prefetch?(record: StreamRecord<KIn, VIn>, parent: string, prefetch: Prefetch): void
  process(record: StreamRecord<KIn, VIn>, parent: string): void | Promise<void>
  /** After the last record of a batch, before its commit: forward what was held back. */
  flush?(): void | Promise<void>
  /** True after a `flush` where more is held back than is handed on at once: it is called again once that is through. */
  readonly holdsMore?: boolean
  close?(): void
}

export type ProcessorSupplier<KIn = any, VIn = any, KOut = any, VOut = any> = () => Processor<
  KIn,
  VIn,
  KOut,
  VOut
>
