/** Everything that is measured of the tables of some topologies, a table at a time. */
import type { Clock } from '../../core/clock.ts'
import type { ClickHouse } from '../../sinks/clickhouse/clickhouse.ts'
import type { JobProgress } from '../job.ts'
import { measureDays, measureOutliers } from './anomaly-checks.ts'
import { tableName, type TableExpectations, type TopologyExpectations } from './expectation.ts'
import type { Period } from './period.ts'
import type { QualityOptions } from './quality-options.ts'
import type { Reading } from './read-rows.ts'
import { measureRefused } from './refused-checks.ts'
import { figure, type QualityResult } from './result.ts'
import { sizeFigures, tableSizes, type TableSize } from './size-figures.ts'
import { measureTable, rowsLookedAt } from './table-checks.ts'
import { measureTotal } from './total-checks.ts'
import { measureUnusual, type UnusualRow } from './unusual/unusual-checks.ts'

/** A topology that runs, and what is expected of it. */
export interface JudgedTopology {
  readonly expectations: TopologyExpectations
  readonly sourceTopics: readonly string[]
  /** What is on its way at this moment. */
  lag(): TopologyLag
}

export interface TopologyLag {
  /** In the log, not processed. */
  readonly records: number
  /** In the log, not queryable. */
  readonly factRows: number
}

export interface QualityMeasuring {
  readonly topologies: readonly JudgedTopology[]
  readonly period: Period
  readonly options: QualityOptions
  readonly clickhouse: ClickHouse
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly onProgress: (progress: JobProgress) => void
}

export interface QualityMeasured {
  readonly results: readonly QualityResult[]
  /** What models have found, row by row. */
  readonly unusual: readonly UnusualRow[]
}

/** One statement at a time: events come first. Models that have learnt are kept.
 * @throws TidemarkError QUERY_FAILED | SINK_UNAVAILABLE | SINK_REFUSED; the signal's reason */
export async function measureQuality(measuring: QualityMeasuring): Promise<QualityMeasured> {
  const { topologies, options, clickhouse, signal, onProgress } = measuring
  const reading: Reading = { clickhouse, bounds: options.bounds, signal }
  const expectations = topologies.map((topology) => topology.expectations)
  const sizes = await tableSizes(reading, expectations)
  const total = expectations.reduce((sum, { tables }) => sum + tables.length, 0)
  const results: QualityResult[] = []
  const unusual: UnusualRow[] = []
  let done = 0
  for (const topology of topologies) {
    const newRows = new Map<string, number>()
    for (const table of topology.expectations.tables) {
      signal.throwIfAborted()
      onProgress({ text: tableName(table), done: done++, total })
      const size = sizes.get(tableName(table))
      const own = await measureAll(measuring, { topology, table, reading, size })
      newRows.set(tableName(table), rowsLookedAt(own.results))
      results.push(...own.results)
      unusual.push(...own.unusual)
    }
    results.push(...(await measureRefused({ ...topology, ...measuring, reading })))
    results.push(...lagFigures(topology))
    results.push(...sizeFigures(topology.expectations, sizes, newRows))
  }
  onProgress({ text: 'measured', done: total, total })
  return { results, unusual }
}

interface OneTable {
  readonly topology: JudgedTopology
  readonly table: TableExpectations
  readonly reading: Reading
  readonly size: TableSize | undefined
}

async function measureAll(
  { period, options, clickhouse, clock }: QualityMeasuring,
  { topology: judged, table, reading, size }: OneTable,
): Promise<QualityMeasured> {
  const { topology } = judged.expectations
  const of = { topology, table, period, options, reading }
  const results = [...(await measureTable({ ...of, rowsInAll: size?.rows ?? 0 }))]
  if (table.isArrival === true) results.push(await measureDays(of))
  if (rowsLookedAt(results) === 0) return { results, unusual: [] }
  for (const check of table.totals ?? []) {
    results.push(await measureTotal({ ...of, check, nowMs: clock.nowMs() }))
  }
  for (const check of table.outliers ?? []) results.push(await measureOutliers(of, check))
  const unusual: UnusualRow[] = []
  for (const check of table.unusual ?? []) {
    const measured = await measureUnusual({ ...of, check, clickhouse, clock })
    results.push(measured.result)
    unusual.push(...measured.rows)
  }
  return { results, unusual }
}

function lagFigures(topology: JudgedTopology): readonly QualityResult[] {
  const of = { topology: topology.expectations.topology, table: '' }
  const { records, factRows } = topology.lag()
  return [
    figure(of, 'lag_records', 'timeliness', {
      measured: records,
      rows: 0,
      detail: 'records in the log that are not yet processed',
    }),
    figure(of, 'lag_fact_rows', 'timeliness', {
      measured: factRows,
      rows: 0,
      detail: 'fact rows in the log that are not yet queryable',
    }),
  ]
}
