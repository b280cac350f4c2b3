/** Requests about many partitions: each leader is asked for its own, and again where a leader has moved. */
import type { Clock } from '../../../core/clock.ts'
import type { TopicPartition } from '../../../core/record.ts'
import { topicPartitionId } from '../../../core/record.ts'
import { withBackOff } from '../connections/back-off.ts'
import { isMisdirected } from '../connections/failures.ts'
import { partitionUnknown } from '../fetch/fetch-failures.ts'
import type { BrokerId, KafkaCluster } from '../kafka-cluster.ts'
import { ProtocolError } from '../protocol-error.ts'

export interface LeaderContext {
  readonly cluster: KafkaCluster
  readonly clock: Clock
  readonly random: () => number
  readonly giveUpAfterMs: number
}

/** What one leader answers of one partition; `failure` is null where it did what was asked. */
export interface PartitionAnswer<Value> extends TopicPartition {
  readonly failure: unknown
  readonly value: Value
}

/** The values by `topicPartitionId`. @throws TidemarkError TOPIC_UNKNOWN | PARTITION_UNKNOWN | KAFKA_UNREACHABLE, or the
 * first failure that does not pass */
export async function askLeaders<At extends TopicPartition, Value>(
  context: LeaderContext,
  partitions: readonly At[],
  ask: (leader: BrokerId, led: readonly At[]) => Promise<readonly PartitionAnswer<Value>[]>,
): Promise<ReadonlyMap<string, Value>> {
  const values = new Map<string, Value>()
  const left = () => partitions.filter((at) => !values.has(topicPartitionId(at)))
  await withBackOff(async () => {
    const asked = left()
    try {
      const byLeader = await groupByLeader(context.cluster, asked)
      const answers = await Promise.all([...byLeader].map(([leader, led]) => ask(leader, led)))
      let failure: unknown = null
      for (const answer of answers.flat()) {
        if (answer.failure === null) values.set(topicPartitionId(answer), answer.value)
        else failure ??= answer.failure
      }
      if (failure !== null) throw failure as Error
    } catch (failure) {
      if (isMisdirected(failure)) context.cluster.forgetTopics(topicsOf(left()))
      throw failure
    }
  }, context)
  return values
}

export async function groupByLeader<At extends TopicPartition>(
  cluster: KafkaCluster,
  partitions: readonly At[],
): Promise<ReadonlyMap<BrokerId, readonly At[]>> {
  const byLeader = new Map<BrokerId, At[]>()
  if (partitions.length === 0) return byLeader
  const topics = await cluster.topics(topicsOf(partitions))
  for (const at of partitions) {
    const found = topics.get(at.topic)?.partitions.find((one) => one.partition === at.partition)
    if (found === undefined) throw partitionUnknown(at)
    if (found.leader === null) throw new ProtocolError(5, 'Metadata', topicPartitionId(at))
    const led = byLeader.get(found.leader)
    if (led === undefined) byLeader.set(found.leader, [at])
    else led.push(at)
  }
  return byLeader
}

/** As requests have it: one entry a topic. */
export function byTopic<At extends TopicPartition>(
  partitions: readonly At[],
): ReadonlyMap<At['topic'], readonly At[]> {
  return Map.groupBy(partitions, ({ topic }) => topic)
}

function topicsOf(partitions: readonly TopicPartition[]): TopicPartition['topic'][] {
  return [...new Set(partitions.map(({ topic }) => topic))]
}
