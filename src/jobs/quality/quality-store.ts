/** Results and scores in ClickHouse. A run’s rows are written once, so a run written again changes nothing. */
import type { ClickHouse } from '../../sinks/clickhouse/clickhouse.ts'
import { ask } from '../../sinks/clickhouse/run-statement.ts'
import type { Column } from '../../sinks/clickhouse/tab-separated.ts'
import type { Row } from '../../sinks/sink.ts'
import { dimensions, type Dimension } from './expectation.ts'
import { insertRows } from './insert-rows.ts'
import type { Period } from './period.ts'
import type { QualityResult } from './result.ts'
import type { QualityScores } from './score.ts'
import type { UnusualRow } from './unusual/unusual-checks.ts'

export interface QualityRun {
  readonly runId: string
  /** When it began, milliseconds since the epoch. */
  readonly measuredAtMs: number
  readonly period: Period
  readonly results: readonly QualityResult[]
  readonly unusual: readonly UnusualRow[]
  readonly scores: QualityScores
}

const time = "DateTime64(3, 'UTC')"
const resultColumns: readonly Column[] = [
  { name: 'run_id', type: 'String' },
  { name: 'measured_at', type: time },
  { name: 'period_from', type: time },
  { name: 'period_to', type: time },
  { name: 'topology', type: 'String' },
  { name: 'table', type: 'String' },
  { name: 'check', type: 'String' },
  { name: 'dimension', type: 'String' },
  { name: 'level', type: 'String' },
  { name: 'measured', type: 'Nullable(Float64)' },
  { name: 'threshold', type: 'Nullable(Float64)' },
  { name: 'passed', type: 'Nullable(Bool)' },
  { name: 'rows_looked_at', type: 'UInt64' },
  { name: 'rows_failed', type: 'UInt64' },
  { name: 'detail', type: 'String' },
]
const unusualColumns: readonly Column[] = [
  { name: 'run_id', type: 'String' },
  { name: 'measured_at', type: time },
  { name: 'topology', type: 'String' },
  { name: 'table', type: 'String' },
  { name: 'check', type: 'String' },
  { name: 'model', type: 'String' },
  { name: 'row_key', type: 'UInt64' },
  { name: 'score', type: 'Float64' },
  { name: 'reasons', type: 'String' },
]
const scoreColumns: readonly Column[] = [
  { name: 'run_id', type: 'String' },
  { name: 'measured_at', type: time },
  { name: 'topology', type: 'String' },
  { name: 'dimension', type: 'String' },
  { name: 'score', type: 'Nullable(Float64)' },
]

type Writing = Pick<ClickHouse, 'insert'>

/** @throws TidemarkError SINK_UNAVAILABLE | SINK_REFUSED */
export async function storeRun(
  clickhouse: Writing,
  run: QualityRun,
  signal: AbortSignal,
): Promise<void> {
  const rows = run.results.map(({ rows: rowsLookedAt, failed, ...result }) => ({
    ...result,
    run_id: run.runId,
    measured_at: run.measuredAtMs,
    period_from: run.period.fromMs,
    period_to: run.period.toMs,
    rows_looked_at: rowsLookedAt,
    rows_failed: failed,
  }))
  const unusual = run.unusual.map(({ rowKey, ...row }) => ({
    ...row,
    run_id: run.runId,
    measured_at: run.measuredAtMs,
    row_key: rowKey,
  }))
  // What a result points to is there before it.
  if (unusual.length > 0) {
    await insertRows(clickhouse, 'quality_unusual', unusualColumns, unusual, signal)
  }
  await insertRows(clickhouse, 'quality_results', resultColumns, rows, signal)
  await insertRows(clickhouse, 'quality_scores', scoreColumns, scoreRows(run), signal)
}

function scoreRows({ runId, measuredAtMs, scores }: QualityRun): readonly Row[] {
  const row = (topology: string, dimension: string, score: number | null) => ({
    run_id: runId,
    measured_at: measuredAtMs,
    topology,
    dimension,
    score,
  })
  return [
    row('', '', scores.score),
    ...scores.topologies.flatMap(({ topology, score, dimensions: own }) => [
      row(topology, '', score),
      ...dimensions.map((dimension) => row(topology, dimension, own[dimension])),
    ]),
  ]
}

/** The scores of the last run, for the status and the metrics. */
export interface LatestScores {
  readonly runId: string
  readonly measuredAtMs: number
  /** Over all topologies; null where there was nothing to measure. */
  readonly score: number | null
  readonly topologies: readonly {
    readonly topology: string
    readonly score: number | null
    readonly dimensions: Readonly<Record<Dimension, number | null>>
  }[]
}

export function latestOf({ runId, measuredAtMs, scores }: QualityRun): LatestScores {
  return {
    runId,
    measuredAtMs,
    score: scores.score,
    topologies: scores.topologies.map(({ topology, score, dimensions: own }) => ({
      topology,
      score,
      dimensions: own,
    })),
  }
}

/** Null: there was no run yet.
 * @throws TidemarkError SINK_UNAVAILABLE | SINK_REFUSED */
export async function readLatestScores(clickhouse: ClickHouse): Promise<LatestScores | null> {
  const rows = await ask<StoredScore>(
    clickhouse,
    `SELECT run_id, toUnixTimestamp64Milli(measured_at) AS measured_at_ms, topology, dimension, score
FROM tidemark.quality_scores
WHERE run_id = (SELECT run_id FROM tidemark.quality_scores ORDER BY measured_at DESC, run_id LIMIT 1)
ORDER BY topology, dimension`,
  )
  const first = rows[0]
  if (first === undefined) return null
  const scoreOf = (topology: string, dimension: string) =>
    rows.find((row) => row.topology === topology && row.dimension === dimension)?.score ?? null
  const names = new Set(rows.map(({ topology }) => topology).filter((name) => name !== ''))
  return {
    runId: first.run_id,
    measuredAtMs: Number(first.measured_at_ms),
    score: scoreOf('', ''),
    topologies: [...names].map((topology) => ({
      topology,
      score: scoreOf(topology, ''),
      dimensions: Object.fromEntries(
        dimensions.map((dimension) => [dimension, scoreOf(topology, dimension)]),
      ) as Record<Dimension, number | null>,
    })),
  }
}

interface StoredScore {
  readonly run_id: string
  readonly measured_at_ms: number | string
  readonly topology: string
  readonly dimension: string
  readonly score: number | null
}
