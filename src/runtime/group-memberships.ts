/**
 * One group a topology, the topology's name its id. Tells which tasks this process runs: those whose inputs
 * are all assigned to it.
 */
import { present } from '../core/assert.ts'
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
  readonly onTasksLost: (ids: readonly string[]) => Promise<void>
}

class Membership {
  readonly plans: readonly TaskPlan[]
  readonly running = new Set<string>()
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
    for (const { id } of startable) this.running.add(id)
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
    const { log, defaultPartitionCount, onTasksGained, onTasksLost } = this.#options
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
        await onTasksLost(membership.lose(partitions))
      },
    })
    await onTasksGained(membership.takeStartable())
  }

  metadataOf(topologyName: string): GroupMetadata {
    const membership = this.#memberships.get(topologyName)
    return present(membership?.member, `membership of ${topologyName}`).metadata
  }

  async leave(): Promise<void> {
    await Promise.all(
      [...this.#memberships.values()].map(({ member }) => member?.leave() ?? Promise.resolve()),
    )
  }
}
