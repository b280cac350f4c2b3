/** How far each of a consumer's partitions is read, written, and filled. */
import { topicPartitionId } from '../core/record.ts'
import type { Offset, TopicName, TopicPartition } from '../core/record.ts'
import type { Log, PartitionOffset } from '../log/log.ts'

export interface FactPosition {
  readonly at: TopicPartition
  /** Where the next fetch goes on. */
  next: Offset
  /** Up to here rows are queryable and committed. */
  written: Offset
  lastStable: Offset
}

export class FactPositions {
  readonly #positions = new Map<string, FactPosition>()

  add(at: TopicPartition, next: Offset): void {
    this.#positions.set(topicPartitionId(at), { at, next, written: next, lastStable: next })
  }

  delete(at: TopicPartition): void {
    this.#positions.delete(topicPartitionId(at))
  }

  get(at: TopicPartition): FactPosition | undefined {
    return this.#positions.get(topicPartitionId(at))
  }

  all(): readonly FactPosition[] {
    return [...this.#positions.values()]
  }

  /** What was read and not written is read again. */
  setBack(): void {
    for (const position of this.#positions.values()) position.next = position.written
  }

  /** Facts that are not yet queryable, of one topic or of all. */
  lag(topic?: TopicName | string): number {
    let lag = 0
    for (const { at, lastStable, written } of this.#positions.values()) {
      if (topic === undefined || at.topic === topic) lag += Math.max(0, lastStable - written)
    }
    return lag
  }

  /** Where the topics end now, of the partitions held. */
  async ends(log: Log, topics: readonly TopicName[]): Promise<readonly PartitionOffset[]> {
    const described = await log.describeTopics(topics)
    return described.flatMap(({ name, partitions }) =>
      partitions
        .map(({ partition, lastStableOffset }) => ({
          topic: name,
          partition,
          offset: lastStableOffset,
        }))
        .filter((at) => this.get(at) !== undefined),
    )
  }
}
