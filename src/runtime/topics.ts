/** The topics that a topology needs, as the log creates them. */
import { present } from '../core/assert.ts'
import { TidemarkError } from '../core/errors.ts'
import type { TopicName } from '../core/record.ts'
import type { TopicDefinition } from '../core/topic.ts'
import type { Log, TopicSpec } from '../log/log.ts'
import type { TopologyGraph } from '../topology/graph.ts'
import { partitionCountsOf, taskCountOf } from '../topology/partition-counts.ts'
import { quarantineTopic } from '../quality/quarantine.ts'
import { changelogStores, changelogSuffix, changelogTopic } from './changelog.ts'
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

/**
 * That the changelogs are what a state can be restored from: as they were created, or a topic of somebody else
 * that happens to have the name. The log has checked the partitions already.
 * @throws TidemarkError TOPIC_MISMATCH
 */
export async function verifyChangelogs(log: Log, specs: readonly TopicSpec[]): Promise<void> {
  const names = specs.map(({ name }) => name).filter((name) => name.endsWith(changelogSuffix))
  if (names.length === 0) return
  const expected = new Map(specs.map((spec) => [spec.name, spec]))
  for (const { name, partitionCount, ...described } of await log.describeTopics(names)) {
    const spec = present(expected.get(name), name)
    const { deletesToo = false } = described
    if (deletesToo || described.cleanupPolicy !== spec.cleanupPolicy) {
      const cleanupPolicy = deletesToo ? 'compact,delete' : described.cleanupPolicy
      throw new TidemarkError(
        'TOPIC_MISMATCH',
        `changelog topic ${name} has cleanup.policy ${cleanupPolicy}, which loses state that is old: ` +
          `set it to compact, or delete the topic where it holds nothing of this application`,
        { details: { topic: name, cleanupPolicy } },
      )
    }
    if (partitionCount !== spec.partitionCount) {
      throw new TidemarkError(
        'TOPIC_MISMATCH',
        `changelog topic ${name} has ${partitionCount} partitions and its tasks are ${spec.partitionCount}: ` +
          'run with as many partitions as before, or reset the application',
        { details: { topic: name, partitionCount, expected: spec.partitionCount } },
      )
    }
  }
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
