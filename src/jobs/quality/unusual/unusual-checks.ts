/**
 * Level Info: rows that are unlike the others, by a model that has learnt from the table what is usual.
 *
 *  1. What a model learns from, and what is judged, is a sample of the rows that their hashes choose: time and memory are
 *     bounded by `rowsMax`, whatever the table has.
 *  2. A model is kept and used for a day or so; then it learns anew. What it has found names it by its version.
 *  3. Rows are known by a hash of their key. Who is forgotten is in no finding: what nobody has is not found by its hash.
 */
import type { Clock } from '../../../core/clock.ts'
import type { ClickHouse } from '../../../sinks/clickhouse/clickhouse.ts'
import { tableName, type TableExpectations, type UnusualCheck } from '../expectation.ts'
import { dayMs, instant, within, type Period } from '../period.ts'
import type { QualityOptions } from '../quality-options.ts'
import { ifMeasurable, readRows, type Reading } from '../read-rows.ts'
import { unmeasured, type Judged, type QualityResult } from '../result.ts'
import { judge, learn, reasonsOf, type LearningRow, type Reason } from './learnt-model.ts'
import { readModel, storeModel, type ModelPlace, type StoredModel } from './model-store.ts'

export interface UnusualMeasuring {
  readonly topology: string
  readonly table: TableExpectations
  readonly check: UnusualCheck
  readonly period: Period
  readonly options: QualityOptions
  readonly reading: Reading
  readonly clickhouse: ClickHouse
  readonly clock: Clock
}

/** A row that is unusual: one of `tidemark.quality_unusual`. */
export interface UnusualRow extends Judged {
  readonly check: string
  readonly model: string
  /** `cityHash64` of its key. */
  readonly rowKey: bigint
  readonly score: number
  readonly reasons: string
}

export interface UnusualMeasured {
  readonly result: QualityResult
  /** The most unusual ones. */
  readonly rows: readonly UnusualRow[]
}

/** With fewer rows most of them are unlike the others. */
export const learntRowsMin = 200
const keptMax = 100
const toldMax = 3
const seed = 1

export async function measureUnusual(measuring: UnusualMeasuring): Promise<UnusualMeasured> {
  const { topology, table, check, period, options, reading } = measuring
  const of = { topology, table: tableName(table) }
  const learnt = await ifMeasurable(modelOf(measuring, of))
  if ('reason' in learnt) return failed(of, check, learnt.reason)
  const model = learnt.value
  if (typeof model === 'string') return { result: resultOf(of, check, model), rows: [] }
  const found = await ifMeasurable(rowsWhere(measuring, within(period)))
  if ('reason' in found) return failed(of, check, found.reason)
  const scores = await judge(model, found.value)
  reading.signal.throwIfAborted()
  const unusual = found.value
    .map((row, index) => ({ row, score: scores[index] ?? 0 }))
    .filter(({ score }) => score >= model.threshold)
    .sort((a, b) => b.score - a.score || (a.row.id < b.row.id ? -1 : 1))
  const rows = unusual.slice(0, keptMax).map(({ row, score }): UnusualRow => ({
    ...of,
    check: check.name,
    model: model.version,
    rowKey: BigInt(row.id),
    score,
    reasons: reasonsOf(model, row).map(reasonText).join(', '),
  }))
  const judged = { model, rows: scores.length, failed: unusual.length, told: rows }
  return { result: judgedResult(of, check, judged, options), rows }
}

function failed(of: Judged, { name }: UnusualCheck, reason: string): UnusualMeasured {
  return { result: unmeasured(of, name, reason), rows: [] }
}

