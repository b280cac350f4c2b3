import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { defineTopology } from './define.ts'
import { jsonSerde, picker, testTopic, withHarness } from './graph-harness.test-support.ts'
import type { HarnessOptions, TestRecord } from './graph-harness.test-support.ts'

interface Row {
  readonly group: string
  readonly amount: number
}

const rows = testTopic<Row>('rows')
const copies = testTopic<Row>('copies')
const sums = testTopic<number>('sums')
const counts = testTopic<number>('counts')
const reduced = testTopic<number>('reduced')

type Emit = 'per-record' | 'on-commit'

function tableTopology(emit: Emit) {
  return defineTopology('t', (builder) => {
    const table = builder.table('rows', rows, {
      store: 'rows-store',
      valueSerde: jsonSerde<Row>(),
      emit,
    })
    table.toStream('changed').to('copies', copies)
    const groups = table.groupBy('by-group', (_key, { group, amount }) => [group, amount], {
      keySerde: rows.keySerde,
      valueSerde: jsonSerde<number>(),
    })
    const aggregated = groups.aggregate(
      'sum',
      () => 0,
      (_key, amount, sum) => sum + amount,
      (_key, amount, sum) => sum - amount,
      { store: 'sums-store', valueSerde: jsonSerde<number>(), emit },
    )
    aggregated.toStream('sum-changed').to('sums', sums)
    groups
      .count('count', { store: 'counts-store', emit })
      .toStream('count-changed')
      .to('counts', counts)
    groups
      .reduce(
        'reduce',
        (sum, amount) => sum + amount,
        (sum, amount) => sum - amount,
        { store: 'reduce-store' },
      )
      .toStream('reduce-changed')
      .to('reduced', reduced)
  })
}

const update = fc.record({
  key: fc.constantFrom('a', 'b', 'c', 'd'),
  value: fc.option(
    fc.record(
      { group: fc.constantFrom('x', 'y', 'z'), amount: fc.integer({ min: 1, max: 9 }) },
      { noNullPrototype: true },
    ),
    { nil: null, freq: 4 },
  ),
  timestampMs: fc.integer({ min: 0, max: 5 }),
})

/** Greatest timestamp, then delete over value, then bytes. */
function finalRows(updates: readonly TestRecord<string, Row | null>[]): Record<string, Row> {
  const rank = ({ timestampMs, value }: TestRecord<string, Row | null>) =>
    `${String(timestampMs).padStart(3, '0')}${value === null ? '~' : JSON.stringify(value)}`
  const latest: Record<string, TestRecord<string, Row | null>> = {}
  for (const next of updates) {
    const row = latest[next.key]
    if (row === undefined || rank(next) > rank(row)) latest[next.key] = next
  }
  const present = Object.entries(latest).flatMap(([key, { value }]) =>
    value === null ? [] : [[key, value] as const],
  )
  return Object.fromEntries(present.sort(([a], [b]) => (a < b ? -1 : 1)))
}

function groupSums(table: Record<string, Row>, amountOf: (row: Row) => number) {
  const result: Record<string, number> = {}
  for (const row of Object.values(table)) {
    result[row.group] = (result[row.group] ?? 0) + amountOf(row)
  }
  return Object.fromEntries(Object.entries(result).sort(([a], [b]) => (a < b ? -1 : 1)))
}

const withoutZeros = (table: Record<string, number>) =>
  Object.fromEntries(Object.entries(table).filter(([, value]) => value !== 0))

test('a table and its groups depend on the set of updates alone, in any order, repeated, over any partitions', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(update, { maxLength: 25 }),
      fc.array(fc.nat(24), { maxLength: 8 }),
      fc.infiniteStream(fc.nat(50)),
      fc.constantFrom(1, 3),
      fc.constantFrom<Emit>('per-record', 'on-commit'),
      fc.array(fc.nat(100), { minLength: 7, maxLength: 7 }),
      async (updates, again, shuffle, partitionCount, emit, picks) => {
        const repeated = again.flatMap((index) => updates[index] ?? [])
        const sent = [...updates, ...repeated]
          .map((record) => ({ record, at: Number(shuffle.next().value) }))
          .sort((one, other) => one.at - other.at)
          .map(({ record }) => record)
        const options: HarnessOptions = { partitionCount, pick: picker(picks), batchRecordsMax: 4 }
        await withHarness(tableTopology(emit), options, async (harness) => {
          harness.send(rows, ...sent)
          await harness.run()
          const table = finalRows(updates)
          assert.deepEqual(harness.table(copies), table)
          assert.deepEqual(
            withoutZeros(harness.table(sums)),
            groupSums(table, (row) => row.amount),
          )
          assert.deepEqual(
            withoutZeros(harness.table(counts)),
            groupSums(table, () => 1),
          )
          assert.deepEqual(
            withoutZeros(harness.table(reduced)),
            groupSums(table, (row) => row.amount),
          )
        })
      },
    ),
    { numRuns: 150 },
  )
})

