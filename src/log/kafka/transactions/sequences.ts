/** How many records one producer identity has given to each partition: by it a broker knows what it has already. */
import { topicPartitionId } from '../../../core/record.ts'
import type { TopicPartition } from '../../../core/record.ts'

/** The greatest sequence is followed by 0. */
const sequenceMask = 0x7fffffff

export class Sequences {
  readonly #next = new Map<string, number>()

  /** The sequence of the first of `recordCount` records; the next one's follows on it. */
  take(at: TopicPartition, recordCount: number): number {
    const id = topicPartitionId(at)
    const sequence = this.#next.get(id) ?? 0
    this.#next.set(id, (sequence + recordCount) & sequenceMask)
    return sequence
  }

  /** For a new identity. */
  clear(): void {
    this.#next.clear()
  }
}
