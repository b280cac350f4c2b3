/** Standbys of tables that are restored from the topic they are read from. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import { present } from '../../core/assert.ts'
import { stringSerde } from '../../core/serde.ts'
import type { Partition } from '../../core/record.ts'
import type { Log } from '../../log/log.ts'
import { defineTopology } from '../../topology/define.ts'
import type { TopologyGraph } from '../../topology/graph.ts'
import { LocalQueries } from '../queries/local-queries.ts'
import type { PartitionRead } from '../queries/local-queries.ts'
import type { Runtime } from '../runtime.ts'
import { counts } from '../test-support/counting.ts'
import { send, until } from '../test-support/harness.ts'
import { orders } from '../test-support/joining.ts'
import type { Order } from '../test-support/joining.ts'
import { TestCluster } from '../test-support/test-cluster.ts'

const valueSerde = {
  serialize: (order: Order) => Buffer.from(JSON.stringify(order)),
  deserialize: (bytes: Buffer) => JSON.parse(bytes.toString()) as Order,
}

/** A table alone: its tasks have no other state. */
const tableOf = (name: string) =>
  defineTopology(name, (builder) => {
    builder
      .table('orders', orders, { store: 'orders', valueSerde, changelog: 'source-topic' })
      .groupBy('item', (_key, { item }) => [item, 1], {
        keySerde: stringSerde,
        valueSerde: {
          serialize: (count: number) => Buffer.from(`${count}`),
          deserialize: (bytes: Buffer) => Number(bytes.toString()),
        },
      })
      .count('count', { store: 'items' })
      .toStream('counted')
      .to('out', counts)
  })

const made = (count: number, from = 0): Order[] =>
  Array.from({ length: count }, (_, at) => ({
    id: `${from + at}`,
    user: 'a',
    item: `${at % 3}`,
    atMs: from + at,
  }))

interface Pair {
  readonly cluster: TestCluster
  readonly runtimes: Map<string, Runtime>
  readonly isPaused: { now: boolean }
  readonly looks: { count: number }
}

