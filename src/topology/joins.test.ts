import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { defineTopology } from './define.ts'
import { jsonSerde, picker, testTopic, withHarness } from './graph-harness.test-support.ts'

const clicks = testTopic<string>('clicks')
const users = testTopic<string>('users')
const countries = testTopic<string>('countries')
const out = testTopic<string>('out')
const text = jsonSerde<string>()

function joined(isLeft: boolean) {
  return defineTopology('t', (builder) => {
    const table = builder.table('users', users, { store: 'users', valueSerde: text })
    const stream = builder.stream('clicks', clicks)
    const result = isLeft
      ? stream.leftJoin('with-user', table, (click, user, key) => `${key}:${click}:${user}`)
      : stream.join('with-user', table, (click, user, key) => `${key}:${click}:${user}`)
    result.to('out', out)
  })
}

const event = fc.record({
  to: fc.constantFrom<'clicks' | 'users'>('clicks', 'users'),
  key: fc.constantFrom('a', 'b'),
  value: fc.option(fc.constantFrom('x', 'y', 'z'), { nil: null, freq: 3 }),
})

test('a stream-table join sees the rows that the table has at that moment', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 30 }), fc.boolean(), async (events, isLeft) => {
      const rows = new Map<string, string>()
      const expected: string[] = []
      await withHarness(joined(isLeft), {}, async (harness) => {
        for (const [index, { to, key, value }] of events.entries()) {
          harness.send(to === 'clicks' ? clicks : users, { key, value, timestampMs: index })
          await harness.run()
          if (to === 'users') {
            if (value === null) rows.delete(key)
            else rows.set(key, value)
          } else if (value !== null && (isLeft || rows.has(key))) {
            expected.push(`${key}:${value}:${rows.get(key) ?? null}`)
          }
        }
        assert.deepEqual(
          harness.output(out).map(({ value }) => value),
          expected,
        )
        const nulls = events.filter(({ to, value }) => to === 'clicks' && value === null)
        assert.equal(harness.dropped.get('null-value') ?? 0, nulls.length)
      })
    }),
    { numRuns: 100 },
  )
})

test('a join looks through the filters and mappings of the table', async () => {
  const graph = defineTopology('t', (builder) => {
    const table = builder
      .table('users', users, { store: 'users', valueSerde: text })
      .filter('named', (_key, name) => name !== '')
      .mapValues('shouted', (name) => name.toUpperCase())
    builder
      .stream('clicks', clicks)
      .join('with-user', table, (click, user) => `${click}:${user}`)
      .to('out', out)
  })
  await withHarness(graph, {}, async (harness) => {
    harness.send(users, { key: 'a', value: 'ada', timestampMs: 1 })
    harness.send(users, { key: 'b', value: '', timestampMs: 1 })
    await harness.run()
    harness.send(clicks, { key: 'a', value: 'x', timestampMs: 2 })
    harness.send(clicks, { key: 'b', value: 'y', timestampMs: 2 })
    await harness.run()
    assert.deepEqual(harness.table(out), { a: 'x:ADA' })
  })
})

test('a stream whose keys have changed is partitioned anew before it meets the table', async () => {
  const graph = defineTopology('t', (builder) => {
    const table = builder.table('users', users, { store: 'users', valueSerde: text })
    builder
      .stream('clicks', clicks)
      .selectKey('by-user', (_key, value) => value?.slice(0, 1) ?? '', {
        keySerde: users.keySerde,
        valueSerde: text,
      })
      .leftJoin('with-user', table, (click, user) => `${click}:${user}`)
      .to('out', out)
  })
  const keys = ['a', 'b', 'c', 'd', 'e']
  await withHarness(graph, { partitionCount: 3 }, async (harness) => {
    for (const key of keys) harness.send(users, { key, value: `name-${key}`, timestampMs: 1 })
    await harness.run()
    for (const key of keys)
      harness.send(clicks, { key: `${key}9`, value: `${key}!`, timestampMs: 2 })
    await harness.run()
    const expected = keys.map((key) => [key, `${key}!:name-${key}`])
    assert.deepEqual(harness.table(out), Object.fromEntries(expected))
  })
})

