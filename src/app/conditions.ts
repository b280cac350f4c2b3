/**
 * What keeps a running instance from its work, or work from it, without ending it: told in its status for as long as it
 * is so, and in a line when it begins and when it is over.
 */
import type { Clock } from '../core/clock.ts'
import { topicPartitionId } from '../core/record.ts'
import type { Log } from '../log/log.ts'
import type { AddedPartitions, RuntimeStatus } from '../runtime/runtime-status.ts'

export interface Condition {
  /** Null while it is not so. */
  readonly text: () => string | null
  /** The line when it is over. */
  readonly over: string
}

/** Those of an instance that works with others. */
export interface InstanceConditions {
  readonly outage?: Condition
  readonly unreadPartitions?: Condition
}

/** Brokers that are away for a shorter time are no trouble: connections are cut and made anew. */
const outageMinMs = 2_000
const lookIntervalMs = 500

/** @param servers as the configuration has them */
export function outageOf(log: Log, clock: Clock, servers: readonly string[]): Condition {
  const text = () => {
    const outage = log.outage ?? null
    if (outage === null || clock.nowMs() - outage.sinceMs < outageMinMs) return null
    const since = new Date(outage.sinceMs).toISOString()
    return (
      `the brokers at ${servers.join(', ')} cannot be reached since ${since}: ${outage.reason}; ` +
      'tasks wait, and go on by themselves'
    )
  }
  return { text, over: `the brokers at ${servers.join(', ')} answer again` }
}

export function unreadPartitions(status: () => RuntimeStatus): Condition {
  const text = () => {
    const added = status().addedPartitions.map(addedText)
    return added.length === 0 ? null : added.join('; ')
  }
  return { text, over: 'the source topics have as many partitions as their topologies know' }
}

function addedText({ topologyName, topic, known, now, unread, effect }: AddedPartitions): string {
  const records = unread === 1 ? '1 record' : `${unread} records`
  const remedy =
    effect === 'keys-move'
      ? 'keys have moved away from their state, so they cannot be taken up: copy the topic by key into a new one of ' +
        `${now} partitions, have the topology read that one, and run tidemark reset before it starts`
      : `set the topic's partitionCount to ${now} in the topology and start all instances anew`
  return (
    `topic ${topic} was given partitions while ${topologyName} reads it: ${known} are known, ${now} are there now, ` +
    `and nobody reads the added ones, with ${records} in them; ${remedy}`
  )
}

/** Nothing waits for it, so no status has it. */
export function foreignOffsets(status: () => RuntimeStatus): Condition {
  const text = () => {
    const { tasks } = status()
    const foreign = tasks.flatMap(({ topologyName: group, foreignOffsets: offsets }) =>
      offsets.map((at) => ({ group, ...at })),
    )
    const [first] = foreign
    if (first === undefined) return null
    const groups = [...new Set(foreign.map(({ group }) => group))].join(', ')
    return (
      `another program has set offsets of group ${groups}, as that of ${topicPartitionId(first)} with the metadata ` +
      `${JSON.stringify(first.metadata)}: tasks go on from there, and take their stream time from the records that come`
    )
  }
  return { text, over: 'the tasks go on from offsets that they have committed' }
}

/** The first that is so; null where none is. */
export function firstOf(conditions: readonly Condition[]): string | null {
  for (const { text } of conditions) {
    const found = text()
    if (found !== null) return found
  }
  return null
}

/** @param tell a line for the operator. Returns how to stop it. */
export function tellConditions(
  conditions: readonly Condition[],
  clock: Clock,
  tell: (line: string) => void,
): () => Promise<void> {
  const told = new Set<Condition>()
  let cancel = () => {}
  const look = () => {
    for (const condition of conditions) {
      const text = condition.text()
      if (text !== null && !told.has(condition)) {
        told.add(condition)
        tell(text)
      } else if (text === null && told.delete(condition)) tell(condition.over)
    }
    cancel = clock.after(lookIntervalMs, look)
  }
  look()
  return () => {
    cancel()
    return Promise.resolve()
  }
}
