import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { assignTasks } from './assign-tasks.ts'
import type { TaskSharing } from './assign-tasks.ts'
import type { AssignableTask } from './assignment.ts'

import {
  endLag,
  options,
  client,
  running,
  stateful,
  sharing,
  settle,
  converge,
  ownersOf,
  anyWorld,
} from './worlds.test-support.ts'

const runs = { numRuns: 1_500 }

describe('the assignment of tasks', () => {
  test('gives every task one owner, and no copy to the process that runs it', () => {
    fc.assert(
      fc.property(anyWorld, ({ clients, tasks, settings }) => {
        const result = assignTasks(clients, tasks, settings)
        const active = [...result.byClient.values()].flatMap((of) => of.active)
        assert.deepEqual([...active].sort(), tasks.map(({ id }) => id).sort())
        let warmups = 0
        let awaited = 0
        for (const of of result.byClient.values()) {
          const copies = [...of.active, ...of.standby, ...of.warmups]
          assert.equal(new Set(copies).size, copies.length)
          warmups += of.warmups.length
          awaited += of.awaited.length
          const warm = new Set([...of.standby, ...of.warmups])
          assert.ok(of.awaited.every((id) => warm.has(id)))
          assert.ok(of.warmups.every((id) => of.awaited.includes(id)))
        }
        assert.ok(warmups <= settings.warmupReplicasMax)
        // Or nobody would ask for the moves before the probing interval is over.
        assert.equal(awaited > 0, result.pendingMoves.length > 0)
        const copies = Math.min(settings.standbyReplicaCount, clients.length - 1)
        for (const task of tasks) {
          const standbys = [...result.byClient.values()].filter((of) =>
            of.standby.includes(task.id),
          )
          assert.equal(standbys.length, task.isStateful ? copies : 0)
        }
      }),
      runs,
    )
  })

  test('never runs a task where its state lags while another client has it', () => {
    fc.assert(
      fc.property(anyWorld, ({ clients, tasks, settings }) => {
        const owners = ownersOf(assignTasks(clients, tasks, settings))
        for (const task of tasks.filter(({ isStateful }) => isStateful)) {
          const owner = clients.find(({ id }) => id === owners.get(task.id))
          const lags = clients.map(({ lags }) => lags.get(task.id) ?? Infinity)
          const isHeld = Math.min(...lags) <= settings.acceptableRecoveryLag
          if (!isHeld) continue
          assert.ok((owner?.lags.get(task.id) ?? Infinity) <= settings.acceptableRecoveryLag)
        }
      }),
      runs,
    )
  })

  test('does not depend on the order of clients, tasks or what they hold', () => {
    fc.assert(
      fc.property(anyWorld, fc.nat(), ({ clients, tasks, settings }, seed) => {
        const shuffle = <T>(items: Iterable<T>): T[] =>
          [...items]
            .map((item, index) => ({ item, key: ((index + 1) * 7919 + seed * 104_729) % 1_009 }))
            .sort((left, right) => left.key - right.key)
            .map(({ item }) => item)
        const permuted = shuffle(clients).map((of) => ({
          ...of,
          owned: new Set(shuffle(of.owned)),
          lags: new Map(shuffle(of.lags)),
        }))
        const byId = ({ byClient, ...rest }: TaskSharing) => ({
          ...rest,
          byClient: Object.fromEntries(byClient),
        })
        assert.deepEqual(
          byId(assignTasks(permuted, shuffle(tasks), settings)),
          byId(assignTasks(clients, tasks, settings)),
        )
      }),
      runs,
    )
  })

  test('comes to rest once warm-ups have caught up, balanced, and then moves nothing', () => {
    fc.assert(
      fc.property(anyWorld, ({ clients, tasks, settings }) => {
        const { clients: settled, result, rounds } = converge(clients, tasks, settings)
        assert.ok(rounds <= Math.ceil(tasks.length / settings.warmupReplicasMax) + 2)
        for (const isStateful of [true, false]) {
          // The stateful tasks are level by themselves, and so are all together.
          const loads = settled.map((of) => {
            const active = sharing(result, of.id).active
            const counted = active.filter(
              (id) => !isStateful || tasks.find((task) => task.id === id)?.isStateful,
            )
            return { count: counted.length, capacity: of.capacity }
          })
          for (const more of loads) {
            for (const less of loads) {
              assert.ok(more.count / more.capacity <= (less.count + 1) / less.capacity + 1e-9)
            }
          }
        }
        const again = assignTasks(settled, tasks, settings)
        assert.deepEqual(ownersOf(again), ownersOf(result))
        assert.deepEqual(again.pendingMoves, [])
      }),
      runs,
    )
  })

  test('spreads the copies of a task over as many racks as there are', () => {
    fc.assert(
      fc.property(anyWorld, ({ clients, tasks, settings }) => {
        const { result } = converge(clients, tasks, settings)
        const racks = new Set(clients.map(({ rack }) => rack))
        for (const task of tasks.filter(({ isStateful }) => isStateful)) {
          const holders = clients.filter(({ id }) => {
            const { active, standby } = sharing(result, id)
            return active.includes(task.id) || standby.includes(task.id)
          })
          const used = new Set(holders.map(({ rack }) => rack))
          assert.equal(used.size, Math.min(racks.size, holders.length))
        }
      }),
      runs,
    )
  })

  test('moves no more than the share of the one who comes or the tasks of the one who goes', () => {
    fc.assert(
      fc.property(anyWorld, fc.boolean(), ({ clients, tasks, settings }, isJoin) => {
        fc.pre(isJoin || clients.length > 1)
        const { clients: before, result } = converge(clients, tasks, settings)
        const after = isJoin ? [...before, client('client-new')] : before.slice(1)
        const settled = converge(after, tasks, settings)
        const then = ownersOf(result)
        const now = ownersOf(settled.result)
        const moved = tasks.filter(({ id }) => then.get(id) !== now.get(id))
        if (isJoin) {
          const gained = sharing(settled.result, 'client-new').active
          const state = moved.filter(({ isStateful }) => isStateful)
          // What moves goes to the one who came; a stateless task may level what that leaves uneven.
          assert.deepEqual(
            state.filter(({ id }) => !gained.includes(id)),
            [],
          )
          assert.ok(moved.length <= gained.length + state.length)
        } else {
          const gone = sharing(result, before[0]?.id ?? '').active
          // A survivor that took a task over at once may let go of another for it, once that is warm elsewhere.
          const others = moved.filter(({ id }) => !gone.includes(id))
          const state = others.filter(({ isStateful }) => isStateful)
          const isOfGone = (task: AssignableTask) => task.isStateful && gone.includes(task.id)
          assert.ok(state.length <= tasks.filter(isOfGone).length)
          // Stateless tasks cost nothing to move: they level whatever the stateful ones leave.
          if (tasks.every(({ isStateful }) => !isStateful)) assert.deepEqual(others, [])
        }
      }),
      runs,
    )
  })

  test('leaves the odd task with the client that has it', () => {
    const tasks = stateful(3)
    for (const isStateful of [true, false]) {
      const result = assignTasks(
        [running('a', ['0_1']), running('b', ['0_0', '0_2'])],
        tasks.map((task) => ({ ...task, isStateful })),
        options(),
      )
      assert.deepEqual(sharing(result, 'b').active, ['0_0', '0_2'])
      assert.deepEqual(result.pendingMoves, [])
    }
  })

  test('keeps a task where it runs and warms up its target until that has caught up', () => {
    const tasks = stateful(4)
    const first = running(
      'a',
      tasks.map(({ id }) => id),
    )
    const joined = client('b', { lags: new Map(tasks.map(({ id }) => [id, endLag])) })
    const warming = assignTasks([first, joined], tasks, options({ warmupReplicasMax: 1 }))
    assert.equal(sharing(warming, 'a').active.length, 4)
    assert.equal(sharing(warming, 'b').warmups.length, 1)
    assert.equal(warming.pendingMoves.length, 2)

    const settled = settle([first, joined], tasks, warming)
    const moved = assignTasks(settled, tasks, options({ warmupReplicasMax: 1 }))
    assert.deepEqual(sharing(moved, 'b').active, sharing(warming, 'b').warmups)
    assert.equal(sharing(moved, 'b').warmups.length, 1)
  })

  test('hands the tasks of a client that is gone to its standbys at once', () => {
    const tasks = stateful(4)
    const survivors = [
      running('b', ['0_1'], {
        lags: new Map([
          ['0_1', 0],
          ['0_0', 120],
        ]),
      }),
      running('c', ['0_2'], {
        lags: new Map([
          ['0_2', 0],
          ['0_3', 9_000],
        ]),
      }),
      client('d', { lags: new Map([['0_0', endLag]]) }),
    ]
    const result = assignTasks(survivors, tasks, options())
    assert.deepEqual(sharing(result, 'b').active, ['0_0', '0_1'])
    assert.deepEqual(sharing(result, 'c').active.includes('0_3'), true)
  })

  test('keeps a standby that has caught up while another client warms up', () => {
    const tasks = stateful(2)
    const clients = [
      running('a', ['0_0', '0_1']),
      client('b', {
        lags: new Map([
          ['0_0', 0],
          ['0_1', 0],
        ]),
        canRun: () => true,
      }),
    ]
    const before = assignTasks(clients, tasks, options({ standbyReplicaCount: 1 }))
    assert.deepEqual(before.pendingMoves, [])
    const joined = [...settle(clients, tasks, before), client('c'), client('d')]
    const result = assignTasks(joined, tasks, options({ standbyReplicaCount: 1 }))
    assert.deepEqual(sharing(result, 'a').active.concat(sharing(result, 'b').active).sort(), [
      '0_0',
      '0_1',
    ])
  })

  test('gives no task to a client that has not subscribed to its topics', () => {
    const tasks = [...stateful(2), ...stateful(2, 1)]
    const older = client('a', { canRun: (id) => id.startsWith('0') })
    const result = assignTasks([older, client('b')], tasks, options({ standbyReplicaCount: 1 }))
    assert.deepEqual(result.unassigned, [])
    assert.deepEqual(
      sharing(result, 'a').active.filter((id) => id.startsWith('1')),
      [],
    )
    assert.deepEqual(assignTasks([older], tasks, options()).unassigned, ['1_0', '1_1'])
  })

  test('spreads the tasks of each sub-topology, whose costs differ', () => {
    const tasks = [...stateful(4), ...stateful(4, 1)]
    const result = assignTasks([client('a'), client('b')], tasks, options())
    for (const { active } of result.byClient.values()) {
      assert.equal(active.filter((id) => id.startsWith('0')).length, 2)
    }
  })
})
