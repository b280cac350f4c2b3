/**
 * Topics that exist, as a start finds them: whether state and rows can be read from them again as they were written.
 * The log has compared partitions and policies already (`Log.createTopics`).
 */
import { present } from '../core/assert.ts'
import { TidemarkError } from '../core/errors.ts'
import type { ErrorDetails } from '../core/errors.ts'
import type { TopicName } from '../core/record.ts'
import type { Log, TopicDescription, TopicSpec } from '../log/log.ts'
import { factTopicOf } from '../topology/fact-changelog.ts'
import type { TopologyGraph } from '../topology/graph.ts'
import { changelogSuffix } from './changelog.ts'

interface Fault {
  readonly text: string
  readonly details: ErrorDetails
}

/**
 * That what a state or a table is restored from keeps the last record of each key: changelogs as they were created, or
 * a topic of somebody else that happens to have the name; compacted topics of facts, which others may have set to lose
 * what is old. And that the broker leaves records the times that they are
 * written with, where these are event times.
 * @throws TidemarkError TOPIC_MISMATCH with all that is to be mended
 */
export async function verifyKeptTopics(
  log: Log,
  graphs: readonly TopologyGraph[],
  specs: readonly TopicSpec[],
): Promise<void> {
  const restoring = restoringTopics(graphs)
  const timed = timedTopics(graphs)
  const names = specs
    .map(({ name }) => name)
    .filter((name) => isChangelog(name) || restoring.has(name) || timed.has(name))
  if (names.length === 0) return
  const expected = new Map(specs.map((spec) => [spec.name, spec]))
  const faults: Fault[] = []
  for (const found of await log.describeTopics(names)) {
    const { name } = found
    const spec = present(expected.get(name), name)
    if (isChangelog(name) || restoring.has(name)) faults.push(...keepingFaults(found, spec))
    const why = timed.get(name)
    if (why !== undefined && found.timestamps === 'LogAppendTime') faults.push(timeFault(name, why))
  }
  const [first, ...more] = faults
  if (first === undefined) return
  const message =
    more.length === 0
      ? first.text
      : `${faults.length} settings of topics are to be mended:\n${faults.map((fault) => `  ${fault.text}`).join('\n')}`
  throw new TidemarkError('TOPIC_MISMATCH', message, { details: first.details })
}

function keepingFaults(
  { name, partitionCount, cleanupPolicy, deletesToo = false }: TopicDescription,
  spec: TopicSpec,
): Fault[] {
  const faults: Fault[] = []
  if (deletesToo || cleanupPolicy !== spec.cleanupPolicy) {
    const policy = deletesToo ? 'compact,delete' : cleanupPolicy
    const text = isChangelog(name)
      ? `changelog topic ${name} has cleanup.policy ${policy}, which loses state that is old: ` +
        'set it to compact, or delete the topic where it holds nothing of this application'
      : `topic ${name} has cleanup.policy ${policy}, which loses the last record of a key that is old, ` +
        'and with it its row when a table is restored or rebuilt: set it to compact with kafka-configs'
    faults.push({ text, details: { topic: name, cleanupPolicy: policy } })
  }
  if (isChangelog(name) && partitionCount !== spec.partitionCount) {
    const text =
      `changelog topic ${name} has ${partitionCount} partitions and its tasks are ${spec.partitionCount}: ` +
      'run with as many partitions as before, or reset the application'
    faults.push({ text, details: { topic: name, partitionCount, expected: spec.partitionCount } })
  }
  return faults
}

function timeFault(topic: TopicName, why: string): Fault {
  const command = `kafka-configs --alter --entity-type topics --entity-name ${topic} --add-config message.timestamp.type=CreateTime`
  return {
    text:
      `topic ${topic} has message.timestamp.type LogAppendTime, and ${why}: the broker puts its own time in its place; ` +
      `set it with ${command} (records that are there keep the broker's time)`,
    details: { topic, timestamps: 'LogAppendTime' },
  }
}

/** What rows in ClickHouse, and stores whose changelog they are, are read from again. */
function restoringTopics(graphs: readonly TopologyGraph[]): ReadonlySet<TopicName> {
  const names = new Set<TopicName>()
  for (const { nodes } of graphs) {
    for (const node of nodes) {
      if (node.kind === 'sink' && node.topic.cleanupPolicy === 'compact') names.add(node.topic.name)
    }
  }
  return names
}

/** Topics whose records bear what no value has, and what for. A changelog of a store's own is none: its values have
 * the times of its rows. */
function timedTopics(graphs: readonly TopologyGraph[]): ReadonlyMap<TopicName, string> {
  const topics = new Map<TopicName, string>()
  for (const { nodes, subTopologies } of graphs) {
    for (const node of nodes) {
      if (node.kind === 'repartition-source') {
        topics.set(node.topic.name, 'its records bear the event times between two sub-topologies')
      } else if (node.kind === 'source' && node.topic.eventTimeMsOf === undefined) {
        topics.set(node.topic.name, 'the event time of its values is that of their records')
      } else if (node.kind === 'source' && node.topic.recordTimeCounts === true) {
        topics.set(
          node.topic.name,
          'of two versions of an event the one that was sent later counts',
        )
      }
    }
    for (const definition of subTopologies.flatMap(({ stores }) => stores)) {
      const facts = factTopicOf(definition)
      if (facts !== null) {
        topics.set(facts.name, `the rows of store ${definition.name} are restored with their times`)
      }
    }
  }
  return topics
}

function isChangelog(name: TopicName): boolean {
  return name.endsWith(changelogSuffix)
}