test('a global table is in every task, so a stream may look up any key of it', async () => {
  const graph = defineTopology('t', (builder) => {
    const table = builder.globalTable('countries', countries, {
      store: 'countries',
      valueSerde: text,
    })
    const stream = builder.stream('clicks', clicks)
    const countryOf = (_key: string, click: string) => (click === '-' ? null : click.slice(0, 2))
    stream.join('with-country', table, countryOf, (_click, name) => name).to('out', out)
    stream
      .leftJoin('with-or-without', table, countryOf, (click, name) => `${click} ${name}`)
      .to('left-out', { ...out, name: testTopic('left-out').name })
  })
  await withHarness(graph, { partitionCount: 4 }, async (harness) => {
    for (const [key, value] of [
      ['de', 'Germany'],
      ['fr', 'France'],
    ] as const) {
      harness.send(countries, { key, value, timestampMs: 1 })
    }
    await harness.run()
    const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
    for (const key of keys) harness.send(clicks, { key, value: 'fr1', timestampMs: 2 })
    harness.send(clicks, { key: 'h', value: 'es', timestampMs: 2 })
    harness.send(clicks, { key: 'i', value: '-', timestampMs: 2 })
    await harness.run()
    assert.deepEqual(harness.table(out), Object.fromEntries(keys.map((key) => [key, 'France'])))
    const left = harness.table<string>(testTopic('left-out'))
    assert.equal(left.a, 'fr1 France')
    assert.equal(left.h, 'es null')
    assert.equal(left.i, '- null')
  })
})

test('an inner join drops and counts a record without a key, a left join keeps it', async () => {
  const seen: string[] = []
  const graph = defineTopology('t', (builder) => {
    const table = builder.table('users', users, { store: 'users', valueSerde: text })
    const stream = builder.stream('clicks', clicks)
    const see = (_key: string, value: string) => seen.push(value)
    stream.join('inner', table, (click) => `inner ${click}`).peek('inner-seen', see)
    stream.leftJoin('left', table, (click, user) => `left ${click} ${user}`).peek('left-seen', see)
  })
  await withHarness(graph, {}, async (harness) => {
    const record = { key: null, value: 'x', timestampMs: 1, headers: [] }
    harness.append(clicks.name, Buffer.of(), record)
    await harness.run()
    assert.deepEqual(seen, ['left x null'])
    assert.deepEqual(Object.fromEntries(harness.dropped), { 'null-key': 1 })
  })
})

interface Order {
  readonly user: string | null
  readonly item: string
}

const orders = testTopic<Order>('orders')
const byItem = testTopic<number>('by-item')

function foreignKeyJoined(isLeft: boolean, emit: 'per-record' | 'on-commit') {
  return defineTopology('t', (builder) => {
    const left = builder.table('orders', orders, {
      store: 'orders',
      valueSerde: jsonSerde<Order>(),
      emit,
    })
    const right = builder
      .table('users', users, { store: 'users', valueSerde: text, emit })
      .mapValues('shouted', (name) => name.toUpperCase(), { valueSerde: text })
    const userOf = (order: Order) => order.user
    const materialized = { store: 'joined', valueSerde: text, emit }
    const result = isLeft
      ? left.foreignKeyLeftJoin(
          'joined',
          right,
          userOf,
          (order, user) => `${order.item}:${user}`,
          materialized,
        )
      : left.foreignKeyJoin(
          'joined',
          right,
          userOf,
          (order, user) => `${order.item}:${user}`,
          materialized,
        )
    result.toStream('changed').to('out', out)
    // Counts stay right only where each change's old value is what was there before.
    result
      .groupBy('by-result', (_key, value) => [value, 1], {
        keySerde: users.keySerde,
        valueSerde: jsonSerde<number>(),
      })
      .count('count', { store: 'counts' })
      .toStream('count-changed')
      .to('by-item', byItem)
  })
}

const change = fc.oneof(
  fc.record({
    side: fc.constant('orders' as const),
    key: fc.constantFrom('1', '2', '3', '4'),
    value: fc.option(
      fc.record({
        user: fc.option(fc.constantFrom('a', 'ab', 'b'), { nil: null, freq: 4 }),
        item: fc.constantFrom('p', 'q'),
      }),
      { nil: null, freq: 4 },
    ),
  }),
  fc.record({
    side: fc.constant('users' as const),
    key: fc.constantFrom('a', 'ab', 'b'),
    value: fc.option(fc.constantFrom('x', 'y'), { nil: null, freq: 3 }),
  }),
)

