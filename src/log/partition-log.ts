/** One partition as it is in memory: its offsets, its cached tail, and who waits for its next record. */
import type { Offset, Partition, TopicPartition } from '../core/record.ts'
import { topicPartitionId } from '../core/record.ts'
import { TidemarkError } from '../core/errors.ts'
import type { PartitionDescription, TopicSpec } from './log.ts'
import { PartitionTail } from './tail-cache.ts'

export interface TopicEntry {
  spec: TopicSpec
  readonly number: number
  readonly partitions: readonly PartitionLog[]
}

export class PartitionLog {
  readonly topic: TopicEntry
  readonly partition: Partition
  readonly tail = new PartitionTail()
  readonly #waiters = new Set<() => void>()
  logStartOffset = 0 as Offset
  /** The end of what is durable. As transactions are atomic writes, this is the last stable offset too. */
  highWatermark = 0 as Offset
  /** The end of what the write under way will make durable. */
  nextOffset = 0 as Offset
  /** Compaction has looked at every record below. */
  compactedOffset = 0 as Offset
  /** How many records compaction left below `compactedOffset`. */
  compactedRecords = 0
  /** A moving average, for how many batches a read asks for. */
  batchBytesMean = 4096

  constructor(topic: TopicEntry, partition: Partition) {
    this.topic = topic
    this.partition = partition
  }

  get at(): TopicPartition {
    return { topic: this.topic.spec.name, partition: this.partition }
  }

  describe(): PartitionDescription {
    return {
      partition: this.partition,
      logStartOffset: this.logStartOffset,
      highWatermark: this.highWatermark,
      lastStableOffset: this.highWatermark,
    }
  }

  checkRange(offset: Offset): void {
    if (offset >= this.logStartOffset && offset <= this.highWatermark) return
    throw new TidemarkError(
      'OFFSET_OUT_OF_RANGE',
      `${topicPartitionId(this.at)} holds offsets ${this.logStartOffset} to ${this.highWatermark}, not ${offset}`,
      {
        details: {
          topic: this.topic.spec.name,
          partition: this.partition,
          offset,
          logStartOffset: this.logStartOffset,
          highWatermark: this.highWatermark,
        },
      },
    )
  }

  wait(wake: () => void): void {
    this.#waiters.add(wake)
  }

  cancelWait(wake: () => void): void {
    this.#waiters.delete(wake)
  }

  wakeAll(): void {
    if (this.#waiters.size === 0) return
    const waiters = [...this.#waiters]
    this.#waiters.clear()
    for (const wake of waiters) wake()
  }
}
