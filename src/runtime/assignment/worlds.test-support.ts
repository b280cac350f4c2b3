/** Worlds for the tests of the assignment: clients, tasks and what each holds. */
import assert from 'node:assert/strict'

import fc from 'fast-check'
import { assignTasks } from './assign-tasks.ts'
import type { TaskSharing } from './assign-tasks.ts'
import type { AssignableTask, AssignmentClient, AssignmentOptions } from './assignment.ts'
import { defaultAssignmentOptions } from './assignment.ts'

export const endLag = 50_000

export function options(changes: Partial<AssignmentOptions> = {}): AssignmentOptions {
  return { ...defaultAssignmentOptions, ...changes }
}

export function client(id: string, changes: Partial<AssignmentClient> = {}): AssignmentClient {
  return {
    id,
    processId: `process-${id}`,
    rack: null,
    capacity: 1,
    owned: new Set(),
    lags: new Map(),
    canRun: () => true,
    ...changes,
  }
}

export function running(
  id: string,
  tasks: readonly string[],
  changes: Partial<AssignmentClient> = {},
) {
  return client(id, {
    owned: new Set(tasks),
    lags: new Map(tasks.map((task) => [task, 0])),
    ...changes,
  })
}

export function stateful(count: number, subTopology = 0): AssignableTask[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `${subTopology}_${index}`,
    subTopology,
    isStateful: true,
  }))
}

export function sharing(result: TaskSharing, id: string) {
  const tasks = result.byClient.get(id)
  assert.ok(tasks !== undefined, `client ${id} has an assignment`)
  return tasks
}

/** As if all that the assignment asks for had been done: states are restored, tasks run. */
export function settle(
  clients: readonly AssignmentClient[],
  tasks: readonly AssignableTask[],
  result: TaskSharing,
): AssignmentClient[] {
  return clients.map((before) => {
    const { active, standby, warmups } = sharing(result, before.id)
    const held = new Map(tasks.map((task) => [task.id, before.lags.get(task.id) ?? endLag]))
    for (const id of [...active, ...standby, ...warmups]) held.set(id, 0)
    const lags = new Map(
      [...held].filter(([id]) => tasks.find((task) => task.id === id)?.isStateful),
    )
    return { ...before, owned: new Set(active), lags }
  })
}

/** Assigns again and again until nothing is to be moved any more. */
export function converge(
  start: readonly AssignmentClient[],
  tasks: readonly AssignableTask[],
  settings: AssignmentOptions,
) {
  let clients = [...start]
  for (let round = 1; round <= tasks.length + 2; round++) {
    const result = assignTasks(clients, tasks, settings)
    clients = settle(clients, tasks, result)
    if (result.pendingMoves.length === 0) return { clients, result, rounds: round }
  }
  return assert.fail('probing did not end')
}

export function ownersOf(result: TaskSharing): Map<string, string> {
  const owners = new Map<string, string>()
  for (const [id, { active }] of result.byClient) for (const task of active) owners.set(task, id)
  return owners
}

const anyTasks = fc
  .array(fc.record({ count: fc.integer({ min: 1, max: 8 }), isStateful: fc.boolean() }), {
    minLength: 1,
    maxLength: 3,
  })
  .map((subTopologies) =>
    subTopologies.flatMap(({ count, isStateful }, index) =>
      stateful(count, index).map((task) => ({ ...task, isStateful })),
    ),
  )

const anyOptions = fc
  .record({
    standbyReplicaCount: fc.integer({ min: 0, max: 2 }),
    warmupReplicasMax: fc.integer({ min: 1, max: 3 }),
  })
  .map(options)

/** Clients in any state: who owns a task, and who is how far behind, is arbitrary. */
export const anyWorld = fc
  .record({ tasks: anyTasks, settings: anyOptions, clientCount: fc.integer({ min: 1, max: 6 }) })
  .chain(({ tasks, settings, clientCount }) =>
    fc
      .record({
        owners: fc.array(fc.integer({ min: -1, max: clientCount - 1 }), {
          minLength: tasks.length,
          maxLength: tasks.length,
        }),
        isRestoring: fc.array(fc.boolean(), { minLength: tasks.length, maxLength: tasks.length }),
        lags: fc.array(
          fc.array(fc.constantFrom(null, 0, 9_999, 20_000, endLag), {
            minLength: tasks.length,
            maxLength: tasks.length,
          }),
          { minLength: clientCount, maxLength: clientCount },
        ),
        capacities: fc.array(fc.integer({ min: 1, max: 4 }), {
          minLength: clientCount,
          maxLength: clientCount,
        }),
        racks: fc.array(fc.constantFrom(null, 'a', 'b', 'c'), {
          minLength: clientCount,
          maxLength: clientCount,
        }),
      })
      .map(({ owners, isRestoring, lags, capacities, racks }) => ({
        tasks,
        settings,
        clients: capacities.map((capacity, index) => {
          const held = new Map<string, number>()
          for (const [at, task] of tasks.entries()) {
            const lag = lags[index]?.[at]
            if (!task.isStateful) continue
            if (owners[at] === index && isRestoring[at] !== true) held.set(task.id, 0)
            else if (lag !== null && lag !== undefined) held.set(task.id, lag)
          }
          return client(`client-${index}`, {
            capacity,
            rack: racks[index] ?? null,
            owned: new Set(tasks.filter((_, at) => owners[at] === index).map(({ id }) => id)),
            lags: held,
          })
        }),
      })),
  )
