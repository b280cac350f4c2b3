/** Models of joins of two tables: each holds the update with the greatest time of each key. */
import type { RecordStep } from '../differential/support/case.ts'
import { tableJoins } from '../differential/topologies/table-joins.ts'
import { compare } from './support/compare.ts'
import type { Model } from './support/compare.ts'

interface Row {
  readonly value: string | null
  readonly timestampMs: number
}

type Join = (left: string | null, right: string | null) => string | null

const inner: Join = (left, right) => (left === null || right === null ? null : `${left}|${right}`)
const left: Join = (one, other) => (one === null ? null : `${one}|${other}`)
const outer: Join = (one, other) => (one === null && other === null ? null : `${one}|${other}`)

function joinModel(join: Join, leftOf: Join = (row) => row, rightOf: Join = (row) => row) {
  return (): Model => {
    const tables = { table: new Map<string, Row>(), other: new Map<string, Row>() }
    const results = new Map<string, string>()
    return (record) => {
      const { key } = record
      if (key === null) return []
      const rows = record.topic === 'table' ? tables.table : tables.other
      const row = rows.get(key)
      if (row !== undefined && !isNewer(record, row)) return []
      rows.set(key, record)
      const [one, other] = [tables.table.get(key), tables.other.get(key)]
      const value = join(leftOf(one?.value ?? null, null), rightOf(other?.value ?? null, null))
      const before = results.get(key)
      if (value === null) results.delete(key)
      else results.set(key, value)
      if (value === null && before === undefined) return []
      // What a filter lets pass neither before nor now does not get to the join.
      const own = record.topic === 'table' ? leftOf : rightOf
      if (own(row?.value ?? null, null) === null && own(record.value, null) === null) {
        return []
      }
      const timestampMs = Math.max(one?.timestampMs ?? 0, other?.timestampMs ?? 0)
      return [{ topic: 'out', key, value, timestampMs, header: record.header }]
    }
  }
}

/** By time; at one time a delete goes before a value, and the greater value before the other. */
function isNewer(record: RecordStep, row: Row): boolean {
  if (record.timestampMs !== row.timestampMs) return record.timestampMs > row.timestampMs
  if (row.value === null) return false
  return record.value === null || record.value > row.value
}

const notTwo: Join = (row) => (row === '2' ? null : row)
const marked: Join = (row) => (row === null || row === '2' ? null : `${row}!`)
const inputs = { topics: ['table', 'other'] }

compare([
  {
    name: 'an inner join of tables',
    build: tableJoins['table-join'],
    model: joinModel(inner),
    inputs,
  },
  {
    name: 'a left join of tables',
    build: tableJoins['table-left-join'],
    model: joinModel(left),
    inputs,
  },
  {
    name: 'an outer join of tables',
    build: tableJoins['table-outer-join'],
    model: joinModel(outer),
    inputs,
  },
  {
    name: 'an outer join of filtered tables',
    build: tableJoins['table-outer-join-of-filtered'],
    model: joinModel(outer, notTwo, marked),
    inputs,
  },
])
