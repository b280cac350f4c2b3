/**
 * The checks of one table, in one statement: for each check how many rows it is asked of, and of how many it does not
 * hold. Whether keys repeat is asked of a share of the keys, chosen by their hash, so that memory is bounded.
 */
import { ageMs, rowChecksOf } from './derived-checks.ts'
import { tableName, type RowCheck, type TableExpectations } from './expectation.ts'
import { within, type Period } from './period.ts'
import type { QualityOptions } from './quality-options.ts'
import { readRows, ifMeasurable, type Reading } from './read-rows.ts'
import { figure, shareResult, unmeasured, type QualityResult } from './result.ts'

/** Distinct keys that are held in memory, about. */
const keysMax = 1_000_000

export interface TableMeasuring {
  readonly topology: string
  readonly table: TableExpectations
  readonly period: Period
  readonly options: QualityOptions
  readonly reading: Reading
  /** Rows that the table has in all, about. */
  readonly rowsInAll: number
}

type Figures = Readonly<Record<string, number | null>>

export async function measureTable(measuring: TableMeasuring): Promise<readonly QualityResult[]> {
  const { topology, table, options } = measuring
  const of = { topology, table: tableName(table) }
  const checks = rowChecksOf(table, options)
  const outcome = await ifMeasurable(
    readRows<Figures>(measuring.reading, tableStatement(measuring, checks)),
  )
  if ('reason' in outcome) return [unmeasured(of, 'rows', outcome.reason)]
  const figures = outcome.value[0] ?? {}
  const number = (name: string) => figures[name] ?? 0
  return [
    ...checks.map((check, index) => {
      const counted = { rows: number(`r${index}`), failed: number(`f${index}`) }
      const detail = counted.failed === 0 ? '' : whereItFails(measuring, check)
      return shareResult(of, check, { ...counted, detail }, options)
    }),
    ...uniqueness(table).map(({ check, alias }) => {
      const rows = number(`${alias}_rows`)
      const counted = { rows, failed: rows - number(`${alias}_distinct`) }
      return shareResult(of, check, counted, options)
    }),
    ...timeliness(measuring, figures),
  ]
}

/** Rows of the table in the period, as its results say: those of the check that is asked of all. */
export function rowsLookedAt(results: readonly QualityResult[]): number {
  return Math.max(0, ...results.map(({ rows }) => rows))
}

function tableStatement(
  { table, period, rowsInAll }: TableMeasuring,
  checks: readonly RowCheck[],
): string {
  const columns = ['count() AS rows_in_period']
  for (const [index, { holds, where }] of checks.entries()) {
    const asked = where === undefined ? null : `ifNull(${where}, false)`
    const fails = `NOT ifNull(${holds}, true)`
    columns.push(asked === null ? `count() AS r${index}` : `countIf(${asked}) AS r${index}`)
    columns.push(`countIf(${asked === null ? '' : `${asked} AND `}${fails}) AS f${index}`)
  }
  const share = Math.max(1, Math.ceil(rowsInAll / keysMax))
  for (const { alias, columns: key } of uniqueness(table)) {
    const hash = `cityHash64(tuple(${key.join(', ')}))`
    const chosen = share === 1 ? 'true' : `${hash} % ${share} = 0`
    columns.push(`countIf(${chosen}) AS ${alias}_rows`)
    columns.push(`uniqExactIf(${hash}, ${chosen}) AS ${alias}_distinct`)
  }
  columns.push(`quantileIf(0.95)(${ageMs}, ${ageMs} >= 0) AS age_p95`)
  columns.push('toUnixTimestamp64Milli(max(event_time)) AS latest_event')
  return `SELECT ${columns.join(',\n  ')}\nFROM ${tableName(table)} WHERE ${within(period)}`
}

export function uniqueness({ fact, key, naturalKey }: TableExpectations) {
  const unique = {
    check: { name: 'unique_key', dimension: 'consistency', level: 'Error' },
    alias: 'key',
    columns: key ?? fact.keyColumns,
  } as const
  if (naturalKey === undefined) return [unique]
  const check = {
    name: 'duplicates',
    dimension: 'consistency',
    level: 'Warning',
    failedPercentMax: 1,
  } as const
  return [unique, { check, alias: 'natural', columns: naturalKey } as const]
}

/** How fresh facts are, as a figure. */
function timeliness(
  { topology, table, period }: TableMeasuring,
  figures: Figures,
): QualityResult[] {
  if (table.isTimed !== true) return []
  const of = { topology, table: tableName(table) }
  const rows = figures['rows_in_period'] ?? 0
  const latestMs = rows === 0 ? null : (figures['latest_event'] ?? null)
  const age = rows === 0 ? null : (figures['age_p95'] ?? null)
  return [
    figure(of, 'age_when_known_ms', 'timeliness', {
      measured: age,
      rows,
      detail: '95 % of the rows were known so soon after their event, or sooner',
    }),
    figure(of, 'latest_event_age_ms', 'timeliness', {
      measured: latestMs === null ? null : period.toMs - latestMs,
      rows,
      detail: latestMs === null ? '' : `the latest is of ${new Date(latestMs).toISOString()}`,
    }),
  ]
}

/** How to find the rows that fail. Their keys are not kept: they may be persons, who can ask to be forgotten. */
function whereItFails({ table, period }: TableMeasuring, { holds, where }: RowCheck): string {
  const asked = where === undefined ? '' : `(${where}) AND `
  return `SELECT * FROM ${tableName(table)} WHERE ${within(period)} AND ${asked}NOT (${holds})`
}
