/** The topics that a topology needs, as the log creates them. */
import { present } from '../core/assert.ts'
import { TidemarkError } from '../core/errors.ts'
import type { TopicName } from '../core/record.ts'
import type { TopicDefinition } from '../core/topic.ts'
import type { Log, TopicSpec } from '../log/log.ts'
import type { TopologyGraph } from '../topology/graph.ts'
import { partitionCountsOf, taskCountOf } from '../topology/partition-counts.ts'
import { quarantineTopic } from '../quality/quarantine.ts'
import { changelogStores, changelogSuffix, changelogTopic, sourcesOf } from './changelog.ts'
import { compileTaskGraph } from './task-graph.ts'

/** As Kafka Streams: what is purged leaves the disk with its segment, so that by Kafka's default of 1 GiB it would stay for
 * long. */
const repartitionSegmentBytes = 50 * 1024 * 1024

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

/**
 * That what a state or a table is restored from keeps the last record of each key: changelogs as they were created, or
 * a topic of somebody else that happens to have the name; compacted topics of facts and of tables that have no other
 * changelog, which others may have set to lose what is old. The log has compared partitions and policies already.
 * @throws TidemarkError TOPIC_MISMATCH
 */
export async function verifyKeptTopics(
  log: Log,
  graphs: readonly TopologyGraph[],
  specs: readonly TopicSpec[],
): Promise<void> {
  const restoring = restoringTopics(graphs)
  const names = specs
    .filter(({ name }) => isChangelog(name) || restoring.has(name))
    .map(({ name }) => name)
  if (names.length === 0) return
  const expected = new Map(specs.map((spec) => [spec.name, spec]))
  for (const { name, partitionCount, ...described } of await log.describeTopics(names)) {
    const spec = present(expected.get(name), name)
    const { deletesToo = false } = described
    if (deletesToo || described.cleanupPolicy !== spec.cleanupPolicy) {
      const cleanupPolicy = deletesToo ? 'compact,delete' : described.cleanupPolicy
      throw new TidemarkError(
        'TOPIC_MISMATCH',
        isChangelog(name)
          ? `changelog topic ${name} has cleanup.policy ${cleanupPolicy}, which loses state that is old: ` +
              'set it to compact, or delete the topic where it holds nothing of this application'
          : `topic ${name} has cleanup.policy ${cleanupPolicy}, which loses the last record of a key that is old, ` +
              'and with it its row when a table is restored or rebuilt: set it to compact with kafka-configs',
        { details: { topic: name, cleanupPolicy } },
      )
    }
    if (isChangelog(name) && partitionCount !== spec.partitionCount) {
      throw new TidemarkError(
        'TOPIC_MISMATCH',
        `changelog topic ${name} has ${partitionCount} partitions and its tasks are ${spec.partitionCount}: ` +
          'run with as many partitions as before, or reset the application',
        { details: { topic: name, partitionCount, expected: spec.partitionCount } },
      )
    }
  }
}

/** What a table's state or its rows in ClickHouse are read from again. */
function restoringTopics(graphs: readonly TopologyGraph[]): ReadonlySet<TopicName> {
  const names = new Set<TopicName>()
  for (const { nodes, subTopologies } of graphs) {
    for (const subTopology of subTopologies) {
      for (const name of sourcesOf(subTopology).topics) names.add(name)
    }
    for (const node of nodes) {
      if (node.kind === 'sink' && node.topic.cleanupPolicy === 'compact') names.add(node.topic.name)
    }
  }
  return names
}

function isChangelog(name: TopicName): boolean {
  return name.endsWith(changelogSuffix)
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
