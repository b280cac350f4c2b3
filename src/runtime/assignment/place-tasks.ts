/** Where each task should run: balanced, and as few moved as balance allows. */
import { present } from '../../core/assert.ts'
import type { AssignableTask, AssignmentClient, AssignmentOptions } from './assignment.ts'
import { lagOf } from './assignment.ts'
import { shareSeats } from './seats.ts'

/**
 * @param clients and tasks, each in an order that all members agree on
 * @param loads what the clients have already, by id
 * @returns the client of each task; a task is absent where no client can run it
 */
export function placeTasks(
  clients: readonly AssignmentClient[],
  tasks: readonly AssignableTask[],
  loads: ReadonlyMap<string, number>,
  options: AssignmentOptions,
): Map<string, AssignmentClient> {
  const placing = new Placing(clients, tasks, loads, options)
  placing.keepOwned()
  placing.matchCaughtUp()
  placing.placeRest()
  return placing.places
}

class Placing {
  readonly places = new Map<string, AssignmentClient>()
  readonly #clients: readonly AssignmentClient[]
  readonly #tasks: readonly AssignableTask[]
  readonly #acceptableLag: number
  readonly #seats: ReadonlyMap<string, number>
  readonly #loads: Map<string, number>
  /** Tasks by client and sub-topology: the heavy ones are not to meet at one client. */
  readonly #bySubTopology = new Map<string, number>()
  readonly #keepable: ReadonlyMap<string, readonly AssignableTask[]>

  constructor(
    clients: readonly AssignmentClient[],
    tasks: readonly AssignableTask[],
    loads: ReadonlyMap<string, number>,
    options: AssignmentOptions,
  ) {
    this.#clients = clients
    this.#tasks = tasks
    this.#acceptableLag = options.acceptableRecoveryLag
    this.#loads = new Map(clients.map(({ id }) => [id, loads.get(id) ?? 0]))
    this.#keepable = this.#findKeepable()
    const claims = new Map(
      clients.map(({ id }) => [id, this.#loadOf(id) + (this.#keepable.get(id)?.length ?? 0)]),
    )
    this.#seats = shareSeats(clients, tasks.length, this.#loads, claims)
  }

  /** What a client owns stays with it, but for what is over its share and cheapest to move. */
  keepOwned(): void {
    const kept = new Map<AssignmentClient, AssignableTask[]>()
    for (const client of this.#clients) {
      const owned = [...(this.#keepable.get(client.id) ?? [])]
      for (const task of owned) this.#count(client, task, 1)
      kept.set(client, owned)
    }
    for (const [client, tasks] of kept) {
      while (this.#room(client) < 0) {
        const next = this.#cheapestToMove(client, tasks)
        tasks.splice(tasks.indexOf(next), 1)
        this.#count(client, next, -1)
      }
      for (const task of tasks) this.places.set(task.id, client)
    }
  }

  /** As many of the rest as possible go to a client that has their state (augmenting paths, as in Kuhn's
   * matching); what is kept is not touched. */
  matchCaughtUp(): void {
    const matched = new Map<string, AssignableTask[]>()
    const tryPlace = (task: AssignableTask, seen: Set<string>): boolean => {
      const candidates = this.#clients
        .filter((client) => this.#isCaughtUp(client, task) && !seen.has(client.id))
        .sort((left, right) => lagOf(left, task) - lagOf(right, task))
      for (const client of candidates) {
        if (seen.has(client.id)) continue
        seen.add(client.id)
        const others = matched.get(client.id) ?? []
        const hasRoom = this.#room(client) > 0
        const moved = hasRoom ? undefined : others.find((other) => tryPlace(other, seen))
        if (!hasRoom && moved === undefined) continue
        if (moved !== undefined) {
          others.splice(others.indexOf(moved), 1)
          this.#count(client, moved, -1)
        }
        matched.set(client.id, [...others, task])
        this.places.set(task.id, client)
        this.#count(client, task, 1)
        return true
      }
      return false
    }
    for (const task of this.#tasks) {
      if (task.isStateful && !this.places.has(task.id)) tryPlace(task, new Set())
    }
  }

  placeRest(): void {
    for (const task of this.#tasks) {
      if (this.places.has(task.id)) continue
      const able = this.#clients.filter((client) => client.canRun(task.id))
      const withRoom = able.filter((client) => this.#room(client) > 0)
      const [best] = (withRoom.length > 0 ? withRoom : able).sort((left, right) =>
        this.#compare(left, right, task),
      )
      if (best === undefined) continue
      this.places.set(task.id, best)
      this.#count(best, task, 1)
    }
  }

  #findKeepable(): ReadonlyMap<string, readonly AssignableTask[]> {
    const keepable = new Map<string, AssignableTask[]>()
    for (const task of this.#tasks) {
      const owner = this.#clients.find(
        (client) => client.owned.has(task.id) && client.canRun(task.id),
      )
      if (owner === undefined) continue
      const isBehind = !this.#isCaughtUp(owner, task)
      // A restore is given up for a client that needs none.
      if (isBehind && this.#clients.some((client) => this.#isCaughtUp(client, task))) continue
      keepable.set(owner.id, [...(keepable.get(owner.id) ?? []), task])
    }
    return keepable
  }

  /** That which another client with room could take over soonest; then one of the sub-topology that the client
   * has most of. */
  #cheapestToMove(from: AssignmentClient, tasks: readonly AssignableTask[]): AssignableTask {
    const takers = this.#clients.filter((client) => client !== from && this.#room(client) > 0)
    const costs = tasks.map((task) => {
      const able = takers.filter((client) => client.canRun(task.id))
      const lag = able.reduce((least, client) => Math.min(least, lagOf(client, task)), Infinity)
      return {
        task,
        isStuck: able.length === 0,
        cost: lag <= this.#acceptableLag ? 0 : lag,
        alike: this.#alike(from, task),
      }
    })
    costs.sort((left, right) => {
      if (left.isStuck !== right.isStuck) return left.isStuck ? 1 : -1
      if (left.cost !== right.cost) return left.cost < right.cost ? -1 : 1
      return right.alike - left.alike
    })
    return present(costs[0], 'a task to move').task
  }

  #compare(left: AssignmentClient, right: AssignmentClient, task: AssignableTask): number {
    const lags = [lagOf(left, task), lagOf(right, task)] as const
    if (lags[0] !== lags[1]) return lags[0] < lags[1] ? -1 : 1
    return (
      this.#alike(left, task) / left.capacity - this.#alike(right, task) / right.capacity ||
      this.#loadOf(left.id) / left.capacity - this.#loadOf(right.id) / right.capacity
    )
  }

  #isCaughtUp(client: AssignmentClient, task: AssignableTask): boolean {
    return client.canRun(task.id) && lagOf(client, task) <= this.#acceptableLag
  }

  #room(client: AssignmentClient): number {
    return (this.#seats.get(client.id) ?? 0) - this.#loadOf(client.id)
  }

  #loadOf(id: string): number {
    return this.#loads.get(id) ?? 0
  }

  #alike(client: AssignmentClient, task: AssignableTask): number {
    return this.#bySubTopology.get(`${task.subTopology} ${client.id}`) ?? 0
  }

  #count(client: AssignmentClient, task: AssignableTask, by: 1 | -1): void {
    this.#loads.set(client.id, this.#loadOf(client.id) + by)
    this.#bySubTopology.set(`${task.subTopology} ${client.id}`, this.#alike(client, task) + by)
  }
}
