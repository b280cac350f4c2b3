/**
 * Repartition topics carry records from one task to another and have no retention: what the reading task has
 * committed is deleted, as Kafka Streams purges them.
 */
import { partition, type TopicPartition } from '../core/record.ts'
import type { Log } from '../log/log.ts'
import type { TopologyGraph } from '../topology/graph.ts'

export async function purgeRepartitionTopics(
  log: Log,
  graphs: readonly TopologyGraph[],
): Promise<void> {
  for (const graph of graphs) {
    const names = graph.nodes.flatMap((node) =>
      node.kind === 'repartition-source' ? [node.topic.name] : [],
    )
    if (names.length === 0) continue
    const described = await log.describeTopics(names)
    const partitions: TopicPartition[] = described.flatMap(({ name, partitions: all }) =>
      all.map((each) => ({ topic: name, partition: partition(each.partition) })),
    )
    const committed = await log.committedOffsets(graph.name, partitions)
    const before = committed.filter((position) => position !== null)
    if (before.length > 0) await log.deleteRecords(before)
  }
}
