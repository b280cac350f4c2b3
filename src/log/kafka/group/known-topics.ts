/** Which of a group's topics there are: one that was just created takes a while to be known to every broker. */
import type { Clock } from '../../../core/clock.ts'
import { pause } from '../../../core/clock.ts'
import { TidemarkError } from '../../../core/errors.ts'
import type { TopicName } from '../../../core/record.ts'
import type { AssignableTopic } from '../../group-assignor.ts'
import type { KafkaCluster } from '../kafka-cluster.ts'

const patienceMs = 3_000
const pollMs = 50

/** @throws TidemarkError TOPIC_UNKNOWN where a topic does not turn up */
export async function untilTopicsAreKnown(
  { cluster, clock }: { readonly cluster: KafkaCluster; readonly clock: Clock },
  names: readonly TopicName[],
): Promise<void> {
  const giveUpAtMs = clock.monotonicMs() + patienceMs
  for (;;) {
    try {
      await cluster.topics(names)
      return
    } catch (failure) {
      if (!isUnknownTopic(failure) || clock.monotonicMs() >= giveUpAtMs) throw failure
      await pause(clock, pollMs)
    }
  }
}

/** Topics that do not exist are left out: another member may have subscribed to one that is yet to come. */
export async function knownTopics(
  cluster: KafkaCluster,
  names: readonly TopicName[],
): Promise<AssignableTopic[]> {
  const ask = async (some: readonly TopicName[]): Promise<AssignableTopic[]> => {
    const topics = await cluster.topics(some)
    return [...topics].map(([name, { partitions }]) => ({
      name,
      partitionCount: partitions.length,
    }))
  }
  const askOne = async (name: TopicName): Promise<AssignableTopic[]> => {
    try {
      return await ask([name])
    } catch (failure) {
      if (isUnknownTopic(failure)) return []
      throw failure
    }
  }
  try {
    return await ask(names)
  } catch (failure) {
    if (!isUnknownTopic(failure)) throw failure
    return (await Promise.all(names.map(askOne))).flat()
  }
}

function isUnknownTopic(failure: unknown): boolean {
  return failure instanceof TidemarkError && failure.code === 'TOPIC_UNKNOWN'
}
