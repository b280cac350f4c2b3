/** One topology's group, as this process is a member of it: which tasks run here, which are followed. */
import { present } from '../core/assert.ts'
import type { Clock } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'
import { topicPartitionId } from '../core/record.ts'
import type { TopicName, TopicPartition } from '../core/record.ts'
import type { GroupMember, GroupMetadata } from '../log/log.ts'
import { decodeAssignment } from './assignment/assignment-user-data.ts'
import type { HostTasks } from './assignment/assignment-user-data.ts'
import type { TopologyHosts } from './queries/hosts.ts'
import type { CompiledTopology, TaskPlan } from './task-plan.ts'
import { taskInputs, taskPlans } from './task-plan.ts'

/** The next look where a task could move by what is known here, and not by what the leader was told. */
const nearProbeMs = 2_000

export class Membership {
  readonly plans: readonly TaskPlan[]
  member: GroupMember | null = null
  /** Tasks whose state follows their changelogs here: standbys and warm-ups. */
  followed: readonly string[] = []
  /** As the last assignment has it: neither run nor followed here. Empty where it says nothing of tasks. */
  elsewhere: readonly string[] = []
  /** Tasks that move here once their state has caught up, of which it has not. */
  #awaited = new Set<string>()
  #hosts: ReadonlyMap<string, HostTasks> = new Map()
  #processIds: readonly string[] = []
  /** What the leader has given to this member. */
  #decidedActive: readonly string[] = []
  #cancelProbe: (() => void) | null = null
  /** From when the group asks what this member has until it says what it gets. */
  #isJoining = true
  #isLost = false
  readonly #compiled: CompiledTopology
  readonly #clock: Clock
  readonly #running = new Set<string>()
  /** Lost since they were started last. */
  readonly #lost = new Set<string>()
  readonly #assigned = new Set<string>()

  constructor(compiled: CompiledTopology, defaultPartitionCount: number, clock: Clock) {
    this.#compiled = compiled
    this.#clock = clock
    this.plans = taskPlans(compiled.graph, defaultPartitionCount)
  }

  get topics(): readonly TopicName[] {
    const topics = this.#compiled.taskGraphs.flatMap(({ partitionedTopics }) => partitionedTopics)
    return [...new Set(topics.map(({ name }) => name))]
  }

  noteJoining(): void {
    this.#isJoining = true
  }

  inputsOf(plan: TaskPlan): readonly TopicPartition[] {
    return taskInputs(plan, this.#compiled)
  }

  gain(partitions: readonly TopicPartition[]): void {
    for (const at of partitions) this.#assigned.add(topicPartitionId(at))
  }

  /** The tasks that cannot run any more. They may commit what they have. */
  revoke(partitions: readonly TopicPartition[]): string[] {
    for (const at of partitions) this.#assigned.delete(topicPartitionId(at))
    const ids = this.plans
      .filter((plan) => this.#running.has(plan.id) && !this.#isComplete(plan))
      .map(({ id }) => id)
    for (const id of ids) this.#running.delete(id)
    return ids
  }

  /** As `revoke`; they commit nothing from now on. */
  lose(partitions: readonly TopicPartition[]): string[] {
    this.#isLost = true
    const ids = this.revoke(partitions)
    for (const id of ids) this.#lost.add(id)
    return ids
  }

  /** The tasks that can run and do not yet. */
  takeStartable(): TaskPlan[] {
    const startable = this.plans.filter(
      (plan) => !this.#running.has(plan.id) && this.#isComplete(plan),
    )
    for (const { id } of startable) {
      this.#running.add(id)
      this.#lost.delete(id)
    }
    return startable
  }

  runs(taskId: string): boolean {
    return this.#running.has(taskId)
  }

  /** @throws TidemarkError PRODUCER_FENCED where the task was lost */
  metadataOf(taskId: string): GroupMetadata {
    const { metadata } = present(this.member, `the member of ${taskId}`)
    if (!this.#lost.has(taskId)) return metadata
    throw new TidemarkError(
      'PRODUCER_FENCED',
      `task ${taskId} is not this member's any more: its membership of ${metadata.groupId} was over`,
      { details: { taskId, groupId: metadata.groupId } },
    )
  }

  /** What the leader has decided beside the partitions. Returns the processes that are in the group no more. */
  takeAssignment(userData: Buffer, isCaughtUp: (taskId: string) => boolean): readonly string[] {
    this.#isJoining = false
    this.#isLost = false
    const decided = decodeAssignment(userData)
    this.#cancelProbe?.()
    this.#cancelProbe = null
    const { awaited = [], standby = [], probingRebalanceAfterMs = null } = decided ?? {}
    this.#awaited = new Set(awaited.filter((id) => !isCaughtUp(id)))
    this.followed = [...new Set([...standby, ...awaited])]
    const here = [...(decided?.active ?? []), ...this.followed]
    this.elsewhere =
      decided === null
        ? []
        : without(
            this.plans.map(({ id }) => id),
            here,
          )
    this.#hosts = decided?.hosts ?? new Map<string, HostTasks>()
    this.#decidedActive = decided?.active ?? []
    // The leader has seen less than there is here by now.
    const isNear = awaited.length > 0 && this.#awaited.size === 0
    this.#probeAfter(isNear ? nearProbeMs : probingRebalanceAfterMs)
    const before = this.#processIds
    this.#processIds = decided?.processIds ?? []
    return this.#processIds.length === 0 ? [] : without(before, this.#processIds)
  }

  #probeAfter(delayMs: number | null): void {
    if (delayMs === null) return
    this.#cancelProbe = this.#clock.after(delayMs, () => {
      this.#rejoin()
    })
  }

  /** When the last that is awaited has caught up the group is asked to move the tasks. */
  noteCaughtUp(taskId: string): void {
    if (this.#awaited.delete(taskId) && this.#awaited.size === 0) this.#rejoin()
  }

  /** As of the last rebalance. */
  hosts(self: string): TopologyHosts {
    const byTask = new Map(
      this.plans.map(({ id, subTopology, partition }) => [
        id,
        { subTopology, partition, active: null as string | null, standbys: [] as string[] },
      ]),
    )
    for (const [endpoint, { active, standby }] of this.#hosts) {
      for (const id of active) {
        const task = byTask.get(id)
        if (task !== undefined) task.active = endpoint
      }
      for (const id of standby) byTask.get(id)?.standbys.push(endpoint)
    }
    const isRebalancing = this.#isJoining
    const ofSelf = this.#hosts.get(self)?.active ?? []
    const isSelfShared = without(ofSelf, this.#decidedActive).length > 0
    const tasks = [...byTask.values()]
    return { self, isRebalancing, isMember: !this.#isLost, isSelfShared, tasks }
  }

  async leave(): Promise<void> {
    this.#cancelProbe?.()
    this.#cancelProbe = null
    await this.member?.leave()
  }

  #rejoin(): void {
    // A member that cannot ask now is in a rebalance, or joins anew: it is asked then in any case.
    this.member?.rejoin().catch(() => undefined)
  }

  #isComplete(plan: TaskPlan): boolean {
    return this.inputsOf(plan).every((at) => this.#assigned.has(topicPartitionId(at)))
  }
}

function without(all: readonly string[], some: readonly string[]): string[] {
  return all.filter((one) => !some.includes(one))
}
