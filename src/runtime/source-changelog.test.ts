import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { stringSerde } from '../core/serde.ts'
import { TidemarkError } from '../core/errors.ts'
import { defineTopology } from '../topology/define.ts'
import { counts, words } from './test-support/counting.ts'
import { readLatest, send, until } from './test-support/harness.ts'
import { orders } from './test-support/joining.ts'
import type { Order } from './test-support/joining.ts'
import { TestCluster } from './test-support/test-cluster.ts'

const orderSerde = {
  serialize: (order: Order) => Buffer.from(JSON.stringify(order)),
  deserialize: (bytes: Buffer) => JSON.parse(bytes.toString()) as Order,
}
const countSerde = {
  serialize: (count: number) => Buffer.from(`${count}`),
  deserialize: (bytes: Buffer) => Number(bytes.toString()),
}

/** How many orders there are of each item: right only where each change knows what was there before. */
const byItem = defineTopology('by-item', (builder) => {
  builder
    .table('orders', orders, {
      store: 'orders',
      valueSerde: orderSerde,
      changelog: 'source-topic',
    })
    .groupBy('item', (_key, { item }) => [item, 1], {
      keySerde: stringSerde,
      valueSerde: countSerde,
    })
    .count('count', { store: 'items' })
    .toStream('counted')
    .to('out', counts)
})

const order = fc.record({
  id: fc.constantFrom('1', '2', '3', '4', '5'),
  user: fc.constant('a'),
  item: fc.constantFrom('p', 'q', 'r'),
})

test('a table restored from its source topic goes on as one whose state was kept', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(order, { maxLength: 8 }), { maxLength: 5 }),
      async (rounds) => {
        const cluster = await TestCluster.open([byItem])
        try {
          const expected = new Map<string, string>()
          let atMs = 0
          for (const [round, batch] of rounds.entries()) {
            // Each finds no state of its own; half of the input is there before it starts.
            const values = batch.map((each) => ({ ...each, atMs: (atMs += 1) }))
            const half = values.length >> 1
            if (round > 0) await send(cluster.log, orders, values.slice(0, half))
            const runtime = await cluster.start(`${round}`)
            await send(cluster.log, orders, round > 0 ? values.slice(half) : values)
            await runtime.whenIdle()
            await cluster.stop(`${round}`)
            for (const { id, item } of values) expected.set(id, item)
          }
          const items = new Map<string, number>()
          for (const item of expected.values()) items.set(item, (items.get(item) ?? 0) + 1)
          const found = rounds.length === 0 ? new Map() : await readLatest(cluster.log, 'counts')
          for (const [item, count] of found) if (count === 0 || count === null) found.delete(item)
          assert.deepEqual(found, items)
        } finally {
          await cluster.close()
        }
      },
    ),
    { numRuns: 20 },
  )
})

test('such a table has no changelog topic, and the status names the topic it was restored from', async (t) => {
  const cluster = await TestCluster.open([byItem])
  t.after(() => cluster.close())
  const one = await cluster.start('one')
  await send(cluster.log, orders, [{ id: '1', user: 'a', item: 'p', atMs: 1 }])
  await one.whenIdle()
  await cluster.stop('one')
  const names = (await cluster.log.describeTopics()).map(({ name }) => String(name))
  assert.deepEqual(
    names.filter((name) => name.endsWith('-changelog')),
    ['by-item-items-changelog'],
  )
  const two = await cluster.start('two')
  await until('all tasks run', () => {
    const { tasks } = two.status()
    return tasks.length === 8 && tasks.every(({ state }) => state === 'RUNNING')
  })
  const restored = two.status().restored.filter(({ topic }) => topic === 'orders')
  assert.equal(restored.length, 4)
  assert.equal(
    restored.reduce((sum, each) => sum + each.restored, 0),
    1,
  )
})

test('a topic that forgets cannot stand for a changelog, nor one for a table that forgets', () => {
  const define = (topic: typeof words, ttlMs?: number) =>
    defineTopology('t', (builder) => {
      builder.table('rows', topic, {
        store: 'rows',
        valueSerde: orderSerde as never,
        changelog: 'source-topic',
        ...(ttlMs === undefined ? {} : { ttlMs }),
      })
    })
  const faulty = (message: RegExp) => (thrown: unknown) =>
    thrown instanceof TidemarkError && message.test(thrown.message)
  assert.throws(() => define(words), faulty(/which is not compacted/))
  const compacted = { ...words, cleanupPolicy: 'compact' as const }
  assert.throws(() => define(compacted, 5), faulty(/that the table's ttlMs has removed/))
  define(compacted)
})
