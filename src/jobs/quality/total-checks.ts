/**
 * What must add up between tables. They are written one after the other, so only what has been at rest for a while is
 * compared: rows whose other side has changed since are left for the next time.
 */
import { tableName, type TableExpectations, type TotalCheck } from './expectation.ts'
import { instant, within, type Period } from './period.ts'
import type { QualityOptions } from './quality-options.ts'
import { readRows, ifMeasurable, type Reading } from './read-rows.ts'
import { shareResult, unmeasured, type QualityResult } from './result.ts'

/** Longer than the sinks wait before an insert. */
const restMs = 60_000

export interface TotalMeasuring {
  readonly topology: string
  readonly table: TableExpectations
  readonly check: TotalCheck
  readonly period: Period
  readonly nowMs: number
  readonly options: QualityOptions
  readonly reading: Reading
}

export async function measureTotal(measuring: TotalMeasuring): Promise<QualityResult> {
  const { topology, table, check, options, reading } = measuring
  const of = { topology, table: tableName(table) }
  const outcome = await ifMeasurable(
    readRows<{ rows: number; failed: number }>(reading, totalStatement(measuring)),
  )
  if ('reason' in outcome) return unmeasured(of, check.name, outcome.reason)
  const { rows = 0, failed = 0 } = outcome.value[0] ?? {}
  const detail = `${check.total} against ${check.sum} of ${check.of} by ${Object.keys(check.by).join(', ')}`
  return shareResult(
    of,
    { name: check.name, dimension: 'consistency', level: 'Error' },
    { rows, failed, detail },
    options,
  )
}

function totalStatement({ table, check, period, nowMs }: TotalMeasuring): string {
  const name = tableName(table)
  const keys = Object.keys(check.by)
  const restedMs = Math.min(period.toMs, nowMs - restMs)
  const rested = instant(restedMs)
  const rows = `${within(period)} AND known_at < ${rested}`
  const groups = Object.values(check.by)
  return `SELECT count() AS rows, countIf(abs(whole - parts) > 1e-6 * greatest(1, abs(whole))) AS failed
FROM (
  SELECT ${keys.join(', ')}, toFloat64(${check.total}) AS whole FROM ${name} WHERE ${rows}
) AS wholes
LEFT JOIN (
  SELECT ${groups.map((column, index) => `${column} AS ${keys[index] ?? ''}`).join(', ')},
    toFloat64(${check.sum}) AS parts, max(known_at) AS changed_at
  FROM ${check.of}
  WHERE (${groups.join(', ')}) IN (SELECT ${keys.join(', ')} FROM ${name} WHERE ${rows})
  GROUP BY ${groups.join(', ')}
) AS sums USING (${keys.join(', ')})
WHERE changed_at < ${rested}`
}
