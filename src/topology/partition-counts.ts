/** How many partitions each topic of a topology has, and so how many tasks each sub-topology. */
import type { TopicName } from '../core/record.ts'
import type { GraphNode, SubTopology, TopologyGraph } from './graph.ts'

/**
 * A topic without a count of its own takes the one of the sources it is processed together with, or the
 * instance's default. The graph must be valid.
 */
export function partitionCountsOf(
  graph: TopologyGraph,
  defaultPartitionCount: number,
): ReadonlyMap<TopicName, number> {
  const counts = new Map<TopicName, number>()
  for (const node of graph.nodes) {
    if ('topic' in node)
      counts.set(node.topic.name, node.topic.partitionCount ?? defaultPartitionCount)
  }
  for (const subTopology of graph.subTopologies) {
    const count = taskCountOf(subTopology, defaultPartitionCount)
    for (const node of subTopology.nodes) {
      if (isPartitionedSource(node)) counts.set(node.topic.name, count)
    }
  }
  return counts
}

/** One task for each partition of the sources. */
export function taskCountOf(subTopology: SubTopology, defaultPartitionCount: number): number {
  return countedOf(subTopology) ?? defaultPartitionCount
}

/** What its sources say themselves; undefined where they take the instance's default. */
export function countedOf({ nodes }: SubTopology): number | undefined {
  const sources = nodes.filter(isPartitionedSource)
  return sources.find((node) => node.topic.partitionCount !== undefined)?.topic.partitionCount
}

function isPartitionedSource(
  node: GraphNode,
): node is Extract<GraphNode, { kind: 'source' | 'repartition-source' }> {
  return node.kind === 'repartition-source' || (node.kind === 'source' && !node.broadcast)
}
