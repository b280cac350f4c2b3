/** Rows with a time to live: gone for every reader once stream time is so far beyond their last write, deleted in the
 * changelog too. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { present } from '../../src/core/assert.ts'
import { ManualClock } from '../../src/core/clock.ts'
import { partition, storeName } from '../../src/core/record.ts'
import { stringSerde } from '../../src/core/serde.ts'
import { MemoryBudget } from '../../src/state/memory-budget.ts'
import { openMemoryStorage } from '../../src/state/memory-backend.ts'
import type { Change } from '../../src/processors/change.ts'
import type { KeyValueStore } from '../../src/state/stores.ts'
import { openTaskStores } from '../../src/state/task-stores.ts'
import type { TopologyBuilder } from '../../src/topology/define.ts'
import { keyValueStore } from '../../src/topology/stores.ts'
import type { KTable } from '../../src/topology/streams.ts'
import type { Parameters, RecordStep } from '../differential/support/case.ts'
import { textTopic } from '../differential/support/ours.ts'
import { numbers } from '../differential/topologies/aggregates.ts'
import { input, passes } from '../differential/topologies/stateless.ts'
import { tableOut } from '../differential/topologies/tables.ts'
import { compare } from './support/compare.ts'
import type { Model } from './support/compare.ts'
import { foldable, StreamTime } from './support/folds.ts'

interface Row {
  readonly value: string | null
  readonly timestampMs: number
  readonly writtenMs: number
}

/** What a store of such rows does: one that was last written before stream time − TTL is not there. */
class Rows {
  readonly #time = new StreamTime()
  readonly #ttlMs: number
  readonly #rows = new Map<string, Row>()

  constructor(parameters: Parameters) {
    this.#ttlMs = present(parameters['ttlMs'], 'a TTL')
  }

  advance(record: RecordStep): void {
    this.#time.advance(record)
  }

  get(key: string): Row | undefined {
    const row = this.#rows.get(key)
    return row !== undefined && row.writtenMs >= this.#time.nowMs - this.#ttlMs ? row : undefined
  }

  put(key: string, value: string | null, timestampMs: number): void {
    this.#rows.set(key, { value, timestampMs, writtenMs: this.#time.nowMs })
  }
}

function countModel(parameters: Parameters): Model {
  const rows = new Rows(parameters)
  return (step) => {
    rows.advance(step)
    const record = foldable(step)
    if (record === null) return []
    const { key, header } = record
    const row = rows.get(key)
    const value = String(Number(row?.value ?? 0) + 1)
    const timestampMs = Math.max(record.timestampMs, row?.timestampMs ?? 0)
    rows.put(key, value, timestampMs)
    return [{ topic: 'out', key, value, timestampMs, header }]
  }
}

type Look = (value: string | null) => string | null

/** A row that is gone is known no more: an update that is older than it was is taken. What `look` makes of a row is handed
 * on, unless it was nothing and is nothing. */
function tableModel(look: Look = (value) => value) {
  return (parameters: Parameters): Model => {
    const rows = new Rows(parameters)
    return (record) => {
      rows.advance(record)
      const { key, timestampMs, header } = record
      const change = update(rows, record)
      if (key === null || change === null) return []
      const value = look(change.newValue)
      if (value === null && look(change.oldValue) === null) return []
      return [{ topic: 'out', key, value, timestampMs, header }]
    }
  }
}

/** A record of the stream meets the row that is there, and none that is gone. */
function joinedModel(look: Look) {
  return (parameters: Parameters): Model => {
    const rows = new Rows(parameters)
    return (record) => {
      rows.advance(record)
      if (record.topic === 'table') {
        update(rows, record)
        return []
      }
      const { key, value } = record
      if (value === null) return []
      const row = key === null ? null : (rows.get(key)?.value ?? null)
      return [{ ...record, topic: 'out', value: `${value}|${look(row)}` }]
    }
  }
}

/** Null where the record changes nothing. */
function update(rows: Rows, record: RecordStep): Change<string> | null {
  const { key, value, timestampMs } = record
  if (key === null) return null
  const row = rows.get(key)
  if (row !== undefined && !beats(record, row)) return null
  rows.put(key, value, timestampMs)
  return { oldValue: row?.value ?? null, newValue: value }
}

function beats(update: Pick<Row, 'value' | 'timestampMs'>, row: Row): boolean {
  if (update.timestampMs !== row.timestampMs) return update.timestampMs > row.timestampMs
  if (update.value === null || row.value === null) return row.value !== null
  return update.value > row.value
}

function rowsOf(builder: TopologyBuilder, ttlMs: number): KTable<string, string> {
  const kept = { store: 'rows', valueSerde: stringSerde, ttlMs }
  return builder.table('rows', textTopic('table'), kept)
}

