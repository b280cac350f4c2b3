/**
 * Where partitions end for who reads committed records, as their leaders tell at once: nothing is asked again, and a leader
 * that is silent is not waited for by the others.
 */
import { topicPartitionId } from '../../../core/record.ts'
import type { Offset, TopicPartition } from '../../../core/record.ts'
import type { BrokerId, KafkaCluster } from '../kafka-cluster.ts'
import { askStableEnds } from './list-offsets.ts'

export class StableEnds {
  readonly #cluster: KafkaCluster
  /** They owe an answer. */
  readonly #silent = new Set<BrokerId>()
  #isLookingUp = false

  constructor(cluster: KafkaCluster) {
    this.#cluster = cluster
  }

  async ask(partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, Offset>> {
    const ends = new Map<string, Offset>()
    const asked = [...(await this.#byLeader(partitions))].map(async ([leader, led]) => {
      for (const [id, end] of await this.#askLeader(leader, led)) ends.set(id, end)
    })
    await Promise.all(asked)
    return ends
  }

  /** Nothing while an earlier look-up has not come back. */
  async #byLeader(
    partitions: readonly TopicPartition[],
  ): Promise<ReadonlyMap<BrokerId, readonly TopicPartition[]>> {
    if (this.#isLookingUp) return new Map()
    this.#isLookingUp = true
    try {
      const topics = await this.#cluster.topics([...new Set(partitions.map(({ topic }) => topic))])
      const leaderOf = ({ topic, partition }: TopicPartition) =>
        topics.get(topic)?.partitions.find((one) => one.partition === partition)?.leader ?? null
      const byLeader = Map.groupBy(partitions, leaderOf)
      this.#forget(byLeader.get(null) ?? [])
      return new Map(
        [...byLeader].filter((entry): entry is [BrokerId, TopicPartition[]] => entry[0] !== null),
      )
    } finally {
      this.#isLookingUp = false
    }
  }

  async #askLeader(
    leader: BrokerId,
    led: readonly TopicPartition[],
  ): Promise<ReadonlyMap<string, Offset>> {
    if (this.#silent.has(leader)) return new Map()
    this.#silent.add(leader)
    try {
      const answers = await askStableEnds(this.#cluster, leader, led)
      this.#forget(answers.filter(({ failure }) => failure !== null))
      return new Map(
        answers
          .filter(({ failure }) => failure === null)
          .map((answer) => [topicPartitionId(answer), answer.value]),
      )
    } catch {
      // Those who fetch from it tell why.
      this.#forget(led)
      return new Map()
    } finally {
      this.#silent.delete(leader)
    }
  }

  /** Their leaders may be others by the next time. */
  #forget(partitions: readonly TopicPartition[]): void {
    this.#cluster.forgetTopics([...new Set(partitions.map(({ topic }) => topic))])
  }
}
