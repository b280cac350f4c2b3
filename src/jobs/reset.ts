/**
 * Sets a topology back, as Kafka's application reset tool does: its group reads its inputs again from the place that is
 * asked for, and what it had made of them (state, changelogs, repartition topics) is thrown away. The plan is a list of
 * steps that say what they do, and of what stands against them; a dry run prints both.
 *
 *  1. Nothing is touched while a member of the group lives: it would go on from what it has in memory. A plan may be made.
 *  2. The offsets go first, so that no state is gone whose inputs nobody reads. Interrupted behind them, inputs would be read
 *     again into state that has counted them: whoever carries a reset out sees to it that nothing starts before one has
 *     ended. Run again, a reset ends.
 *  3. Facts stay unless they are asked for: the same inputs give the same rows, which replace the ones that are there. Where they
 *     keep state, whoever resets sees to it that the state begins behind them.
 */
import { TidemarkError } from '../core/errors.ts'
import { partition, storeName, topicName } from '../core/record.ts'
import type { Partition, StoreName, TopicName, TopicPartition } from '../core/record.ts'
import type { StateBackend } from '../core/state.ts'
import type { Log, PartitionOffset } from '../log/log.ts'
import type { GroupDescription, LogAdmin } from '../log/log-admin.ts'
import { sinkGroup } from '../sinks/sink-group.ts'
import {
  asPartitionOffsets,
  offsetChanges,
  type OffsetChange,
  type ResetPosition,
} from './reset-offsets.ts'

export interface ResetTopology {
  readonly name: string
  /** Topics that events come in by; broadcast ones are read again from their start in any case. */
  readonly inputs: readonly TopicName[]
  readonly repartitions: readonly TopicName[]
  readonly changelogs: readonly TopicName[]
  readonly facts: readonly TopicName[]
  /** With the names of the backend, those of the runtime among them. */
  readonly stores: readonly ResetStore[]
}

export interface ResetStore {
  readonly name: StoreName
  readonly partitionCount: number
}

export interface ResetOptions {
  readonly log: Log
  /** Null where the log is this process's own. */
  readonly admin: LogAdmin | null
  /** What this process keeps of the topologies' state; null where it is thrown away otherwise. */
  readonly state: StateBackend | null
  readonly topologies: readonly ResetTopology[]
  readonly position: ResetPosition
  /** Their facts' topics and the positions of those who bring them to ClickHouse, too. */
  readonly withFacts: boolean
  /** Members that are still in the group are taken out of it. */
  readonly force: boolean
}

export interface ResetStep {
  readonly topology: string
  readonly what: string
  readonly run: () => Promise<void>
}

export interface ResetPlan {
  readonly steps: readonly ResetStep[]
  /** Why it is not carried out now: GROUP_ACTIVE. */
  readonly refusals: readonly TidemarkError[]
}

const nobody = { generationId: -1, memberId: '' }
const entriesPerWrite = 1000

/** Changes nothing. */
export async function planReset(options: ResetOptions): Promise<ResetPlan> {
  const existing = await existingTopics(options)
  const plans: ResetPlan[] = []
  for (const topology of options.topologies) {
    plans.push(await planTopology(options, topology, existing))
  }
  return {
    steps: plans.flatMap(({ steps }) => steps),
    refusals: plans.flatMap(({ refusals }) => refusals),
  }
}

/** Tells each step before it is done. @throws TidemarkError the first refusal, before anything is done */
export async function carryOutReset(
  { steps, refusals: [refusal] }: ResetPlan,
  onStep: (step: ResetStep) => void,
): Promise<void> {
  if (refusal !== undefined) throw refusal
  for (const step of steps) {
    onStep(step)
    await step.run()
  }
}

async function planTopology(
  options: ResetOptions,
  topology: ResetTopology,
  existing: ReadonlyMap<string, number>,
): Promise<ResetPlan> {
  const { log, admin, withFacts, position, force } = options
  const { name, inputs } = topology
  const refusals: TidemarkError[] = []
  const there = (topics: readonly TopicName[]) => topics.filter((topic) => existing.has(topic))
  const partitions = there(inputs).flatMap((topic) => partitionsOf(topic, existing.get(topic) ?? 0))
  const changes = await offsetChanges(log, admin, name, partitions, position)
  const groups = withFacts ? [name, sinkGroup(name)] : [name]
  const steps: ResetStep[] = []
  const add = (what: string, run: () => Promise<void>) => steps.push({ topology: name, what, run })
  for (const group of groups) {
    const found = admin === null ? null : await admin.describeGroup(group)
    if (admin === null || found === null || found.members.length === 0) continue
    if (!force) refusals.push(membersRefusal(found))
    else {
      const what = `take ${membersOf(found)} out of group ${group}`
      add(what, () => admin.removeMembers(group))
    }
  }
  const dropped = there([
    ...topology.changelogs,
    ...topology.repartitions,
    ...(withFacts ? topology.facts : []),
  ])
  add(`set group ${name} to ${described(changes)}`, () => setGroup(options, name, changes))
  for (const step of stateSteps(options, topology)) add(step.what, step.run)
  if (dropped.length > 0) {
    const names = dropped.join(', ')
    if (admin !== null) add(`delete topics ${names}`, () => admin.deleteTopics(dropped))
    else add(`empty topics ${names}`, () => emptyTopics(log, name, dropped))
  }
  if (withFacts && admin !== null) {
    add(`delete group ${sinkGroup(name)}`, () => deleteGroup(admin, sinkGroup(name)))
  }
  return { steps, refusals }
}

