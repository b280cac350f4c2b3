/**
 * Appends outside of transactions: idempotent, acknowledged by all in-sync replicas.
 *
 *  1. A partition has at most one batch under way; what comes meanwhile gathers and is the next batch. So its
 *     records keep their order, and nobody waits for a batch to fill up.
 *  2. A batch is sent again as it was, with its sequence, until its outcome is known: the broker takes it once.
 *  3. Where the outcome cannot be found out, the callers are told, and the next batch is of a new identity, so that
 *     its sequence says nothing about the lost one.
 */
import { present } from '../../../core/assert.ts'
import type { Clock } from '../../../core/clock.ts'
import { pause } from '../../../core/clock.ts'
import type { Offset, TopicPartition } from '../../../core/record.ts'
import { topicPartitionId } from '../../../core/record.ts'
import type { BatchFormat } from '../../encoded-log.ts'
import type { AppendResult, PartitionRecords } from '../../log.ts'
import { stampBatch } from '../batches/batch-header.ts'
import { encodeBatches } from '../batches/encode-batches.ts'
import { backOffMs } from '../connections/back-off.ts'
import { failureOfCode, isMisdirected, isRetriable } from '../connections/failures.ts'
import type { BrokerId, KafkaCluster } from '../kafka-cluster.ts'
import { ProtocolError } from '../protocol-error.ts'
import { produceRequest } from '../transactions/produce-request.ts'
import { appendError, isTooLarge, mayBeWritten, wantsNewIdentity } from './append-failures.ts'
import type { AppendPiece } from './pending-appends.ts'
import {
  cutIntoPieces,
  halve,
  pendingAppend,
  recordTooLarge,
  takeApart,
  takePieces,
} from './pending-appends.ts'
import type { ProducerIdentity } from './producer-identity.ts'
import { newProducerIdentity } from './producer-identity.ts'

export interface IdempotentProducerOptions {
  readonly cluster: KafkaCluster
  readonly clock: Clock
  readonly compression: BatchFormat['compression']
  readonly random: () => number
  /** Of a batch before its compression. */
  readonly batchBytesMax: number
  readonly recordBytesMax: number
  /** How long a batch is tried. */
  readonly giveUpAfterMs: number
}

/** How long a leader waits for its replicas before it answers REQUEST_TIMED_OUT. */
const replicationTimeoutMs = 15_000
const requestTimeoutMs = 25_000
const sequenceCount = 2 ** 31

interface PartitionQueue {
  readonly at: TopicPartition
  readonly waiting: AppendPiece[]
  isUnderWay: boolean
  identity: ProducerIdentity | null
  nextSequence: number
}

interface BatchUnderWay {
  readonly queue: PartitionQueue
  readonly pieces: readonly AppendPiece[]
  readonly bytes: Buffer
  readonly recordCount: number
  readonly baseSequence: number
  readonly deadlineMs: number
  failures: number
  /** An earlier try may have written it. */
  mayBeWritten: boolean
}

export class IdempotentProducer {
  readonly #options: IdempotentProducerOptions
  readonly #queues = new Map<string, PartitionQueue>()
  readonly #closing = new AbortController()
  readonly #underWay = new Set<Promise<void>>()
  #identity: Promise<ProducerIdentity> | null = null
  #isScheduled = false

  constructor(options: IdempotentProducerOptions) {
    this.#options = options
  }

  /** The partitions exist, as the caller has made sure. @throws TidemarkError RECORD_TOO_LARGE | KEY_MISSING |
   * REQUEST_INVALID | KAFKA_UNREACHABLE, also where it is unknown whether the records were written */
  async append(batches: readonly PartitionRecords[]): Promise<readonly AppendResult[]> {
    const { batchBytesMax, recordBytesMax } = this.#options
    const limits = { bytesMax: batchBytesMax, recordBytesMax }
    const cut = batches.map((batch) => {
      const { append, appended } = pendingAppend()
      return { batch, appended, pieces: cutIntoPieces(batch, batch.records, append, limits) }
    })
    const results = cut.map(async ({ batch, appended, pieces }) => {
      const { topic, partition } = batch
      if (pieces.length === 0) return { topic, partition, baseOffset: 0 as Offset }
      this.#queueOf({ topic, partition }).waiting.push(...pieces)
      return { topic, partition, baseOffset: await appended }
    })
    this.#schedule()
    // All are over before one failure is told, so that nothing of this append goes on behind the caller's back.
    const settled = await Promise.allSettled(results)
    return settled.map((result) => {
      if (result.status === 'rejected') throw result.reason
      return result.value
    })
  }