test('a foreign-key join ends as the relational join, however tasks and batches interleave', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(change, { maxLength: 25 }),
      fc.boolean(),
      fc.constantFrom<'per-record' | 'on-commit'>('per-record', 'on-commit'),
      fc.constantFrom(1, 3),
      fc.array(fc.nat(1000), { minLength: 11, maxLength: 11 }),
      fc.constantFrom(1, 2, 5),
      async (changes, isLeft, emit, partitionCount, picks, batchRecordsMax) => {
        const left = new Map<string, Order>()
        const right = new Map<string, string>()
        const options = { partitionCount, batchRecordsMax, pick: picker(picks) }
        await withHarness(foreignKeyJoined(isLeft, emit), options, async (harness) => {
          for (const [timestampMs, { side, key, value }] of changes.entries()) {
            if (side === 'orders') {
              harness.send(orders, { key, value, timestampMs })
              if (value === null) left.delete(key)
              else left.set(key, value)
            } else {
              harness.send(users, { key, value, timestampMs })
              if (value === null) right.delete(key)
              else right.set(key, value)
            }
          }
          await harness.run()
          const expected: Record<string, string> = {}
          const counts: Record<string, number> = {}
          for (const [key, { user, item }] of left) {
            const name = user === null ? undefined : right.get(user)?.toUpperCase()
            if (name === undefined && !isLeft) continue
            const value = `${item}:${name ?? null}`
            expected[key] = value
            counts[value] = (counts[value] ?? 0) + 1
          }
          assert.deepEqual(harness.table(out), expected)
          const counted = Object.entries(harness.table(byItem)).filter(([, count]) => count !== 0)
          assert.deepEqual(Object.fromEntries(counted), counts)
        })
      },
    ),
    { numRuns: 400 },
  )
})

test('one row with more subscribers than a page holds reaches all of them', async () => {
  await withHarness(
    foreignKeyJoined(false, 'on-commit'),
    { batchRecordsMax: 5000 },
    async (harness) => {
      const count = 1100
      for (let index = 0; index < count; index += 1) {
        harness.send(orders, { key: `${index}`, value: { user: 'a', item: 'p' }, timestampMs: 1 })
      }
      harness.send(users, { key: 'a', value: 'old', timestampMs: 1 })
      await harness.run()
      harness.send(users, { key: 'a', value: 'new', timestampMs: 2 })
      await harness.run()
      const table = harness.table(out)
      assert.equal(Object.keys(table).length, count)
      assert.deepEqual(new Set(Object.values(table)), new Set(['p:NEW']))
    },
  )
})

test('a row is answered once for each change of what it points to, and not for what it pointed to', async () => {
  const options = { batchRecordsMax: 5000 }
  await withHarness(foreignKeyJoined(false, 'per-record'), options, async (harness) => {
    const answered = async (send: () => void) => {
      const before = harness.partitions('t-joined-response').flat().length
      send()
      await harness.run()
      return harness.partitions('t-joined-response').flat().length - before
    }
    const count = 1100
    const point = (user: string | null, timestampMs: number) => {
      for (let index = 0; index < count; index += 1) {
        harness.send(orders, { key: `${index}`, value: { user, item: 'p' }, timestampMs })
      }
    }
    const change = (user: string, timestampMs: number) => {
      harness.send(users, { key: user, value: `name-${timestampMs}`, timestampMs })
    }
    const atFirst = await answered(() => {
      point('a', 1)
    })
    assert.equal(atFirst, count)
    const whenChanged = await answered(() => {
      change('a', 2)
    })
    assert.equal(whenChanged, count)
    await answered(() => {
      point('b', 3)
    })
    const whenLeft = await answered(() => {
      change('a', 4)
    })
    assert.equal(whenLeft, 0)
    await answered(() => {
      point(null, 5)
    })
    const whenNowhere = await answered(() => {
      change('b', 6)
    })
    assert.equal(whenNowhere, 0)
  })
})

test('a table may be joined with itself', async () => {
  interface Person {
    readonly name: string
    readonly manager: string | null
  }
  const people = testTopic<Person>('people')
  const graph = defineTopology('t', (builder) => {
    const table = builder.table('people', people, {
      store: 'people',
      valueSerde: jsonSerde<Person>(),
    })
    table
      .foreignKeyLeftJoin(
        'with-manager',
        table,
        ({ manager }) => manager,
        ({ name }, manager) => `${name} < ${manager?.name ?? 'nobody'}`,
        { store: 'with-manager', valueSerde: text },
      )
      .toStream('changed')
      .to('out', out)
  })
  await withHarness(graph, { partitionCount: 3 }, async (harness) => {
    harness.send(people, { key: '1', value: { name: 'Ada', manager: '2' }, timestampMs: 1 })
    harness.send(people, { key: '2', value: { name: 'Bob', manager: null }, timestampMs: 1 })
    harness.send(people, { key: '3', value: { name: 'Cid', manager: '3' }, timestampMs: 1 })
    await harness.run()
    assert.deepEqual(harness.table(out), { 1: 'Ada < Bob', 2: 'Bob < nobody', 3: 'Cid < Cid' })
    harness.send(people, { key: '2', value: null, timestampMs: 2 })
    await harness.run()
    assert.deepEqual(harness.table(out), { 1: 'Ada < nobody', 3: 'Cid < Cid' })
  })
})
