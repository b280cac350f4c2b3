/**
 * Where the log does not share its storage with the state (Kafka), every state change of a commit is also a
 * record of the store's changelog topic, in the same transaction; the state is written once the outcome is
 * known, together with the changelog offset up to which it is complete (`state-keeper.ts`).
 */
import { topicName } from '../core/record.ts'
import type { Partition, StoreName, TopicName } from '../core/record.ts'
import type { StateChange } from '../core/state.ts'
import type { PartitionRecords } from '../log/log.ts'
import { factTopicOf } from '../topology/fact-changelog.ts'
import type { SubTopology } from '../topology/graph.ts'
import { broadcastPositionsStore } from './positions-store.ts'
import type { TaskGraph } from './task-graph.ts'

export const changelogSuffix = '-changelog'

export function changelogTopic(topologyName: string, store: StoreName): TopicName {
  return topicName(`${topologyName}-${store}${changelogSuffix}`)
}

/** The stores of a sub-topology that have a changelog of their own, the reserved one of broadcast positions included. */
export function changelogStores(subTopology: SubTopology, graph: TaskGraph): StoreName[] {
  const names = subTopology.stores
    .filter((definition) => factTopicOf(definition) === null)
    .map(({ name }) => name)
  if (graph.broadcastTopics.length > 0) names.push(broadcastPositionsStore(subTopology.index))
  return names
}

/** The changes of one task, one batch a store. */
export function changelogRecords(
  topologyName: string,
  partition: Partition,
  changes: readonly StateChange[],
  timestampMs: number,
): PartitionRecords[] {
  const byStore = Map.groupBy(changes, ({ store }) => store)
  return [...byStore].map(([store, ofStore]) => ({
    topic: changelogTopic(topologyName, store),
    partition,
    records: ofStore.map(({ key, value }) => ({ key, value, timestampMs })),
  }))
}
