/** The topics that a topology needs, as the log creates them. */
import type { TopicName } from '../core/record.ts'
import type { TopicDefinition } from '../core/topic.ts'
import type { Log, TopicSpec } from '../log/log.ts'
import type { TopologyGraph } from '../topology/graph.ts'
import { partitionCountsOf, taskCountOf } from '../topology/partition-counts.ts'
import { quarantineTopic } from '../quality/quarantine.ts'
import { changelogStores, changelogTopic } from './changelog.ts'
import { verifyKeptTopics } from './kept-topics.ts'
import { compileTaskGraph } from './task-graph.ts'

/** As Kafka Streams: what is purged leaves the disk with its segment, so that by Kafka's default of 1 GiB it would stay for
 * long. */
const repartitionSegmentBytes = 50 * 1024 * 1024

/** A state or a fact with a list (all scores of an exam) is larger than the events that it comes of, and a task whose record
 * is refused stops for good. Below the segments of repartition topics, and two of them go into one request. */
const batchBytesMax = 48 * 1024 * 1024

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
  // Of every topic: what one topology only reads may be the facts of another, which has yet to start.
  return [...specs.values()].map((spec) => ({ ...spec, batchBytesMax }))
}

/**
 * Everything for which a start would be refused by topics that exist, before anything is made.
 * @throws TidemarkError TOPIC_MISMATCH
 */
export async function verifyExisting(
  log: Log,
  graphs: readonly TopologyGraph[],
  specs: readonly TopicSpec[],
  existing: ReadonlySet<TopicName>,
): Promise<void> {
  const found = specs.filter(({ name }) => existing.has(name))
  if (found.length === 0) return
  // None is missing: it only compares.
  await log.createTopics(found)
  await verifyKeptTopics(log, graphs, found)
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
      specs.set(name, {
        name,
        partitionCount,
        cleanupPolicy: 'delete',
        retentionMs: null,
        segmentBytes: repartitionSegmentBytes,
      })
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
