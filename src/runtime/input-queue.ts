/**
 * What a task has fetched and not yet processed, and the order of processing.
 *
 * Records of one partition keep their order. Across partitions the record with the smallest event time goes
 * first, equal times by the order of the topics and then of the partitions (Kafka Streams' `PartitionGroup`). A partition that is
 * empty holds the others back until it is known to be at its end, and from then for `taskIdleMs`
 * (`max.task.idle.ms`). Records of broadcast topics go before all others and hold nobody back.
 */
import { present } from '../core/assert.ts'
import type { Offset, Partition, TopicName, TopicPartition } from '../core/record.ts'
import type { InputRecord } from './input-record.ts'
import type { SeenEnd } from './runtime-status.ts'

export interface FetchedRange {
  /** Where the next fetch goes on. */
  readonly nextOffset: Offset
  /** What can be read at the moment ends here. */
  readonly endOffset: Offset
}

export class InputPartition implements TopicPartition {
  readonly topic: TopicName
  readonly partition: Partition
  readonly broadcast: boolean
  /** Where the next fetch goes on. */
  fetchOffset: Offset
  /** The offset of the first record that is not processed. */
  position: Offset
  /** What is before it is committed. */
  committed: Offset
  /** What could be read at the last fetch ended here; null before the first. */
  endOffset: Offset | null = null
  /** The same, as of when the task has last learnt it, which may have been before the first fetch: for the status. */
  seenEnd: SeenEnd | null = null
  /** A fetch has asked for it, whether or not it was answered. */
  wasAsked = false
  /** Since when the partition is empty and at its end; null while it is not. */
  idleSinceMs: number | null = null
  /** When a fetch has last found nothing more. */
  seenAtEndMs = -Infinity
  #records: InputRecord[] = []
  #head = 0

  constructor(at: TopicPartition, broadcast: boolean, offset: Offset) {
    this.topic = at.topic
    this.partition = at.partition
    this.broadcast = broadcast
    this.fetchOffset = offset
    this.position = offset
    this.committed = offset
  }

  get buffered(): number {
    return this.#records.length - this.#head
  }

  get isAtEnd(): boolean {
    return this.buffered === 0 && this.endOffset !== null && this.fetchOffset >= this.endOffset
  }

  peek(): InputRecord | undefined {
    return this.#records[this.#head]
  }

  take(): InputRecord {
    const input = present(this.#records[this.#head], 'the head of an input partition')
    this.#head += 1
    if (this.#head === this.#records.length) {
      this.#records = []
      this.#head = 0
      this.position = this.fetchOffset
    } else {
      this.position = present(this.peek(), 'the next record').origin.offset
    }
    return input
  }

  add(records: readonly InputRecord[], range: FetchedRange, nowMs: number): void {
    if (this.#head > 0) {
      this.#records = this.#records.slice(this.#head)
      this.#head = 0
    }
    for (const record of records) this.#records.push(record)
    this.fetchOffset = range.nextOffset
    this.endOffset = range.endOffset
    this.seenEnd = { offset: range.endOffset, atMs: nowMs }
    if (this.buffered === 0) this.position = range.nextOffset
    if (!this.isAtEnd) this.idleSinceMs = null
    else {
      this.idleSinceMs ??= nowMs
      this.seenAtEndMs = nowMs
    }
  }

  /** The next fetch goes on there; what is buffered stays. */
  skipTo(offset: Offset, endOffset: Offset): void {
    this.fetchOffset = offset
    this.endOffset = endOffset
    if (this.buffered === 0) this.position = offset
  }
}

export type Readiness =
  | { readonly kind: 'ready' }
  /** Records are there, but another partition may yet bring earlier ones until then. */
  | { readonly kind: 'waiting'; readonly untilMs: number }
  /** Records are there, but another partition's next ones are still to be fetched. */
  | { readonly kind: 'fetching' }
  | { readonly kind: 'empty' }

export class InputQueue {
  readonly partitions: readonly InputPartition[]
  readonly #partitioned: readonly InputPartition[]
  readonly #broadcast: readonly InputPartition[]
  readonly #taskIdleMs: number

  constructor(partitions: readonly InputPartition[], taskIdleMs: number) {
    this.partitions = partitions
    this.#partitioned = partitions.filter(({ broadcast }) => !broadcast)
    this.#broadcast = partitions.filter(({ broadcast }) => broadcast)
    this.#taskIdleMs = taskIdleMs
  }

  readiness(nowMs: number): Readiness {
    if (this.#broadcast.some(({ buffered }) => buffered > 0)) return { kind: 'ready' }
    let hasRecords = false
    let isFetching = false
    let untilMs = -Infinity
    for (const input of this.#partitioned) {
      if (input.buffered > 0) hasRecords = true
      else if (!input.isAtEnd) isFetching = true
      else untilMs = Math.max(untilMs, (input.idleSinceMs ?? nowMs) + this.#taskIdleMs)
    }
    if (!hasRecords) return { kind: 'empty' }
    if (isFetching) return { kind: 'fetching' }
    return untilMs > nowMs ? { kind: 'waiting', untilMs } : { kind: 'ready' }
  }

  /** The next records in order, at most `recordsMax`. Ends early where a partition has run empty and may yet
   * bring earlier records. */
  take(recordsMax: number, nowMs: number): InputRecord[] {
    const taken: InputRecord[] = []
    for (const input of this.#broadcast) {
      while (taken.length < recordsMax && input.buffered > 0) taken.push(input.take())
      this.#noteIdle(input, nowMs)
    }
    const only = this.#partitioned.length === 1 ? this.#partitioned[0] : undefined
    if (only !== undefined) {
      while (taken.length < recordsMax && only.buffered > 0) taken.push(only.take())
      this.#noteIdle(only, nowMs)
      return taken
    }
    while (taken.length < recordsMax) {
      const next = this.#earliest()
      if (next === null) break
      taken.push(next.take())
      if (next.buffered > 0) continue
      this.#noteIdle(next, nowMs)
      if (this.readiness(nowMs).kind !== 'ready') break
    }
    return taken
  }

  #noteIdle(input: InputPartition, nowMs: number): void {
    if (input.isAtEnd) input.idleSinceMs ??= nowMs
  }

  #earliest(): InputPartition | null {
    let earliest: InputPartition | null = null
    let earliestMs = Infinity
    for (const input of this.#partitioned) {
      const head = input.peek()
      if (head === undefined) continue
      if (earliest === null || head.record.timestampMs < earliestMs) {
        earliest = input
        earliestMs = head.record.timestampMs
      }
    }
    return earliest
  }
}