function membersRefusal(group: GroupDescription): TidemarkError {
  const { groupId, state, members } = group
  return new TidemarkError(
    'GROUP_ACTIVE',
    `group ${groupId} is ${state} and has members: ${membersOf(group)}; stop them first, or take them out with --force if they are gone`,
    { details: { group: groupId, members: members.length } },
  )
}

async function setGroup(
  { log, admin }: ResetOptions,
  groupId: string,
  changes: readonly OffsetChange[],
): Promise<void> {
  const offsets = asPartitionOffsets(changes)
  if (admin === null) return log.commitOffsets({ groupId, ...nobody }, offsets)
  // With it go the offsets of topics that are about to go.
  await deleteGroup(admin, groupId)
  if (offsets.length > 0) await admin.alterGroupOffsets(groupId, offsets)
}

function membersOf({ members }: GroupDescription): string {
  return members
    .map(({ clientId, host, groupInstanceId }) => `${groupInstanceId ?? clientId} (${host})`)
    .join(', ')
}

function stateSteps(
  { state }: ResetOptions,
  { stores }: ResetTopology,
): readonly Omit<ResetStep, 'topology'>[] {
  if (state === null || stores.length === 0) return []
  const names = stores.map(({ name }) => name).join(', ')
  const run = async () => {
    for (const store of stores) await emptyStore(state, store)
  }
  return [{ what: `delete the state of ${names}`, run }]
}

async function emptyStore(
  state: StateBackend,
  { name, partitionCount }: ResetStore,
): Promise<void> {
  for (let number = 0; number < partitionCount; number += 1) {
    const address = { store: storeName(name), partition: partition(number) }
    for (;;) {
      const entries = await state.scan({ ...address, entriesMax: entriesPerWrite })
      if (entries.length === 0) break
      await state.write(entries.map(({ key }) => ({ ...address, key, value: null })))
    }
  }
}

async function deleteGroup(admin: LogAdmin, groupId: string): Promise<void> {
  if ((await admin.describeGroup(groupId)) !== null) await admin.deleteGroup(groupId)
}

/** Offsets go on where they are; who reads the topic goes on behind what was in it. */
async function emptyTopics(
  log: Log,
  topology: string,
  topics: readonly TopicName[],
): Promise<void> {
  const ends: PartitionOffset[] = []
  for (const { name, partitions } of await log.describeTopics(topics)) {
    for (const { partition: number, highWatermark } of partitions) {
      ends.push({ topic: name, partition: number, offset: highWatermark })
    }
  }
  await log.deleteRecords(ends)
  for (const groupId of [topology, sinkGroup(topology)]) {
    const committed = await log.committedOffsets(groupId, ends)
    const known = ends.filter((_, index) => (committed[index] ?? null) !== null)
    if (known.length > 0) await log.commitOffsets({ groupId, ...nobody }, known)
  }
}

async function existingTopics({
  log,
  admin,
  topologies,
}: ResetOptions): Promise<ReadonlyMap<string, number>> {
  const wanted = new Set(
    topologies.flatMap(({ inputs, repartitions, changelogs, facts }) => [
      ...inputs,
      ...repartitions,
      ...changelogs,
      ...facts,
    ]),
  )
  if (admin === null) {
    const all = await log.describeTopics()
    return new Map(all.map(({ name, partitionCount }) => [name, partitionCount]))
  }
  const names = (await admin.topicNames()).filter((name) => wanted.has(topicName(name)))
  if (names.length === 0) return new Map()
  const described = await log.describeTopics(names)
  return new Map(described.map(({ name, partitionCount }) => [name, partitionCount]))
}

function partitionsOf(topic: TopicName, count: number): TopicPartition[] {
  return Array.from({ length: count }, (_, number) => ({ topic, partition: number as Partition }))
}

/** `answers 0: 120 -> 0, 1: - -> 0; …` */
function described(changes: readonly OffsetChange[]): string {
  const byTopic = Map.groupBy(changes, ({ topic }) => topic)
  const told = [...byTopic].map(
    ([topic, of]) =>
      `${topic} ${of.map((change) => `${change.partition}: ${change.from ?? '-'} -> ${change.to}`).join(', ')}`,
  )
  return told.length === 0 ? 'no offsets: it has no input yet' : told.join('; ')
}
