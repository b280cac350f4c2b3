/**
 * What the log removed before it was read (law 4): by partition, how many offsets, and where. A skip counts once what
 * the reader has committed is beyond it: who starts again before that meets it again.
 */
import type { Offset, TopicPartition } from './record.ts'
import { topicPartitionId } from './record.ts'

export interface SkippedRecords extends TopicPartition {
  /** In all; at most so many records, since markers and compacted records have offsets too. */
  readonly offsets: number
  /** The last skip: its first offset, and the one after it. */
  readonly from: Offset
  readonly to: Offset
  /** When it was committed, as `Clock.nowMs`. */
  readonly atMs: number
}

interface Skip {
  readonly at: TopicPartition
  readonly from: Offset
  readonly to: Offset
}

export class SkipCount {
  readonly #counted = new Map<string, SkippedRecords>()
  #uncommitted: Skip[] = []

  get offsets(): number {
    let sum = 0
    for (const { offsets } of this.#counted.values()) sum += offsets
    return sum
  }

  all(): readonly SkippedRecords[] {
    return [...this.#counted.values()]
  }

  /** The reader goes on at `to` instead of `from`. */
  note({ topic, partition }: TopicPartition, from: Offset, to: Offset): void {
    this.#uncommitted.push({ at: { topic, partition }, from, to })
  }

  /** What the reader has committed of the partition is this. */
  committed(at: TopicPartition, offset: Offset, nowMs: number): void {
    if (this.#uncommitted.length === 0) return
    const id = topicPartitionId(at)
    const isOver = (skip: Skip) => skip.to <= offset && topicPartitionId(skip.at) === id
    for (const { at: where, from, to } of this.#uncommitted.filter(isOver)) {
      const offsets = (this.#counted.get(id)?.offsets ?? 0) + to - from
      this.#counted.set(id, { ...where, offsets, from, to, atMs: nowMs })
    }
    this.#uncommitted = this.#uncommitted.filter((skip) => !isOver(skip))
  }

  /** The reader goes back to what it has committed. */
  setBack(): void {
    this.#uncommitted = []
  }
}
