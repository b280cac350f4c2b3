/**
 * Fetch: whole batches from any offset, within the byte limits, waiting for the first record where there is
 * none. Waiters are woken by appends and by the clock's one timer; nothing polls.
 */
import { assert } from '../core/assert.ts'
import type { Clock } from '../core/clock.ts'
import { topicPartitionId } from '../core/record.ts'
import type { Offset } from '../core/record.ts'
import { readBatches } from './batch-reader.ts'
import type { FetchedBatches } from './encoded-log.ts'
import type { FetchPartition, FetchRequest } from './log.ts'
import type { OrderedStorage } from './ordered-storage.ts'
import type { PartitionLog } from './partition-log.ts'
import type { StoredBatch } from './tail-cache.ts'
import type { TopicCatalog } from './topic-catalog.ts'

const readAttemptsMax = 3

interface Read {
  readonly asked: FetchPartition
  readonly partition: PartitionLog
  batches: StoredBatch[] | null
}

export class Fetcher {
  readonly #storage: OrderedStorage
  readonly #topics: TopicCatalog
  readonly #clock: Clock
  readonly #waiting = new Set<() => void>()
  /** Turns with every fetch, so that no partition is always the one that finds the bytes used up. */
  #turn = 0

  constructor(storage: OrderedStorage, topics: TopicCatalog, clock: Clock) {
    this.#storage = storage
    this.#topics = topics
    this.#clock = clock
  }

  async fetch(request: FetchRequest): Promise<readonly FetchedBatches[]> {
    const deadlineMs = this.#clock.monotonicMs() + request.waitMaxMs
    for (;;) {
      const results = await this.#read(request)
      const waitMs = deadlineMs - this.#clock.monotonicMs()
      if (results.some((result) => result.batches.length > 0)) return results
      if (waitMs <= 0 || request.signal?.aborted === true) return results
      const more = await this.#waitForRecords(request, results, waitMs)
      if (!more) return results
    }
  }

  /** Ends every wait: those fetches return what they have, which is nothing. */
  close(): void {
    for (const stop of [...this.#waiting]) stop()
  }

  async #read(request: FetchRequest): Promise<FetchedBatches[]> {
    const reads = request.partitions.map((asked): Read => {
      const partition = this.#topics.partition(asked)
      partition.checkRange(asked.offset)
      return { asked, partition, batches: asked.offset === partition.highWatermark ? [] : null }
    })
    const first = reads.length === 0 ? 0 : this.#turn++ % reads.length
    let bytesLeft = request.bytesMax
    const fromStorage: Promise<void>[] = []
    for (let index = 0; index < reads.length; index++) {
      const read = reads[(first + index) % reads.length] as Read
      if (read.batches !== null) continue
      const bytesMax = Math.min(bytesLeft, request.bytesPerPartitionMax)
      if (bytesMax <= 0) {
        read.batches = []
        continue
      }
      read.batches = read.partition.tail.from(read.asked.offset, bytesMax)
      if (read.batches === null) {
        // Its bytes are set aside: partitions that keep up must not take them from one that lags.
        fromStorage.push(this.#readStorage(read, bytesMax))
        bytesLeft -= bytesMax
      }
      for (const batch of read.batches ?? []) bytesLeft -= batch.bytes.length
    }
    await Promise.all(fromStorage)
    return reads.map(result)
  }

  async #readStorage(read: Read, bytesMax: number): Promise<void> {
    const { partition, asked } = read
    for (let attempts = 0; ; attempts++) {
      const batches = await readBatches(this.#storage, partition, asked.offset, bytesMax)
      // Retention may have passed this position while the read was under way: never skip in silence.
      partition.checkRange(asked.offset)
      read.batches = batches
      if (batches.length > 0) return
      // Compaction keeps the batch that ends a partition; it may have taken the one that did when this began.
      assert(attempts < readAttemptsMax, `${topicPartitionId(partition.at)} has a batch at its end`)
    }
  }

  /** True where records came; false where the time was up or the signal was raised. */
  #waitForRecords(
    request: FetchRequest,
    results: readonly FetchedBatches[],
    waitMs: number,
  ): Promise<boolean> {
    const partitions = request.partitions.map((at) => this.#topics.partition(at))
    // By what was read, and not by the end that the result tells: a record may have come between the two.
    const missed = partitions.some(
      (partition, index) => partition.highWatermark > (results[index]?.nextOffset ?? 0),
    )
    if (missed) return Promise.resolve(true)
    return new Promise((resolve) => {
      const finish = (more: boolean) => {
        for (const partition of partitions) partition.cancelWait(wake)
        cancelTimer()
        request.signal?.removeEventListener('abort', stop)
        this.#waiting.delete(stop)
        resolve(more)
      }
      const wake = () => {
        finish(true)
      }
      const stop = () => {
        finish(false)
      }
      const cancelTimer = this.#clock.after(waitMs, stop)
      for (const partition of partitions) partition.wait(wake)
      request.signal?.addEventListener('abort', stop, { once: true })
      this.#waiting.add(stop)
    })
  }
}

function result({ asked, partition, batches }: Read): FetchedBatches {
  const last = batches?.at(-1)
  return {
    topic: asked.topic,
    partition: asked.partition,
    fetchOffset: asked.offset,
    batches: batches ?? [],
    nextOffset: last === undefined ? asked.offset : ((last.lastOffset + 1) as Offset),
    logStartOffset: partition.logStartOffset,
    highWatermark: partition.highWatermark,
    lastStableOffset: partition.highWatermark,
  }
}
