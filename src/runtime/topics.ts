/** The topics that a topology needs, as the log creates them. */
import type { TopicName } from '../core/record.ts'
import type { TopicDefinition } from '../core/topic.ts'
import type { TopicSpec } from '../log/log.ts'
import type { TopologyGraph } from '../topology/graph.ts'
import { partitionCountsOf, taskCountOf } from '../topology/partition-counts.ts'
import { quarantineTopic } from '../quality/quarantine.ts'
import { changelogTopic } from './changelog.ts'
import { changelogStores } from './stream-task.ts'
import { compileTaskGraph } from './task-graph.ts'

export function topicSpecs(
  graphs: readonly TopologyGraph[],
  defaultPartitionCount: number,
  withChangelogs: boolean,
): TopicSpec[] {
  const specs = new Map<TopicName, TopicSpec>()
  const { name, cleanupPolicy, retentionMs } = quarantineTopic
  const partitionCount = quarantineTopic.partitionCount ?? defaultPartitionCount
  specs.set(name, { name, partitionCount, cleanupPolicy, retentionMs })
  for (const graph of graphs) {
    addTopics(graph, defaultPartitionCount, specs)
    if (withChangelogs) addChangelogs(graph, defaultPartitionCount, specs)
  }
  return [...specs.values()]
}

/** The topics whose values the topologies encode. */
export function encodedTopics(graphs: readonly TopologyGraph[]): TopicDefinition<any, any>[] {
  const topics = new Set<TopicDefinition<any, any>>([quarantineTopic])
  for (const { nodes } of graphs) {
    for (const node of nodes) if (node.kind === 'sink') topics.add(node.topic)
  }
  return [...topics]
}

function addTopics(
  graph: TopologyGraph,
  defaultPartitionCount: number,
  specs: Map<TopicName, TopicSpec>,
): void {
  const counts = partitionCountsOf(graph, defaultPartitionCount)
  for (const node of graph.nodes) {
    if (node.kind === 'processor') continue
    const { name } = node.topic
    const partitionCount = counts.get(name) ?? defaultPartitionCount
    if (node.kind === 'source' || node.kind === 'sink') {
      const { cleanupPolicy, retentionMs } = node.topic
      specs.set(name, { name, partitionCount, cleanupPolicy, retentionMs })
    } else {
      // Retention goes by event time: on history it would take records before they are processed.
      specs.set(name, { name, partitionCount, cleanupPolicy: 'delete', retentionMs: null })
    }
  }
}

function addChangelogs(
  graph: TopologyGraph,
  defaultPartitionCount: number,
  specs: Map<TopicName, TopicSpec>,
): void {
  for (const subTopology of graph.subTopologies) {
    const partitionCount = taskCountOf(subTopology, defaultPartitionCount)
    for (const store of changelogStores(subTopology, compileTaskGraph(subTopology))) {
      const name = changelogTopic(graph.name, store)
      specs.set(name, { name, partitionCount, cleanupPolicy: 'compact', retentionMs: null })
    }
  }
}