/** Two instances, each with tasks and with standbys of the other's. */
async function openPair(
  t: TestContext,
  topologies: readonly TopologyGraph[],
  isLagging = false,
): Promise<Pair> {
  const cluster = await TestCluster.open(topologies, { numStandbyReplicas: 1 })
  t.after(() => cluster.close())
  const isPaused = { now: false }
  const looks = { count: 0 }
  const log: Log = new Proxy(cluster.log, {
    get: (target, name) => {
      if (name === 'committedOffsets') looks.count += 1
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
  const options = {
    log,
    pausedUntil: () => (isPaused.now ? systemClock.nowMs() + 5 : null),
    limits: { sourceEndsIntervalMs: 5 },
  }
  const one = await cluster.start('one', options)
  await send(cluster.log, orders, made(60))
  await one.whenIdle()
  if (isLagging) {
    isPaused.now = true
    await send(cluster.log, orders, made(60, 100))
  }
  const two = await cluster.start('two', options)
  const runtimes = new Map([
    ['one', one],
    ['two', two],
  ])
  await until('tasks and standbys are with both', () =>
    topologies.every(({ name }) => {
      const tasks = one.hostsOf(name)?.tasks ?? []
      const owners = new Set(tasks.map(({ active }) => active))
      return owners.size === 2 && tasks.every((task) => task.standbys.length === 1)
    }),
  )
  if (!isLagging) await cluster.whenIdle()
  return { cluster, runtimes, isPaused, looks }
}

const followed = (runtime: Runtime) => runtime.status().standbys
const haveCaughtUp = ({ runtimes }: Pair) =>
  [...runtimes.values()].every((runtime) =>
    followed(runtime).every(({ taskId, lag }) => {
      assert.ok(taskId)
      return lag === 0
    }),
  )

/** All copies of the table of orders, partition by partition. */
async function readCopies({ cluster, runtimes }: Pair, graph: TopologyGraph) {
  const copies: PartitionRead[] = []
  for (const [name, runtime] of runtimes) {
    const { state } = present(cluster.states.get(name), name)
    const local = new LocalQueries({
      topologies: [graph],
      log: cluster.log,
      state,
      clock: systemClock,
      runtime,
    })
    const store = present(
      local.stores(graph.name)?.find(({ definition }) => definition.name === 'orders'),
      'the store',
    )
    for (let at = 0; at < 4; at += 1) {
      const query = { kind: 'range', from: null, to: null, entriesMax: 1000 } as const
      const read = await local.read(store, at as Partition, query)
      if (read !== null) copies.push(read)
    }
  }
  return copies
}

const idsOf = ({ entries }: PartitionRead) => entries.map((entry) => JSON.stringify(entry)).sort()
const committedOf = async (cluster: TestCluster, group: string) => {
  const partitions = Array.from({ length: 4 }, (_, at) => ({
    topic: orders.name,
    partition: at as Partition,
  }))
  const offsets = await cluster.log.committedOffsets(group, partitions)
  return new Map(offsets.map((found, at) => [`orders-${at}`, Number(found?.offset ?? 0)]))
}

test('a standby follows the source topic, and its task is taken over in place', async (t) => {
  const pair = await openPair(t, [tableOf('by-item')])
  const { cluster, runtimes } = pair
  const two = present(runtimes.get('two'), 'two')
  await until('the standbys have caught up', () => haveCaughtUp(pair))
  const taken = followed(two).map(({ taskId }) => taskId)
  assert.ok(
    taken.some((id) => id.includes('-0_')),
    `${taken.join()} has tables of the source`,
  )
  await cluster.stop('one')
  await until('two runs everything', () => {
    const { tasks } = two.status()
    return tasks.length === 8 && tasks.every(({ state }) => state === 'RUNNING')
  })
  const restored = two.status().restored.filter(({ topic }) => topic === 'orders')
  assert.equal(restored.length, 4)
  for (const each of restored.filter(({ taskId }) => taken.includes(taskId))) {
    assert.deepEqual([each.fromScratch, each.restored], [null, 0], each.taskId)
  }
})

test('a standby follows its source to where the group has committed, and never beyond', async (t) => {
  const graph = tableOf('by-item')
  const pair = await openPair(t, [graph])
  const { cluster, isPaused, looks } = pair
  await until('the standbys have caught up', () => haveCaughtUp(pair))
  isPaused.now = true
  await send(cluster.log, orders, made(60, 100))
  const seen = looks.count
  await until('the ends were looked up several times', () => looks.count > seen + 20)
  const committed = await committedOf(cluster, graph.name)
  const held = await readCopies(pair, graph)
  assert.equal(held.length, 8)
  assert.deepEqual(
    held.flatMap(({ position }) => Object.entries(position)).sort(),
    [...committed, ...committed].sort(),
  )
  assert.equal(held.flatMap(idsOf).length, 120)
  assert.ok(held.every(({ lagRecords }) => lagRecords === 0))

  isPaused.now = false
  await cluster.whenIdle()
  await until('the standbys have what was committed since', async () => {
    const copies = await readCopies(pair, graph)
    return copies.flatMap(idsOf).length === 240 && haveCaughtUp(pair)
  })
})

test('a standby that begins anew ends where the group has committed too, in the middle of what it fetches', async (t) => {
  const graph = tableOf('by-item')
  const pair = await openPair(t, [graph], true)
  await until('every copy has what was committed', async () => {
    const copies = await readCopies(pair, graph)
    return copies.length === 8 && copies.flatMap(idsOf).length >= 120
  })
  const committed = await committedOf(pair.cluster, graph.name)
  const copies = await readCopies(pair, graph)
  assert.equal(copies.flatMap(idsOf).length, 120)
  assert.deepEqual(
    copies.flatMap(({ position }) => Object.entries(position)).sort(),
    [...committed, ...committed].sort(),
  )
})

test('copies answer with the name of the topic that is there, and say what they lack of it', async (t) => {
  const graph = tableOf('by-item')
  const pair = await openPair(t, [graph])
  await until('the standbys have caught up', () => haveCaughtUp(pair))
  const committed = await committedOf(pair.cluster, graph.name)
  const copies = await readCopies(pair, graph)
  for (const { partition, position, role, lagRecords } of copies) {
    const name = `orders-${partition}`
    assert.deepEqual(
      { position, lagRecords },
      { position: { [name]: committed.get(name) }, lagRecords: 0 },
      role,
    )
  }
  assert.deepEqual(new Set(copies.map(({ role }) => role)), new Set(['active', 'standby']))
})

test('two topologies follow one source, each as far as its own group is', async (t) => {
  const pair = await openPair(t, [tableOf('first'), tableOf('second')])
  await send(pair.cluster.log, orders, made(60, 200))
  await pair.cluster.whenIdle()
  for (const name of ['first', 'second']) {
    await until(`the copies of ${name} are whole`, async () => {
      const copies = await readCopies(pair, tableOf(name))
      return copies.length === 8 && copies.flatMap(idsOf).length === 240
    })
  }
})