/** The youngest, or a new one; why there is none where there are too few rows. */
async function modelOf(measuring: UnusualMeasuring, of: Judged): Promise<StoredModel | string> {
  const { check, options, clickhouse, clock, reading } = measuring
  const { days, intervalMs, rowsMax, scoreMin, spread } = options.learning
  const settings = JSON.stringify({ days, rowsMax, scoreMin, spread, where: check.where ?? '' })
  const place: ModelPlace = { ...of, check: check.name, features: check.features, settings }
  const nowMs = clock.nowMs()
  const kept = await readModel(clickhouse, place)
  if (kept !== null && nowMs - kept.trainedAtMs < intervalMs) return kept
  const fromMs = nowMs - days * dayMs
  const known = `known_at >= ${instant(fromMs)} AND known_at < ${instant(nowMs)}`
  const rows = await rowsWhere(measuring, known)
  if (rows.length < learntRowsMin) {
    return `${rows.length} rows of ${days} days; a model needs ${learntRowsMin}`
  }
  const learnt = await learn(check.features, rows, { seed, scoreMin, spread })
  const model = { ...learnt, trainedAtMs: nowMs, fromMs, toMs: nowMs }
  await storeModel(clickhouse, place, model, reading.signal)
  return model
}

/** With a number in each feature. */
async function rowsWhere(
  { table, check, options, reading }: UnusualMeasuring,
  where: string,
): Promise<readonly LearningRow[]> {
  const conditions = [where, ...(check.where === undefined ? [] : [check.where])]
  const values = check.features.map(({ value }) => `ifNull(toFloat64(${value}), nan)`)
  const read = await readRows<{ row_key: string; row_values: readonly number[] }>(
    reading,
    `SELECT toString(${rowKeyOf(table)}) AS row_key, [${values.join(', ')}] AS row_values
FROM ${tableName(table)}
WHERE ${conditions.join(' AND ')} AND arrayAll(each -> isFinite(each), row_values)
ORDER BY ${rowKeyOf(table)} LIMIT ${options.learning.rowsMax}`,
  )
  return read.map(({ row_key: id, row_values }) => ({ id, values: row_values }))
}

function rowKeyOf({ key, fact }: TableExpectations): string {
  return `cityHash64(${(key ?? fact.keyColumns).join(', ')})`
}

interface JudgedRows {
  readonly model: StoredModel
  readonly rows: number
  readonly failed: number
  readonly told: readonly UnusualRow[]
}

/** A few rows are unlike the others in any table: it is no anomaly before they are many. */
function judgedResult(
  of: Judged,
  check: UnusualCheck,
  { model, rows, failed: count, told }: JudgedRows,
  { thresholds, learning }: QualityOptions,
): QualityResult {
  const threshold = thresholds.get(`${of.table}/${check.name}`) ?? learning.unusualPercentMax
  const measured = rows === 0 ? null : (100 * count) / rows
  const learntOn = new Date(model.trainedAtMs).toISOString().slice(0, 10)
  const by = `by ${model.version}, ${model.rows} rows until ${learntOn}, from ${model.threshold.toFixed(2)} on`
  const most = told.slice(0, toldMax).map(({ score, reasons }) => `${score.toFixed(2)}: ${reasons}`)
  return {
    ...resultOf(of, check, [...most, by].join('; ')),
    measured,
    threshold,
    passed: measured === null ? null : measured <= threshold,
    rows,
    failed: count,
  }
}

function resultOf(of: Judged, { name }: UnusualCheck, detail: string): QualityResult {
  const nothing = { measured: null, threshold: null, passed: null, rows: 0, failed: 0 }
  return { ...of, check: name, dimension: 'accuracy', level: 'Info', ...nothing, detail }
}

function reasonText({ feature, value, usual, deviations }: Reason): string {
  const by =
    deviations === null
      ? 'in all others'
      : `${deviations < 0 ? '−' : '+'}${Math.abs(deviations).toFixed(1)} deviations`
  return `${feature} ${short(value)}, usually ${short(usual)} (${by})`
}

/** Four digits, without those that say nothing. */
function short(value: number): string {
  return String(Number(value.toPrecision(4)))
}
