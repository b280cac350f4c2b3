/**
 * Which client runs which task, keeps a standby of it or warms it up: the high availability assignor of Kafka
 * Streams (KIP-441), sticky. A function of its input alone, whatever its order.
 *
 *  1. Targets: tasks are balanced over capacities (`seats.ts`); a client keeps what it has up to its share.
 *  2. Standbys, on other processes and other racks than the target (`place-standbys.ts`).
 *  3. Movements: a task whose target is not caught up runs where the state is, and the target warms up. The
 *     next assignment, once the target has caught up, moves it: a follow-up is due while any movement is open.
 *  4. Stateless tasks level what the stateful ones leave.
 */
import { present } from '../../core/assert.ts'
import type { AssignableTask, AssignmentClient, AssignmentOptions } from './assignment.ts'
import { lagOf } from './assignment.ts'
import { placeStandbys } from './place-standbys.ts'
import { placeTasks } from './place-tasks.ts'

export interface ClientTasks {
  readonly active: readonly string[]
  readonly standby: readonly string[]
  /** Restored here so that the task can move here; not a standby, though it takes over like one. */
  readonly warmups: readonly string[]
  /** What moves here as soon as it has caught up: the warm-ups, and standbys that do for one. */
  readonly awaited: readonly string[]
}

export interface TaskSharing {
  /** For each client. */
  readonly byClient: ReadonlyMap<string, ClientTasks>
  /** Tasks that do not run where they should yet; another assignment is due when warm-ups have caught up. */
  readonly pendingMoves: readonly string[]
  /** Tasks that none of the clients can run, which is for the caller to report. */
  readonly unassigned: readonly string[]
}

interface Placement {
  readonly active: Map<string, AssignmentClient>
  readonly standbys: Map<string, AssignmentClient[]>
  readonly warmups: Map<string, AssignmentClient>
  readonly awaited: Map<string, AssignmentClient>
}

export function assignTasks(
  clientsInAnyOrder: readonly AssignmentClient[],
  tasksInAnyOrder: readonly AssignableTask[],
  options: AssignmentOptions,
): TaskSharing {
  const clients = [...clientsInAnyOrder].sort(byProcess)
  const tasks = [...tasksInAnyOrder].sort((left, right) => compare(left.id, right.id))
  const stateful = tasks.filter((task) => task.isStateful)
  const stateless = tasks.filter((task) => !task.isStateful)

  const targets = placeTasks(clients, stateful, new Map(), options)
  const sources = new Map<string, AssignmentClient>()
  for (const task of stateful) {
    const target = targets.get(task.id)
    const source = target && caughtUpSource(clients, task, target, options)
    if (source !== undefined) sources.set(task.id, source)
  }
  const standbys = placeStandbys({ clients, tasks: stateful, targets, sources, options })
  const loads = new Map<string, number>()
  for (const { id } of targets.values()) loads.set(id, (loads.get(id) ?? 0) + 1)
  const level = placeTasks(clients, stateless, loads, options)
  const placement = {
    active: new Map([...targets, ...level]),
    standbys,
    warmups: new Map(),
    awaited: new Map(),
  }
  holdBack(placement, sources, options)

  return {
    byClient: new Map(clients.map((client) => [client.id, tasksOf(client, placement)])),
    pendingMoves: [...sources.keys()],
    unassigned: tasks.filter(({ id }) => !placement.active.has(id)).map(({ id }) => id),
  }
}

/** Where the task has to stay until its target has caught up; undefined where it can go at once, which is also
 * where nobody has enough of its state to do better. */
function caughtUpSource(
  clients: readonly AssignmentClient[],
  task: AssignableTask,
  target: AssignmentClient,
  { acceptableRecoveryLag }: AssignmentOptions,
): AssignmentClient | undefined {
  const isCaughtUp = (client: AssignmentClient) => lagOf(client, task) <= acceptableRecoveryLag
  if (isCaughtUp(target)) return undefined
  const candidates = clients.filter((client) => client.canRun(task.id) && isCaughtUp(client))
  const owner = candidates.find((client) => client.owned.has(task.id))
  if (owner !== undefined) return owner
  return candidates.sort((left, right) => lagOf(left, task) - lagOf(right, task))[0]
}

/** The targets nearest to being caught up are warmed first. */
function holdBack(
  { active, standbys, warmups, awaited }: Placement,
  sources: ReadonlyMap<string, AssignmentClient>,
  { warmupReplicasMax }: AssignmentOptions,
): void {
  const moves = [...sources].map(([id, source]) => {
    const target = present(active.get(id), `target of ${id}`)
    return { id, source, target, lag: target.lags.get(id) ?? Infinity }
  })
  moves.sort((left, right) =>
    left.lag === right.lag ? compare(left.id, right.id) : left.lag < right.lag ? -1 : 1,
  )
  for (const { id, source, target } of moves) {
    active.set(id, source)
    const ofTask = standbys.get(id) ?? []
    const atSource = ofTask.indexOf(source)
    // Where the standby would be at the source, the two change places: no more state is restored for it.
    if (atSource >= 0) ofTask[atSource] = target
    else if (warmups.size < warmupReplicasMax) warmups.set(id, target)
    else continue
    awaited.set(id, target)
  }
}

function tasksOf(client: AssignmentClient, placement: Placement): ClientTasks {
  const at = (places: ReadonlyMap<string, AssignmentClient>) =>
    [...places].flatMap(([id, place]) => (place === client ? [id] : [])).sort()
  return {
    active: at(placement.active),
    standby: [...placement.standbys]
      .flatMap(([id, places]) => (places.includes(client) ? [id] : []))
      .sort(),
    warmups: at(placement.warmups),
    awaited: at(placement.awaited),
  }
}

/** By process first: a member's id changes at each start, its process's may stay. */
function byProcess(left: AssignmentClient, right: AssignmentClient): number {
  return compare(left.processId, right.processId) || compare(left.id, right.id)
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}
