/** How many partitions each topic has, as the log says; known once the topics exist. */
import { present } from '../core/assert.ts'
import type { TopicName } from '../core/record.ts'
import type { Log } from '../log/log.ts'

export class PartitionCounts {
  readonly #counts = new Map<TopicName, number>()

  /** From what `entries` gave. */
  static from(entries: readonly (readonly [TopicName, number])[]): PartitionCounts {
    const counts = new PartitionCounts()
    for (const [topic, count] of entries) counts.#counts.set(topic, count)
    return counts
  }

  async read(log: Log, topics: readonly TopicName[]): Promise<void> {
    for (const { name, partitionCount } of await log.describeTopics(topics)) {
      this.#counts.set(name, partitionCount)
    }
  }

  readonly of = (topic: TopicName): number =>
    present(this.#counts.get(topic), `partition count of ${topic}`)

  /** To be sent to a worker. */
  entries(): (readonly [TopicName, number])[] {
    return [...this.#counts]
  }
}
