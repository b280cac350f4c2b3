/**
 * One group a topology, the topology's name its id. Tells which tasks this process runs: those whose inputs
 * are all assigned to it.
 */
import { present } from '../core/assert.ts'
import { TidemarkError } from '../core/errors.ts'
import { topicPartitionId } from '../core/record.ts'
import type { TopicPartition } from '../core/record.ts'
import type { GroupMember, GroupMetadata, Log } from '../log/log.ts'
import type { CompiledTopology, TaskPlan } from './task-plan.ts'
import { taskInputs, taskPlans } from './task-plan.ts'

export interface GroupMembershipsOptions {
  readonly log: Log
  readonly topologies: ReadonlyMap<string, CompiledTopology>
  readonly defaultPartitionCount: number
  readonly onTasksGained: (plans: readonly TaskPlan[]) => Promise<void>
  /** They may commit until this resolves. */
  readonly onTasksRevoked: (ids: readonly string[]) => Promise<void>
  /** They are another's already: nothing of them can be committed. */
  readonly onTasksLost: (ids: readonly string[]) => Promise<void>
}

class Membership {
  readonly plans: readonly TaskPlan[]
  readonly running = new Set<string>()
  /** Lost since they were started last. */
  readonly lost = new Set<string>()
  member: GroupMember | null = null
  readonly #assigned = new Set<string>()
  readonly #compiled: CompiledTopology

  constructor(compiled: CompiledTopology, defaultPartitionCount: number) {
    this.#compiled = compiled
    this.plans = taskPlans(compiled.graph, defaultPartitionCount)
  }

  gain(partitions: readonly TopicPartition[]): void {
    for (const at of partitions) this.#assigned.add(topicPartitionId(at))
  }

  lose(partitions: readonly TopicPartition[]): string[] {
    for (const at of partitions) this.#assigned.delete(topicPartitionId(at))
    const lost = this.plans.filter((plan) => this.running.has(plan.id) && !this.#isComplete(plan))
    for (const { id } of lost) this.running.delete(id)
    return lost.map(({ id }) => id)
  }

  /** The tasks that can run and do not yet. */
  takeStartable(): TaskPlan[] {
    const startable = this.plans.filter(
      (plan) => !this.running.has(plan.id) && this.#isComplete(plan),
    )
    for (const { id } of startable) {
      this.running.add(id)
      this.lost.delete(id)
    }
    return startable
  }

  #isComplete(plan: TaskPlan): boolean {
    return taskInputs(plan, this.#compiled).every((at) => this.#assigned.has(topicPartitionId(at)))
  }
}

export class GroupMemberships {
  readonly #options: GroupMembershipsOptions
  readonly #memberships = new Map<string, Membership>()

  constructor(options: GroupMembershipsOptions) {
    this.#options = options
  }

  async join(): Promise<void> {
    for (const [name, compiled] of this.#options.topologies) {
      await this.#join(name, compiled)
    }
  }

  async #join(name: string, compiled: CompiledTopology): Promise<void> {
    const { log, defaultPartitionCount, onTasksGained, onTasksRevoked, onTasksLost } = this.#options
    const membership = new Membership(compiled, defaultPartitionCount)
    this.#memberships.set(name, membership)
    const topics = new Set(
      compiled.taskGraphs.flatMap(({ partitionedTopics }) => partitionedTopics),
    )
    membership.member = await log.joinGroup({
      groupId: name,
      topics: [...new Set([...topics].map((topic) => topic.name))],
      userData: () => Buffer.alloc(0),
      onAssigned: async (partitions) => {
        membership.gain(partitions)
        // Until the member is known no task could commit; the first assignment waits for it.
        if (membership.member !== null) await onTasksGained(membership.takeStartable())
      },
      onRevoked: async (partitions) => {
        await onTasksRevoked(membership.lose(partitions))
      },
      onLost: async (partitions) => {
        const ids = membership.lose(partitions)
        for (const id of ids) membership.lost.add(id)
        await onTasksLost(ids)
      },
    })
    await onTasksGained(membership.takeStartable())
  }

  /** As whom a task commits. @throws TidemarkError PRODUCER_FENCED where the task was lost */
  metadataOf(topologyName: string, taskId: string): GroupMetadata {
    const membership = this.#memberships.get(topologyName)
    if (membership?.lost.has(taskId) === true) {
      throw new TidemarkError(
        'PRODUCER_FENCED',
        `task ${taskId} is not this member's any more: its membership of ${topologyName} was over`,
        { details: { taskId } },
      )
    }
    return present(membership?.member, `membership of ${topologyName}`).metadata
  }

  async leave(): Promise<void> {
    await Promise.all(
      [...this.#memberships.values()].map(({ member }) => member?.leave() ?? Promise.resolve()),
    )
  }
}
