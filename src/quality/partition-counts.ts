import { present } from '../core/assert.ts'
import type { TopicName } from '../core/record.ts'
import type { Log } from '../log/log.ts'

/** How many partitions a topic has, asked of the log once: the number of a topic never changes. */
export class PartitionCounts {
  readonly #log: Log
  readonly #counts = new Map<TopicName, number>()

  constructor(log: Log) {
    this.#log = log
  }

  /** @throws TidemarkError TOPIC_UNKNOWN */
  async of(topic: TopicName): Promise<number> {
    const known = this.#counts.get(topic)
    if (known !== undefined) return known
    const [description] = await this.#log.describeTopics([topic])
    const { partitionCount } = present(description, `the description of topic ${topic}`)
    this.#counts.set(topic, partitionCount)
    return partitionCount
  }
}
