/** Rows of tables against those of an oracle: the same keys and columns, and numbers up to rounding. */
import assert from 'node:assert/strict'

export type Tables = Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>

/** Relative, and absolute below 1. */
const tolerance = 1e-9
/** A statistic that is a whole number by its definition may be reached by rounding. */
const roundingOfZero = 1e-9
const keys: Readonly<Record<string, readonly string[]>> = {
  user_attempts: ['user_id', 'attempt_id'],
  user_sessions: ['user_id', 'session_id'],
  daily_aggregations: ['user_id', 'year', 'month', 'day'],
  ml_training: ['training_id'],
  item_statistics: ['topic', 'item_id', 'test_id', 'question_id'],
}

/** Every table of both, every column of every row. */
export function assertNear(found: Tables, expected: Tables): void {
  assert.deepEqual(Object.keys(found).sort(), Object.keys(expected).sort())
  for (const [table, rows] of Object.entries(expected)) {
    const wanted = byKey(table, rows)
    const actual = byKey(table, found[table] ?? [])
    assert.deepEqual([...actual.keys()].sort(), [...wanted.keys()].sort(), `${table}: keys`)
    for (const [key, row] of wanted) {
      if (!isNear(actual.get(key), row)) assert.fail(difference(table, actual.get(key), row))
    }
  }
}

function byKey(table: string, rows: readonly Readonly<Record<string, unknown>>[]) {
  return new Map(
    rows.map((row) => [JSON.stringify((keys[table] ?? []).map((column) => row[column])), row]),
  )
}

function isNear(found: unknown, expected: unknown): boolean {
  if (typeof found === 'number' && typeof expected === 'number') {
    // Counts and times are exact.
    if (Number.isInteger(expected)) return Math.abs(found - expected) <= roundingOfZero
    return Math.abs(found - expected) <= tolerance * Math.max(1, Math.abs(expected))
  }
  if (!isObject(found) || !isObject(expected)) return found === expected
  const names = Object.keys(expected)
  return (
    names.length === Object.keys(found).length &&
    names.every((name) => Object.hasOwn(found, name) && isNear(found[name], expected[name]))
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function difference(table: string, found: unknown, expected: unknown): string {
  const differing = Object.entries(expected as object)
    .filter(([name, value]) => !isNear((found as Record<string, unknown>)[name], value))
    .map(([name, value]) => {
      const was = (found as Record<string, unknown>)[name]
      return `  ${name}: ${JSON.stringify(was)} where the oracle has ${JSON.stringify(value)}`
    })
  const extra = Object.keys(found as object).filter(
    (name) => !Object.hasOwn(expected as object, name),
  )
  return `${table} ${JSON.stringify(expected)}\n${differing.join('\n')} ${extra.join(', ')}`
}
