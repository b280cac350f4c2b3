/** The assignment of tasks as the assignor of a group: user data in, partitions and user data out. */
import { present } from '../../core/assert.ts'
import type { StoreName, TopicPartition } from '../../core/record.ts'
import { topicPartitionId } from '../../core/record.ts'
import type {
  AssignableMember,
  AssignableTopic,
  GroupAssignor,
  MemberAssignment,
} from '../../log/group-assignor.ts'
import { assignTasks } from './assign-tasks.ts'
import type { ClientTasks, TaskSharing } from './assign-tasks.ts'
import type { AssignmentClient, AssignmentOptions } from './assignment.ts'
import { defaultAssignmentOptions } from './assignment.ts'
import { encodeAssignment } from './assignment-user-data.ts'
import type { HostTasks } from './assignment-user-data.ts'
import { decodeSubscription, subscriptionVersion } from './subscription-user-data.ts'
import type { SubscriptionUserData } from './subscription-user-data.ts'
import { taskUnits } from './task-units.ts'
import type { TaskUnit } from './task-units.ts'

export interface AssignorTask {
  readonly id: string
  readonly subTopology: number
  /** What has to be assigned to a member so that it runs the task; at least one. */
  readonly inputs: readonly TopicPartition[]
  /** Those with a changelog; a task without any is stateless. */
  readonly stores: readonly StoreName[]
}

export interface TaskAssignorOptions {
  readonly tasks: readonly AssignorTask[]
  readonly options?: Partial<AssignmentOptions>
  /** Of the member that leads: the ends of the changelogs as it knows them, summed by task. */
  readonly endOffsetSums?: () => ReadonlyMap<string, number>
}

interface Member {
  readonly member: AssignableMember
  readonly data: SubscriptionUserData
}

/** Members whose user data cannot be read count as processes of their own, of capacity 1 and without state. */
export function taskAssignor(settings: TaskAssignorOptions): GroupAssignor {
  const options = { ...defaultAssignmentOptions, ...settings.options }
  return (assignableMembers, topics) => {
    const units = taskUnits(settings.tasks).filter((unit) => exists(unit, topics))
    const members = assignableMembers.map((member) => ({ member, data: dataOf(member) }))
    const ends = endOffsetSums(members, settings.endOffsetSums?.() ?? new Map())
    const clients = members.map((of) => clientOf(of, units, ends))
    const sharing = assignTasks(clients, units, options)
    return answers(members, units, sharing, options)
  }
}

function dataOf({ memberId, userData }: AssignableMember): SubscriptionUserData {
  const nothingKnown = { processId: memberId, endpoint: null, rack: null, capacity: 1, states: [] }
  return decodeSubscription(userData) ?? { version: subscriptionVersion, ...nothingKnown }
}

function exists({ inputs }: TaskUnit, topics: readonly AssignableTopic[]): boolean {
  return inputs.every(({ topic, partition }) =>
    topics.some(({ name, partitionCount }) => name === topic && partition < partitionCount),
  )
}

/** Nobody can be further than the end: the furthest that anyone has come is the least that it can be. */
function endOffsetSums(
  members: readonly Member[],
  known: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const ends = new Map(known)
  for (const { data } of members) {
    for (const { taskId, offsetSum, endOffsetSum } of data.states) {
      ends.set(taskId, Math.max(ends.get(taskId) ?? 0, offsetSum, endOffsetSum ?? 0))
    }
  }
  return ends
}

function clientOf(
  { member, data }: Member,
  units: readonly TaskUnit[],
  ends: ReadonlyMap<string, number>,
): AssignmentClient {
  const ownedInputs = new Set(member.owned.map(topicPartitionId))
  const runnable = new Set<string>()
  const owned = new Set<string>()
  const lags = new Map<string, number>()
  const states = new Map(data.states.map((state) => [state.taskId, state]))
  for (const unit of units) {
    if (unit.inputs.every(({ topic }) => member.topics.includes(topic))) runnable.add(unit.id)
    if (unit.inputs.every((at) => ownedInputs.has(topicPartitionId(at)))) owned.add(unit.id)
    const ofTasks = unit.statefulTaskIds.map((id) => {
      const state = states.get(id)
      if (state?.isRunning === true) return 0
      const end = ends.get(id)
      return end === undefined ? null : end - (state?.offsetSum ?? 0)
    })
    if (ofTasks.every((lag) => lag !== null)) {
      lags.set(
        unit.id,
        ofTasks.reduce((sum, lag) => sum + lag, 0),
      )
    }
  }
  return {
    id: member.memberId,
    processId: data.processId,
    rack: data.rack,
    capacity: data.capacity,
    owned,
    lags,
    canRun: (id) => runnable.has(id),
  }
}

function answers(
  members: readonly Member[],
  units: readonly TaskUnit[],
  sharing: TaskSharing,
  { probingRebalanceIntervalMs }: AssignmentOptions,
): Map<string, MemberAssignment> {
  const unitsById = new Map(units.map((unit) => [unit.id, unit]))
  const unitsOf = (ids: readonly string[]) => ids.map((id) => present(unitsById.get(id), id))
  const sharesOf = ({ memberId }: AssignableMember): ClientTasks =>
    present(sharing.byClient.get(memberId), `tasks of ${memberId}`)
  const active = (ids: readonly string[]) => unitsOf(ids).flatMap(({ taskIds }) => taskIds)
  const copies = (ids: readonly string[]) =>
    unitsOf(ids).flatMap(({ statefulTaskIds }) => statefulTaskIds)

  const hosts = new Map<string, HostTasks>()
  for (const { member, data } of members) {
    if (data.endpoint === null) continue
    const shares = sharesOf(member)
    const before = hosts.get(data.endpoint) ?? { active: [], standby: [] }
    hosts.set(data.endpoint, {
      active: [...before.active, ...active(shares.active)],
      standby: [...before.standby, ...copies(shares.standby)],
    })
  }
  const processIds = [...new Set(members.map(({ data }) => data.processId))].sort()
  // One member is enough to ask, and each version 2 of it keeps the promise.
  const [prober] = members
    .filter(({ data }) => sharing.pendingMoves.length > 0 && data.version >= 2)
    .map(({ member }) => member.memberId)
    .sort()
  return new Map(
    members.map(({ member, data }) => {
      const shares = sharesOf(member)
      const userData = encodeAssignment(
        {
          active: active(shares.active),
          standby: copies(shares.standby),
          awaited: copies(shares.awaited),
          hosts,
          probingRebalanceAfterMs: member.memberId === prober ? probingRebalanceIntervalMs : null,
          processIds,
        },
        data.version,
      )
      const partitions = unitsOf(shares.active).flatMap(({ inputs }) => inputs)
      return [member.memberId, { partitions, userData }]
    }),
  )
}
