/** What an assignment of tasks is made from: plain data. */

export interface AssignableTask {
  readonly id: string
  readonly subTopology: number
  readonly isStateful: boolean
}

/** A member of the group, as the assignment sees it. */
export interface AssignmentClient {
  readonly id: string
  /** Members of one process share its fate; a standby beside its task would be of no use. */
  readonly processId: string
  /** Where it runs: zone, rack. Null where nobody said. */
  readonly rack: string | null
  /** Above 0: worker threads. A client of capacity 4 gets twice the tasks of one of capacity 2. */
  readonly capacity: number
  /** The tasks that it runs or restores now. */
  readonly owned: ReadonlySet<string>
  /** By task: how many changelog records its state is behind; 0 where the task runs. Absent: not known. */
  readonly lags: ReadonlyMap<string, number>
  /** False where the member has not subscribed to the task's topics (another version of the topology). */
  canRun(taskId: string): boolean
}

/** Kafka Streams' names for them: `acceptable.recovery.lag`, `max.warmup.replicas`, `num.standby.replicas`,
 * `probing.rebalance.interval.ms`. */
export interface AssignmentOptions {
  /** A state that lacks no more changelog records than this may take its task over at once. */
  readonly acceptableRecoveryLag: number
  /** In the whole group at a time: what a move costs the changelog's brokers. */
  readonly warmupReplicasMax: number
  readonly standbyReplicaCount: number
  /** While a movement is open, the next assignment is asked for after this long at the latest. */
  readonly probingRebalanceIntervalMs: number
}

export const defaultAssignmentOptions: AssignmentOptions = {
  acceptableRecoveryLag: 10_000,
  warmupReplicasMax: 2,
  standbyReplicaCount: 0,
  probingRebalanceIntervalMs: 10 * 60_000,
}

export function lagOf(client: AssignmentClient, task: AssignableTask): number {
  return task.isStateful ? (client.lags.get(task.id) ?? Infinity) : 0
}
