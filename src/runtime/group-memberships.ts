/**
 * One group a topology, the topology's name its id. Tells which tasks this process runs: those whose inputs
 * are all assigned to it; and in a cluster which it follows, where they moved, and where the others are.
 */
import { present } from '../core/assert.ts'
import type { Clock } from '../core/clock.ts'
import type { GroupMetadata, JoinGroupOptions, Log } from '../log/log.ts'
import { encodeSubscription } from './assignment/subscription-user-data.ts'
import type { TaskStateReport } from './assignment/subscription-user-data.ts'
import { taskAssignor } from './assignment/task-assignor.ts'
import type { ClusterOptions } from './cluster-options.ts'
import type { LocalState } from './local-state.ts'
import { Membership } from './membership.ts'
import type { TopologyHosts } from './queries/hosts.ts'
import type { CompiledTopology, TaskPlan } from './task-plan.ts'

export interface GroupMembershipsOptions {
  readonly log: Log
  readonly clock: Clock
  readonly topologies: ReadonlyMap<string, CompiledTopology>
  readonly defaultPartitionCount: number
  readonly onTasksGained: (plans: readonly TaskPlan[]) => Promise<void>
  /** They may commit until this resolves. */
  readonly onTasksRevoked: (ids: readonly string[]) => Promise<void>
  /** They are another's already: nothing of them can be committed. */
  readonly onTasksLost: (ids: readonly string[]) => Promise<void>
  readonly onFailure: (failure: unknown) => void
  /** Null: the log shares the partitions out as it does by itself, and no state is followed. */
  readonly cluster: {
    readonly options: ClusterOptions
    readonly localState: LocalState
  } | null
}

const noUserData = Buffer.alloc(0)

export class GroupMemberships {
  readonly #options: GroupMembershipsOptions
  readonly #memberships = new Map<string, Membership>()

  constructor(options: GroupMembershipsOptions) {
    this.#options = options
  }

  async join(): Promise<void> {
    const { cluster } = this.#options
    if (cluster !== null) await this.#endTransactionsOf([cluster.options.instanceId])
    for (const [name, compiled] of this.#options.topologies) {
      await this.#join(name, compiled)
    }
  }

  async #join(name: string, compiled: CompiledTopology): Promise<void> {
    const { log, clock, defaultPartitionCount } = this.#options
    const { onTasksGained, onTasksRevoked, onTasksLost, onFailure } = this.#options
    const membership = new Membership(compiled, defaultPartitionCount, clock)
    this.#memberships.set(name, membership)
    membership.member = await log.joinGroup({
      groupId: name,
      topics: membership.topics,
      userData: () => this.#userDataOf(membership),
      ...this.#inCluster(membership),
      onAssigned: async (partitions) => {
        membership.gain(partitions)
        // Until the member is known no task could commit; the first assignment waits for it.
        if (membership.member !== null) await onTasksGained(membership.takeStartable())
      },
      onRevoked: async (partitions) => {
        await onTasksRevoked(membership.revoke(partitions))
      },
      onLost: async (partitions) => {
        const all = membership.plans.map(({ id }) => id)
        this.#options.cluster?.localState.updater.forgetElsewhere(all)
        await onTasksLost(membership.lose(partitions))
      },
      onFailure,
    })
    await onTasksGained(membership.takeStartable())
  }

  /** As whom a task commits. @throws TidemarkError PRODUCER_FENCED where the task was lost */
  metadataOf(topologyName: string, taskId: string): GroupMetadata {
    return this.#membership(topologyName).metadataOf(taskId)
  }

  /** True where the task runs in this process. */
  runs(taskId: string): boolean {
    return [...this.#memberships.values()].some((membership) => membership.runs(taskId))
  }

  noteCaughtUp(taskId: string): void {
    for (const membership of this.#memberships.values()) membership.noteCaughtUp(taskId)
  }

  /** Null before the topology's group was joined. */
  hostsOf(topologyName: string): TopologyHosts | null {
    const self = this.#options.cluster?.options.endpoint ?? ''
    return this.#memberships.get(topologyName)?.hosts(self) ?? null
  }

  async leave(): Promise<void> {
    await Promise.all([...this.#memberships.values()].map((membership) => membership.leave()))
  }

  #membership(topologyName: string): Membership {
    return present(this.#memberships.get(topologyName), `membership of ${topologyName}`)
  }

  #inCluster(
    membership: Membership,
  ): Pick<JoinGroupOptions, 'assignor' | 'groupInstanceId' | 'onAssignment'> {
    const { cluster } = this.#options
    if (cluster === null) return {}
    const { options, localState } = cluster
    const { groupInstanceId, probingRebalanceIntervalMs } = options
    return {
      assignor: taskAssignor({
        tasks: membership.plans.map((plan) => ({
          id: plan.id,
          subTopology: plan.subTopology,
          inputs: membership.inputsOf(plan),
          stores: localState.changelogsOf(plan.id).map(({ store }) => store),
        })),
        options: {
          acceptableRecoveryLag: options.acceptableRecoveryLag,
          warmupReplicasMax: options.maxWarmupReplicas,
          standbyReplicaCount: options.numStandbyReplicas,
          ...(probingRebalanceIntervalMs === undefined ? {} : { probingRebalanceIntervalMs }),
        },
      }),
      ...(groupInstanceId === undefined ? {} : { groupInstanceId }),
      onAssignment: async (userData) => {
        const gone = membership.takeAssignment(userData, (id) => localState.updater.isCaughtUp(id))
        // The tasks that wait for it are started meanwhile.
        void this.#endTransactionsOf(gone)
        const followed = [...this.#memberships.values()].flatMap((each) => each.followed)
        await localState.updater.setStandbys(followed)
        localState.updater.noteElsewhere(membership.elsewhere)
      },
    }
  }

  /** Who left in order has left nothing open. Where it fails, the transaction's time will be over. */
  async #endTransactionsOf(instanceIds: readonly string[]): Promise<void> {
    const end = this.#options.cluster?.options.endTransactionsOf
    if (end === undefined) return
    await Promise.allSettled(instanceIds.map((id) => end(id)))
  }

  #userDataOf(membership: Membership): Buffer {
    const { cluster } = this.#options
    membership.noteJoining()
    if (cluster === null) return noUserData
    const { instanceId, endpoint, rack, capacity } = cluster.options
    return encodeSubscription({
      processId: instanceId,
      endpoint,
      rack: rack ?? null,
      capacity: capacity ?? 1,
      states: membership.plans
        .map(({ id }) => cluster.localState.reportOf(id))
        .filter((report): report is TaskStateReport => report !== null),
    })
  }
}
