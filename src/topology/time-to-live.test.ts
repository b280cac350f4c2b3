import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TidemarkError } from '../core/errors.ts'
import { defineTopology } from './define.ts'
import type { TopologyBuilder } from './define.ts'
import { jsonSerde, testTopic } from './graph-harness.test-support.ts'
import type { KTable } from './streams.ts'

const users = testTopic<string>('users')
const others = testTopic<string>('others')
const out = testTopic<string>('out')
const text = jsonSerde<string>()
const serdes = { keySerde: users.keySerde, valueSerde: text }
const joiner = (one: string, other: string | null) => `${one}${other}`
const bySelf = (_key: string, value: string) => [value, value] as const
const kept = { store: 'kept', valueSerde: text }

type Rows = KTable<string, string>

function faultsOf(build: (builder: TopologyBuilder) => void): string {
  try {
    defineTopology('t', build)
    return ''
  } catch (thrown) {
    assert.ok(thrown instanceof TidemarkError, String(thrown))
    assert.equal(thrown.code, 'TOPOLOGY_INVALID')
    return thrown.message
  }
}

/** What may be made of rows that go after ten milliseconds, and of others that stay. */
const computed: Record<string, (rows: Rows, others: Rows) => void> = {
  'a count of its groups': (rows) => {
    rows.groupBy('sum', bySelf, serdes).count('c', { store: 'kept' })
  },
  'a reduction of its groups': (rows) => {
    rows.groupBy('sum', bySelf, serdes).reduce('r', joiner, joiner, kept)
  },
  'a join': (rows, stay) => rows.join('sum', stay, joiner, kept),
  'a join from the other side': (rows, stay) => stay.leftJoin('sum', rows, joiner, kept),
  'an outer join': (rows, stay) => rows.outerJoin('sum', stay, (one) => `${one}`, kept),
  'a join by a foreign key': (rows, stay) =>
    rows.foreignKeyJoin('sum', stay, (value) => value, joiner, kept),
  'a join by a foreign key from the other side': (rows, stay) =>
    stay.foreignKeyLeftJoin('sum', rows, (value) => value, joiner, kept),
}

const ttlMs = 10
const sources: Record<string, (builder: TopologyBuilder) => Rows> = {
  'a table': (b) => b.table('gone', users, { store: 'gone', valueSerde: text, ttlMs }),
  'a versioned table': (b) =>
    b.table('gone', users, { store: 'gone', valueSerde: text, ttlMs, historyMs: 5 }),
  'a table of a stream': (b) =>
    b.stream('users', users).toTable('gone', { store: 'gone', ...serdes, ttlMs }),
  'an aggregate of a stream': (b) =>
    b
      .stream('users', users)
      .groupByKey('by-user')
      .reduce('gone', joiner, { store: 'gone', ...serdes, ttlMs }),
  'a filtered and mapped table': (b) =>
    b
      .table('gone', users, { store: 'gone', valueSerde: text, ttlMs })
      .filter('some', (_key, value) => value !== '')
      .mapValues('marked', (value) => `${value}!`, { valueSerde: text }),
}

for (const [source, rowsOf] of Object.entries(sources)) {
  test(`${source} with a ttlMs is not a table that others are computed from`, () => {
    for (const [what, compute] of Object.entries(computed)) {
      const faults = faultsOf((b) => {
        compute(rowsOf(b), b.table('others', others, { store: 'others', valueSerde: text }))
      })
      assert.match(faults, /node "sum": rows of table "gone" go after its ttlMs .* leave the/, what)
      assert.equal(faults.split('\n').length, 2, faults)
    }
  })

  test(`${source} with a ttlMs is looked at by streams, and its changes one by one`, () => {
    const faults = faultsOf((b) => {
      const rows = rowsOf(b)
      rows.toStream('changes').to('to-out', out)
      b.stream('others', others).leftJoin('joined', rows, joiner)
    })
    assert.equal(faults, '')
  })
}

test('what is computed from tables has no ttlMs of its own: the rows are still there', () => {
  const limited = { ...kept, ttlMs }
  const builds: ((rows: Rows, others: Rows) => void)[] = [
    (rows) => rows.groupBy('by', bySelf, serdes).reduce('sum', joiner, joiner, limited),
    (rows, stay) => rows.join('sum', stay, joiner, limited),
    (rows, stay) => rows.foreignKeyJoin('sum', stay, (value) => value, joiner, limited),
  ]
  for (const build of builds) {
    const faults = faultsOf((b) => {
      const rows = b.table('users', users, { store: 'users', valueSerde: text })
      build(rows, b.table('others', others, { store: 'others', valueSerde: text }))
    })
    assert.match(faults, /node "sum": after its ttlMs the result would forget rows that the tables/)
  }
})
