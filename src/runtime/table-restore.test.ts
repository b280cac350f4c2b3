/** A table keeps the update with the greatest event time, compaction of the topic it is read from the one that came last. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../core/clock.ts'
import type { Partition, ProducerRecord } from '../core/record.ts'
import { openMemoryStorage } from '../state/memory-backend.ts'
import type { InMemoryStorage } from '../state/memory-backend.ts'
import { defineTopology } from '../topology/define.ts'
import { ScopedState } from './scoped-state.ts'
import { StoreReader } from './queries/store-reader.ts'
import { testRuntime, until } from './test-support/harness.ts'
import { orders as fourOrders, type Order } from './test-support/joining.ts'

const partition = 0 as Partition
const orders = { ...fourOrders, partitionCount: 1 }
const topology = defineTopology('tables', (builder) => {
  builder.table('orders', orders, {
    store: 'orders',
    valueSerde: {
      serialize: (order: Order) => Buffer.from(JSON.stringify(order)),
      deserialize: (bytes: Buffer) => JSON.parse(bytes.toString()) as Order,
    },
  })
})

const update = (id: string, item: string, atMs: number): ProducerRecord => ({
  key: Buffer.from(id),
  value: Buffer.from(JSON.stringify({ id, user: 'u', item, atMs })),
  timestampMs: atMs,
})
const removal = (id: string, atMs: number): ProducerRecord => ({
  key: Buffer.from(id),
  value: null,
  timestampMs: atMs,
})

async function itemsIn({ state }: InMemoryStorage): Promise<string[]> {
  const [definition] = topology.subTopologies.flatMap(({ stores }) => stores)
  assert.ok(definition)
  const reader = new StoreReader(new ScopedState(state, topology.name), definition, partition)
  const bounds = { from: null, to: null, entriesMax: 10, bytesMax: Infinity }
  const { entries: rows } = await reader.range(bounds)
  return rows.map(({ value }) => (value as Order).item)
}

test('a table is restored as it was, also after late updates and a compaction of its source', async (t) => {
  const maintenance = { dirtyRecordsMin: 1, dirtyRatioMin: 0, tombstoneRetentionMs: 0 }
  const { log, close } = await openMemoryStorage({
    clock: systemClock,
    sharesState: false,
    maintenance,
  })
  t.after(() => close())
  const runOn = async (records: readonly ProducerRecord[]) => {
    const own = await openMemoryStorage({ clock: systemClock })
    t.after(() => own.close())
    const runtime = testRuntime([topology], { log, state: own.state })
    t.after(() => runtime.stop())
    await runtime.start()
    await until('its state is restored', () =>
      runtime.status().tasks.some(({ state: now }) => now === 'RUNNING'),
    )
    if (records.length > 0) await log.append([{ topic: orders.name, partition, records }])
    await runtime.whenIdle()
    await runtime.stop()
    return itemsIn(own)
  }
  const kept = await runOn([
    update('a', 'newer', 10),
    update('a', 'late', 5),
    update('b', 'gone', 10),
    removal('b', 20),
    update('b', 'late, too', 15),
  ])
  assert.deepEqual(kept, ['newer'])
  while ((await log.maintain(systemClock.nowMs())).more);
  assert.deepEqual(await runOn([]), kept)
  assert.deepEqual(await runOn([update('a', 'not as late', 7), update('b', 'either', 17)]), kept)
})
