/** Tables of the migrations in an engine of their own, rows put into them, and what the checks say of them. */
import { migrationsDirectory } from '../../app/migrations-directory.ts'
import { ManualClock } from '../../core/clock.ts'
import {
  temporaryClickHouse,
  type TemporaryClickHouse,
} from '../../sinks/clickhouse/temporary-clickhouse.test-support.ts'
import { ClickHouseSink } from '../../sinks/clickhouse/clickhouse-sink.ts'
import { ask } from '../../sinks/clickhouse/run-statement.ts'
import type { Row } from '../../sinks/sink.ts'
import { bundledExpectations } from './expectations/of-topology.ts'
import { tableName } from './expectation.ts'
import { measureQuality, type JudgedTopology } from './measure-quality.ts'
import { dayMs, type Period } from './period.ts'
import { qualityDefaults, type QualityOptions } from './quality-options.ts'
import type { QualityPorts } from './quality-jobs.ts'
import type { QualityResult } from './result.ts'

/** The time of all these tests: 2026-03-02T12:00:00Z, a Monday. */
export const nowMs = Date.UTC(2026, 2, 2, 12)
export const minuteMs = 60_000

const sourceTopics: Readonly<Record<string, readonly string[]>> = {
  mcq: ['answers', 'sessions', 'submissions'],
  'exam-scores': ['exam_score'],
  'adaptive-learning': ['user.attempts', 'user.sessions', 'ml.training'],
}

export class QualityBench {
  readonly temporary: TemporaryClickHouse
  readonly clock = new ManualClock(nowMs)
  readonly #sink: ClickHouseSink
  #version = 1n

  static async open(): Promise<QualityBench> {
    const temporary = await temporaryClickHouse()
    const bench = new QualityBench(temporary)
    await bench.#sink.setup()
    await bench.#keepOldRows()
    return bench
  }

  private constructor(temporary: TemporaryClickHouse) {
    this.temporary = temporary
    this.#sink = new ClickHouseSink({
      clickhouse: temporary.clickhouse,
      clock: this.clock,
      migrationsDirectory,
    })
  }

  /** The time of these tests is long ago by the engine's clock, which is no other than the machine's: rows that are past
   * their time to live are left out of a part when it is written. */
  async #keepOldRows(): Promise<void> {
    const { clickhouse } = this.temporary
    const forgetful = await ask<{ name: string }>(
      clickhouse,
      `SELECT name FROM system.tables WHERE database = 'tidemark' AND engine_full LIKE '% TTL %'`,
    )
    const changes = [
      'quality_models MODIFY COLUMN forest REMOVE TTL',
      ...forgetful.map(({ name }) => `${name} REMOVE TTL`),
    ]
    for (const change of changes) {
      await clickhouse.writer.command({ query: `ALTER TABLE tidemark.${change}` })
    }
  }

  /** Known an hour ago, unless a row says otherwise. */
  async put(name: string, rows: readonly Row[]): Promise<void> {
    const [database = '', table = ''] = name.split('.')
    const known = nowMs - 60 * minuteMs
    const whole = rows.map((row) => ({
      event_time: known - 1000,
      known_at: known,
      ...row,
      version: this.#version++,
      is_deleted: 0,
    }))
    await this.#sink.write([{ table: { database, table }, rows: whole }])
  }

  async clear(...names: readonly string[]): Promise<void> {
    const { writer } = this.temporary.clickhouse
    for (const name of names) await writer.command({ query: `TRUNCATE TABLE ${name}_versions` })
  }

  topologies(...names: readonly string[]): readonly JudgedTopology[] {
    return bundledExpectations
      .filter(({ topology }) => names.length === 0 || names.includes(topology))
      .map((expectations) => ({
        expectations,
        sourceTopics: sourceTopics[expectations.topology] ?? [],
        lag: () => ({ records: 3, factRows: 2 }),
      }))
  }

  async measure(
    topology: string,
    { period = {}, tables, ...options }: MeasureOptions = {},
  ): Promise<readonly QualityResult[]> {
    const { results } = await measureQuality({
      topologies: this.topologies(topology).map((judged) => only(judged, tables)),
      period: { fromMs: nowMs - 7 * dayMs, toMs: nowMs, by: 'known_at', ...period },
      options: { ...qualityDefaults, ...options },
      clickhouse: this.temporary.clickhouse,
      clock: this.clock,
      signal: new AbortController().signal,
      onProgress: () => {},
    })
    return results
  }

  ports(options: Partial<QualityOptions> = {}, ...names: readonly string[]): QualityPorts {
    return {
      clickhouse: this.temporary.clickhouse,
      clock: this.clock,
      topologies: this.topologies(...names),
      options: { ...qualityDefaults, ...options },
      onScores: () => {},
    }
  }

  async close(): Promise<void> {
    await this.#sink.close()
    await this.temporary.remove()
  }
}

interface MeasureOptions extends Partial<QualityOptions> {
  readonly period?: Partial<Period>
  /** Absent: all. */
  readonly tables?: readonly string[]
}

function only(judged: JudgedTopology, tables?: readonly string[]): JudgedTopology {
  if (tables === undefined) return judged
  const own = judged.expectations.tables.filter((table) => tables.includes(tableName(table)))
  return { ...judged, expectations: { ...judged.expectations, tables: own } }
}

/** The result of a check, by `database.table/check`. */
export function resultOf(results: readonly QualityResult[], name: string): QualityResult {
  const found = results.find(({ table, check }) => `${table}/${check}` === name)
  if (found === undefined) throw new RangeError(`no result ${name}`)
  return found
}

/** The names of the checks that failed. */
export function failedChecks(results: readonly QualityResult[]): readonly string[] {
  return results
    .filter(({ passed }) => passed === false)
    .map(({ table, check }) => `${table}/${check}`)
    .sort()
}