  /** What was appended before is still sent, but not again where that fails. */
  async close(): Promise<void> {
    this.#closing.abort()
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
  }

  #queueOf(at: TopicPartition): PartitionQueue {
    const id = topicPartitionId(at)
    let queue = this.#queues.get(id)
    if (queue === undefined) {
      queue = { at, waiting: [], isUnderWay: false, identity: null, nextSequence: 0 }
      this.#queues.set(id, queue)
    }
    return queue
  }

  /** Once in a turn of the event loop, so that what is appended in it together goes together. */
  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    queueMicrotask(() => {
      this.#isScheduled = false
      this.#start()
    })
  }

  #start(): void {
    const ready = [...this.#queues.values()].filter(
      (queue) => !queue.isUnderWay && queue.waiting.length > 0,
    )
    if (ready.length === 0) return
    for (const queue of ready) queue.isUnderWay = true
    const sending = this.#prepareAndSend(ready).finally(() => this.#underWay.delete(sending))
    this.#underWay.add(sending)
  }

  async #prepareAndSend(queues: readonly PartitionQueue[]): Promise<void> {
    let identity: ProducerIdentity
    try {
      this.#identity ??= newProducerIdentity(this.#options.cluster)
      identity = await this.#identity
    } catch (failure) {
      this.#identity = null
      for (const queue of queues) {
        for (const piece of queue.waiting.splice(0)) piece.append.fail(failure)
        queue.isUnderWay = false
      }
      return
    }
    const batches: BatchUnderWay[] = []
    for (const queue of queues) {
      const batch = this.#nextBatch(queue, identity)
      if (batch !== null) batches.push(batch)
    }
    await this.#deliver(batches)
  }

  #nextBatch(queue: PartitionQueue, identity: ProducerIdentity): BatchUnderWay | null {
    const { batchBytesMax, compression, clock, giveUpAfterMs } = this.#options
    const pieces = takePieces(queue.waiting, batchBytesMax)
    if (pieces.length === 0) {
      queue.isUnderWay = false
      return null
    }
    if (queue.identity !== identity) {
      queue.identity = identity
      queue.nextSequence = 0
    }
    try {
      const records = pieces.flatMap((piece) => piece.records)
      const encoded = present(encodeBatches(records, Infinity, compression)[0], 'a batch')
      const baseSequence = queue.nextSequence
      stampBatch(encoded.bytes, { ...identity, baseSequence, isTransactional: false })
      const deadlineMs = clock.monotonicMs() + giveUpAfterMs
      const unsent = { failures: 0, mayBeWritten: false }
      return { ...encoded, ...unsent, queue, pieces, baseSequence, deadlineMs }
    } catch (failure) {
      // A record that cannot be encoded; those that were merged with it are tried without it.
      this.#refuse(queue, pieces, failure)
      return null
    }
  }

  /** Resolves when the outcome of all of them is known or given up. */
  async #deliver(batches: readonly BatchUnderWay[]): Promise<void> {
    const byLeader = new Map<BrokerId, BatchUnderWay[]>()
    const again: Promise<void>[] = []
    await Promise.all(
      batches.map(async (batch) => {
        try {
          const leader = await this.#leader(batch.queue.at)
          byLeader.set(leader, [...(byLeader.get(leader) ?? []), batch])
        } catch (failure) {
          again.push(this.#failed(batch, failure))
        }
      }),
    )
    await Promise.all([...[...byLeader].map(([leader, led]) => this.#send(leader, led)), ...again])
  }

  async #leader(at: TopicPartition): Promise<BrokerId> {
    const topics = await this.#options.cluster.topics([at.topic])
    const leader = topics.get(at.topic)?.partitions[at.partition]?.leader ?? null
    if (leader === null) throw new ProtocolError(5, 'Produce', topicPartitionId(at))
    return leader
  }

  async #send(id: BrokerId, batches: readonly BatchUnderWay[]): Promise<void> {
    const request = {
      transactionalId: null,
      timeoutMs: replicationTimeoutMs,
      batches: batches.map(({ queue, bytes }) => ({ ...queue.at, bytes })),
    }
    const options = { lane: 'append', requestTimeoutMs }
    let outcomes: ReadonlyMap<string, unknown>
    let offsets = new Map<string, Offset>()
    try {
      const results = await this.#options.cluster.send(
        { kind: 'broker', id },
        produceRequest,
        request,
        options,
      )
      outcomes = new Map(
        results.map((result) => [
          topicPartitionId(result),
          result.code === 0 ? null : failureOfCode(result.code, 'Produce', result.detail),
        ]),
      )
      offsets = new Map(results.map((result) => [topicPartitionId(result), result.baseOffset]))
    } catch (failure) {
      outcomes = new Map(batches.map(({ queue }) => [topicPartitionId(queue.at), failure]))
    }
    await Promise.all(
      batches.map(async (batch) => {
        const partitionId = topicPartitionId(batch.queue.at)
        const failure = outcomes.get(partitionId)
        const isKnown =
          failure instanceof ProtocolError && failure.codeName === 'DUPLICATE_SEQUENCE_NUMBER'
        if (failure === null || isKnown) this.#written(batch, offsets.get(partitionId))
        else await this.#failed(batch, failure)
      }),
    )
  }

  #written(batch: BatchUnderWay, baseOffset: Offset | undefined): void {
    const { queue, pieces, recordCount } = batch
    queue.nextSequence = (queue.nextSequence + recordCount) % sequenceCount
    const first = present(baseOffset, 'the offset of a batch that was written')
    let recordsBefore = 0
    for (const piece of pieces) {
      // −1 where the broker has the batch already and no longer knows where.
      if (piece.isFirst) piece.append.baseOffset = Math.max(-1, first + recordsBefore) as Offset
      if (piece.isLast) piece.append.settle()
      if (first >= 0) recordsBefore += piece.records.length
    }
    this.#goOn(queue)
  }

  async #failed(batch: BatchUnderWay, failure: unknown): Promise<void> {
    const { cluster, clock, random } = this.#options
    const { queue, pieces } = batch
    batch.mayBeWritten ||= mayBeWritten(failure)
    if (isMisdirected(failure)) cluster.forgetTopics([queue.at.topic])
    if (isRetriable(failure) && !this.#closing.signal.aborted) {
      const delayMs = backOffMs(batch.failures++, random)
      if (clock.monotonicMs() + delayMs < batch.deadlineMs) {
        await pause(clock, delayMs, this.#closing.signal)
        await this.#deliver([batch])
        return
      }
    }
    if (batch.mayBeWritten || wantsNewIdentity(failure)) this.#identity = null
    if (!batch.mayBeWritten && wantsNewIdentity(failure) && batch.baseSequence > 0) {
      queue.waiting.unshift(...pieces)
      this.#goOn(queue)
      return
    }
    this.#refuse(queue, pieces, failure, !batch.mayBeWritten)
  }

  /** Where one caller's record may be what was refused, the others' are tried without it. */
  #refuse(
    queue: PartitionQueue,
    pieces: readonly AppendPiece[],
    failure: unknown,
    mayTryAgain = true,
  ): void {
    const [first] = pieces
    const apart = mayTryAgain ? takeApart(pieces) : null
    const halves = isTooLarge(failure) && first !== undefined ? halve(first) : null
    const again = apart ?? halves
    if (again !== null) {
      queue.waiting.unshift(...again)
    } else {
      for (const piece of pieces) {
        const told = isTooLarge(failure)
          ? recordTooLarge(queue.at, piece.bytes, null)
          : appendError(queue.at, failure)
        piece.append.fail(told)
      }
    }
    this.#goOn(queue)
  }

  #goOn(queue: PartitionQueue): void {
    queue.isUnderWay = false
    if (queue.waiting.length > 0) this.#schedule()
  }
}