function marked(table: KTable<string, string>): KTable<string, string> {
  return table.filter('passing', passes).mapValues('marked', (value) => `${value}!`)
}

const mark: Look = (value) => (value !== null && passes('', value) ? `${value}!` : null)

const parameters = [{ ttlMs: 1 }, { ttlMs: 10 }, { ttlMs: 25 }]
const edgesMs = [0, 1, 10, 11, 25, 26, 35, 50]

compare([
  {
    name: 'a count with a time to live',
    build: (b, { ttlMs = 0 }) => {
      numbers(input(b).groupByKey('by-key').count('counted', { store: 'counts', ttlMs }))
    },
    model: countModel,
    inputs: { topics: ['input'], edgesMs },
    parameters,
    inBatches: true,
  },
  {
    name: 'a table with a time to live',
    build: (b, { ttlMs = 0 }) => {
      tableOut(rowsOf(b, ttlMs))
    },
    model: tableModel(),
    inputs: { topics: ['table'], edgesMs },
    parameters,
    inBatches: true,
  },
  {
    name: 'a table with a time to live, filtered and mapped,',
    build: (b, { ttlMs = 0 }) => {
      tableOut(marked(rowsOf(b, ttlMs)))
    },
    model: tableModel(mark),
    inputs: { topics: ['table'], edgesMs },
    parameters,
    inBatches: true,
  },
  {
    name: 'a stream that is joined with a filtered table with a time to live',
    build: (b, { ttlMs = 0 }) => {
      input(b)
        .leftJoin('joined', marked(rowsOf(b, ttlMs)), (value, row) => `${value}|${row}`)
        .to('to-out', textTopic('out'))
    },
    model: joinedModel(mark),
    inputs: { topics: ['input', 'table'], edgesMs },
    parameters,
  },
])

const ttlMs = 10
const write = fc.record({
  key: fc.constantFrom('a', 'b', 'c'),
  value: fc.option(fc.constantFrom('x', 'y')),
  byMs: fc.constantFrom(0, 1, 9, 10, 11, 30),
})
const batches = fc.array(fc.tuple(fc.array(write, { maxLength: 4 }), fc.constantFrom(0, 1, 100)), {
  maxLength: 8,
})
const numRuns = Number(process.env['TIDEMARK_TEST_CASES'] ?? 2000)

test('the changelog of rows with a time to live has a delete for each that is over', async () => {
  const property = fc.asyncProperty(batches, async (given) => {
    const storage = await openMemoryStorage({ clock: new ManualClock() })
    const definitions = [keyValueStore('rows', stringSerde, stringSerde, { ttlMs })]
    const stores = openTaskStores({
      definitions,
      partition: partition(0),
      backend: storage.state,
      budget: new MemoryBudget(0),
    })
    const rows = stores.get('rows') as KeyValueStore<string, string>
    const written = new Map<string, number>()
    const changelog = new Map<string, string>()
    let nowMs = 0
    const commit = async () => {
      const changes = stores.pendingChanges()
      await storage.state.write(changes)
      stores.committed()
      for (const { key, value } of changes) {
        if (value === null) changelog.delete(key.toString('latin1'))
        else changelog.set(key.toString('latin1'), value.toString('latin1'))
      }
    }
    for (const [writes, expireMax] of given) {
      for (const { key, value, byMs } of writes) {
        nowMs += byMs
        stores.advanceStreamTime(nowMs)
        if (value === null) rows.delete(key)
        else rows.put(key, value)
        if (value === null) written.delete(key)
        else written.set(key, nowMs)
      }
      await stores.expire(expireMax)
      await commit()
    }
    // What the sweep has still to come to, in as many commits as it takes.
    while ((await stores.expire(1)) > 0) await commit()
    await commit()
    const entries = await storage.state.scan({
      store: storeName('rows'),
      partition: partition(0),
      entriesMax: 100,
    })
    assert.deepEqual(
      [...changelog].sort(),
      entries.map(({ key, value }) => [key.toString('latin1'), value.toString('latin1')]),
    )
    // The sweep takes away what is over by a step of its index, a 64th of the TTL, or more: here at once.
    const alive = [...written].filter(([, writtenMs]) => writtenMs >= nowMs - ttlMs)
    const found = await rows.range({ entriesMax: 10 })
    assert.deepEqual(
      found.map(({ key }) => key),
      alive.map(([key]) => key).sort(),
    )
    const kept = [...changelog.keys()].filter((key) => key.startsWith('\0'))
    assert.equal(kept.length, alive.length, 'rows that the changelog still has')
    stores.close()
    await storage.close()
  })
  await fc.assert(property, { numRuns })
})