test('an older update cannot bring a deleted row back, and is counted as late', async () => {
  await withHarness(tableTopology('per-record'), {}, async (harness) => {
    harness.send(
      rows,
      { key: 'a', value: { group: 'x', amount: 1 }, timestampMs: 10 },
      { key: 'a', value: null, timestampMs: 20 },
      { key: 'a', value: { group: 'x', amount: 2 }, timestampMs: 15 },
      { key: 'a', value: null, timestampMs: 20 },
    )
    await harness.run()
    assert.deepEqual(harness.table(copies), {})
    assert.deepEqual(
      [...harness.dropped],
      [
        ['late', 1],
        ['duplicate', 1],
      ],
    )
  })
})

test('at one moment a delete beats a value and the greater bytes beat the lesser', async () => {
  await withHarness(tableTopology('per-record'), {}, async (harness) => {
    harness.send(
      rows,
      { key: 'a', value: null, timestampMs: 10 },
      { key: 'a', value: { group: 'x', amount: 1 }, timestampMs: 10 },
      { key: 'b', value: { group: 'x', amount: 2 }, timestampMs: 10 },
      { key: 'b', value: { group: 'x', amount: 1 }, timestampMs: 10 },
    )
    await harness.run()
    assert.deepEqual(harness.table(copies), { b: { group: 'x', amount: 2 } })
  })
})

test('a change within one group reaches it in one record, so that it is never seen without the row', async () => {
  await withHarness(tableTopology('per-record'), { partitionCount: 3 }, async (harness) => {
    harness.send(
      rows,
      { key: 'a', value: { group: 'x', amount: 1 }, timestampMs: 1 },
      { key: 'a', value: { group: 'x', amount: 5 }, timestampMs: 2 },
      { key: 'a', value: { group: 'y', amount: 7 }, timestampMs: 3 },
    )
    await harness.run()
    const seen = (group: string) =>
      harness
        .output(sums)
        .filter(({ key }) => key === group)
        .map(({ value }) => value)
    assert.deepEqual(seen('x'), [1, 5, 0])
    assert.deepEqual(seen('y'), [7])
  })
})

test('on commit only the last change of a key goes out, with the old value from before the batch', async () => {
  const send = { batchRecordsMax: 10 }
  await withHarness(tableTopology('on-commit'), send, async (harness) => {
    const amounts = [1, 2, 3]
    for (const amount of amounts) {
      harness.send(rows, { key: 'a', value: { group: 'x', amount }, timestampMs: amount })
    }
    harness.send(
      rows,
      { key: 'gone', value: { group: 'x', amount: 1 }, timestampMs: 1 },
      { key: 'gone', value: null, timestampMs: 2 },
    )
    await harness.run()
    assert.deepEqual(
      harness.output(copies).map(({ key, value }) => [key, value?.amount]),
      [['a', 3]],
    )
    assert.deepEqual(harness.table(sums), { x: 3 })
  })
})

test('a filtered and mapped table deletes the rows that no longer pass', async () => {
  const large = testTopic<string>('large')
  const graph = defineTopology('t', (builder) => {
    builder
      .table('rows', rows, { store: 'rows-store', valueSerde: jsonSerde<Row>() })
      .filter('is-large', (_key, { amount }) => amount > 5)
      .mapValues('as-text', ({ amount }, key) => `${key}${amount}`)
      .toStream('large-changed')
      .to('large', large)
  })
  await withHarness(graph, {}, async (harness) => {
    harness.send(
      rows,
      { key: 'a', value: { group: 'x', amount: 9 }, timestampMs: 1 },
      { key: 'b', value: { group: 'x', amount: 1 }, timestampMs: 2 },
      { key: 'c', value: { group: 'x', amount: 8 }, timestampMs: 3 },
      { key: 'a', value: { group: 'x', amount: 2 }, timestampMs: 4 },
    )
    await harness.run()
    assert.deepEqual(
      harness.output(large).map(({ key, value }) => [key, value]),
      [
        ['a', 'a9'],
        ['c', 'c8'],
        ['a', null],
      ],
    )
  })
})

test('a table without a valueSerde keeps its rows in the Avro of its topic', async () => {
  const people = testTopic<{ name: string }>('people', {
    schema: { type: 'record', name: 'Person', fields: [{ name: 'name', type: 'string' }] },
  })
  const out = testTopic<{ name: string }>('people-out')
  const graph = defineTopology('t', (builder) => {
    builder.table('people', people, { store: 'people-store' }).toStream('changed').to('out', out)
  })
  await withHarness(graph, {}, async (harness) => {
    harness.send(people, { key: 'a', value: { name: 'Ada' }, timestampMs: 1 })
    await harness.run()
    harness.send(people, { key: 'a', value: { name: 'Bob' }, timestampMs: 1 })
    await harness.run()
    assert.deepEqual(harness.table(out), { a: { name: 'Bob' } })
  })
})

test('a stream becomes a table of the latest value of each key', async () => {
  const latest = testTopic<Row>('latest')
  const graph = defineTopology('t', (builder) => {
    builder
      .stream('rows', rows)
      .toTable('latest-rows', { store: 'latest', valueSerde: jsonSerde<Row>() })
      .toStream('changed')
      .to('latest', latest)
  })
  await withHarness(graph, {}, async (harness) => {
    const row = (amount: number) => ({ group: 'x', amount })
    harness.send(
      rows,
      { key: 'a', value: row(2), timestampMs: 2 },
      { key: 'a', value: row(1), timestampMs: 1 },
    )
    await harness.run()
    assert.deepEqual(harness.table(latest), { a: row(2) })
  })
})
