/** Level Info: numbers of rows a day, and values far from the others of their group. */
import { dayScores, earlierDaysMax, type DayCount } from './anomalies.ts'
import { tableName, type OutlierCheck, type TableExpectations } from './expectation.ts'
import { dayMs, instant, within, type Period } from './period.ts'
import type { QualityOptions } from './quality-options.ts'
import { readRows, ifMeasurable, type Reading } from './read-rows.ts'
import { unmeasured, type QualityResult } from './result.ts'

export interface AnomalyMeasuring {
  readonly topology: string
  readonly table: TableExpectations
  readonly period: Period
  readonly options: QualityOptions
  readonly reading: Reading
}

/** Groups with less are too small for quartiles. */
const groupRowsMin = 20
/** Tukey, "Exploratory Data Analysis", 1977. */
const fence = 1.5
const toldMax = 5

/** The days of the period that are over, each against the days before it. */
export async function measureDays(measuring: AnomalyMeasuring): Promise<QualityResult> {
  const { topology, table, period, options, reading } = measuring
  const of = { topology, table: tableName(table) }
  const sinceMs = period.fromMs - earlierDaysMax * dayMs
  const sql = `SELECT toString(toDate(event_time)) AS day, count() AS rows FROM ${of.table}
WHERE event_time >= ${instant(sinceMs)} AND event_time < ${instant(period.toMs)} GROUP BY day`
  const outcome = await ifMeasurable(readRows<DayCount>(reading, sql))
  if ('reason' in outcome) return unmeasured(of, 'rows_a_day', outcome.reason)
  const counts = new Map(outcome.value.map(({ day, rows }) => [day, rows]))
  const from = dayOf(period.fromMs)
  const scores = dayScores(daysOf(counts, period.toMs)).filter(({ day }) => day >= from)
  const strange = scores.filter(({ score }) => Math.abs(score) >= options.anomalyScore)
  const worst = Math.max(0, ...scores.map(({ score }) => Math.abs(score)))
  return {
    ...of,
    check: 'rows_a_day',
    dimension: 'completeness',
    level: 'Info',
    measured: scores.length === 0 ? null : worst,
    threshold: options.anomalyScore,
    passed: scores.length === 0 ? null : strange.length === 0,
    rows: scores.length,
    failed: strange.length,
    detail: strange
      .toSorted((left, right) => Math.abs(right.score) - Math.abs(left.score))
      .slice(0, toldMax)
      .map(({ day, rows, median }) => `${day}: ${rows} rows, usually ${median}`)
      .join('; '),
  }
}

/** All days from the first with a row to the last that is over; those between them without a row are 0. */
function daysOf(counts: ReadonlyMap<string, number>, toMs: number): readonly DayCount[] {
  const first = [...counts.keys()].sort()[0]
  if (first === undefined) return []
  const days: DayCount[] = []
  for (let ms = Date.parse(`${first}T00:00:00Z`); ms + dayMs <= toMs; ms += dayMs) {
    const day = dayOf(ms)
    days.push({ day, rows: counts.get(day) ?? 0 })
  }
  return days
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}

interface Outliers {
  readonly rows: number
  readonly failed: number
  readonly group: string
  readonly most: number
}

/** Values outside Tukey’s fences of their group. */
export async function measureOutliers(
  { topology, table, period, options, reading }: AnomalyMeasuring,
  { name, value, by }: OutlierCheck,
): Promise<QualityResult> {
  const of = { topology, table: tableName(table) }
  const rows = `SELECT ${by} AS grouped_by, toFloat64(${value}) AS looked_at FROM ${of.table} WHERE ${within(period)}`
  const sql = `SELECT sum(in_group) AS rows, sum(outside) AS failed,
  argMax(grouped_by, outside) AS group, max(outside) AS most
FROM (
  SELECT grouped_by, count() AS in_group,
    countIf(looked_at > high + ${fence} * (high - low) OR looked_at < low - ${fence} * (high - low)) AS outside
  FROM (${rows}) AS each
  INNER JOIN (
    SELECT grouped_by, quantileExact(0.25)(looked_at) AS low, quantileExact(0.75)(looked_at) AS high
    FROM (${rows}) GROUP BY grouped_by HAVING count() >= ${groupRowsMin}
  ) AS fences USING (grouped_by)
  GROUP BY grouped_by
)`
  const outcome = await ifMeasurable(readRows<Outliers>(reading, sql))
  if ('reason' in outcome) return unmeasured(of, name, outcome.reason)
  const found = outcome.value[0]
  const looked = found?.rows ?? 0
  const outside = found?.failed ?? 0
  const percent = looked === 0 ? null : (100 * outside) / looked
  const threshold = options.thresholds.get(`${of.table}/${name}`) ?? options.outlierPercentMax
  return {
    ...of,
    check: name,
    dimension: 'accuracy',
    level: 'Info',
    measured: percent,
    threshold,
    passed: percent === null ? null : percent <= threshold,
    rows: looked,
    failed: outside,
    detail: outside === 0 ? '' : `most, ${found?.most ?? 0}, of ${by} ${found?.group ?? ''}`,
  }
}
