/** Where the standbys of the stateful tasks are kept. */
import type { AssignableTask, AssignmentClient, AssignmentOptions } from './assignment.ts'
import { lagOf } from './assignment.ts'
import { shareSeats } from './seats.ts'

export interface StandbysToPlace {
  /** Clients and tasks, each in an order that all members agree on. */
  readonly clients: readonly AssignmentClient[]
  readonly tasks: readonly AssignableTask[]
  readonly targets: ReadonlyMap<string, AssignmentClient>
  /** Of tasks that stay for a while where they are, where that is. */
  readonly sources: ReadonlyMap<string, AssignmentClient>
  readonly options: AssignmentOptions
}

/** By task; never the task's target, and one process once. A rack that has no copy of the task goes before
 * one that has, then balance, then state that is there already. */
export function placeStandbys(input: StandbysToPlace): Map<string, AssignmentClient[]> {
  const placing = new StandbyPlacing(input)
  // What is kept is decided for all tasks before anything new is placed, so that nothing new takes its share.
  for (const task of input.tasks) placing.keep(task)
  for (const task of input.tasks) placing.fill(task)
  return placing.standbys
}

class StandbyPlacing {
  readonly standbys = new Map<string, AssignmentClient[]>()
  readonly #input: StandbysToPlace
  readonly #seats: ReadonlyMap<string, number>
  readonly #loads = new Map<string, number>()
  readonly #activeLoads = new Map<string, number>()

  constructor(input: StandbysToPlace) {
    this.#input = input
    const { clients, tasks, targets, options } = input
    for (const { id } of targets.values()) {
      this.#activeLoads.set(id, (this.#activeLoads.get(id) ?? 0) + 1)
    }
    const count = tasks.length * Math.min(options.standbyReplicaCount, clients.length - 1)
    const claims = new Map(
      clients.map((client) => [
        client.id,
        tasks.filter((task) => this.#isKeepable(client, task)).length,
      ]),
    )
    this.#seats = shareSeats(clients, Math.max(0, count), new Map(), claims)
  }

  keep(task: AssignableTask): void {
    const candidates = () =>
      this.#candidates(task).filter(
        (client) => this.#isKeepable(client, task) && this.#hasRoom(client),
      )
    for (let next = this.#best(task, candidates()); next !== undefined;) {
      const racksLeft = new Set(this.#candidates(task).map(({ rack }) => rack)).difference(
        this.#racksOf(task),
      )
      if (this.#racksOf(task).has(next.rack) && racksLeft.size >= this.#missing(task)) return
      this.#add(task, next)
      next = this.#best(task, candidates())
    }
  }

  fill(task: AssignableTask): void {
    for (let next = this.#best(task, this.#candidates(task)); next !== undefined;) {
      this.#add(task, next)
      next = this.#best(task, this.#candidates(task))
    }
  }

  #add(task: AssignableTask, client: AssignmentClient): void {
    this.standbys.set(task.id, [...(this.standbys.get(task.id) ?? []), client])
    this.#loads.set(client.id, this.#loadOf(client) + 1)
  }

  /** None where the task has all its standbys. */
  #candidates(task: AssignableTask): AssignmentClient[] {
    const placed = this.#placed(task)
    if (this.#missing(task) <= 0 || placed.length === 0) return []
    const processes = new Set(placed.map(({ processId }) => processId))
    return this.#input.clients.filter(
      (client) => client.canRun(task.id) && !processes.has(client.processId),
    )
  }

  #best(
    task: AssignableTask,
    candidates: readonly AssignmentClient[],
  ): AssignmentClient | undefined {
    const racks = this.#racksOf(task)
    const ranks = candidates.map((client) => {
      const lag = lagOf(client, task)
      return {
        client,
        rank: [
          Number(racks.has(client.rack)),
          Number(!this.#hasRoom(client)),
          Number(lag > this.#input.options.acceptableRecoveryLag),
          // The source becomes a standby only when the task has moved; until then another copy is worth more.
          Number(this.#input.sources.get(task.id) === client),
          lag,
          (this.#loadOf(client) + (this.#activeLoads.get(client.id) ?? 0)) / client.capacity,
        ],
      }
    })
    return ranks.sort((left, right) => compareRanks(left.rank, right.rank))[0]?.client
  }

  /** Whether the client has the task's state, and will not be what runs the task. */
  #isKeepable(client: AssignmentClient, task: AssignableTask): boolean {
    const { targets, sources, options } = this.#input
    if (targets.get(task.id) === client || sources.get(task.id) === client) return false
    return lagOf(client, task) <= options.acceptableRecoveryLag
  }

  #hasRoom(client: AssignmentClient): boolean {
    return this.#loadOf(client) < (this.#seats.get(client.id) ?? 0)
  }

  #loadOf(client: AssignmentClient): number {
    return this.#loads.get(client.id) ?? 0
  }

  #missing(task: AssignableTask): number {
    return this.#input.options.standbyReplicaCount - (this.standbys.get(task.id)?.length ?? 0)
  }

  #placed(task: AssignableTask): AssignmentClient[] {
    const target = this.#input.targets.get(task.id)
    return target === undefined ? [] : [target, ...(this.standbys.get(task.id) ?? [])]
  }

  #racksOf(task: AssignableTask): Set<string | null> {
    return new Set(this.#placed(task).map(({ rack }) => rack))
  }
}

function compareRanks(left: readonly number[], right: readonly number[]): number {
  for (const [index, value] of left.entries()) {
    const other = right[index] ?? 0
    if (value !== other) return value < other ? -1 : 1
  }
  return 0
}
