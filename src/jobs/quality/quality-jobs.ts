/** `quality.check` judges, `quality.report` tells everything, `quality.profile` describes a table. */
import { randomUUID } from 'node:crypto'
import type { Clock } from '../../core/clock.ts'
import type { ClickHouse } from '../../sinks/clickhouse/clickhouse.ts'
import type { Job, JobContext } from '../job.ts'
import { measureQuality, type JudgedTopology } from './measure-quality.ts'
import { dayMs, type Period } from './period.ts'
import { profileTable, type ColumnProfile } from './profile-table.ts'
import type { QualityOptions } from './quality-options.ts'
import {
  parseProfileRequest,
  parseQualityRequest,
  periodOf,
  type ProfileRequest,
  type QualityRequest,
} from './quality-request.ts'
import {
  latestOf,
  readLatestScores,
  storeRun,
  type LatestScores,
  type QualityRun,
} from './quality-store.ts'
import type { QualityResult } from './result.ts'
import { isGrave, scoresOf, type TopologyScore } from './score.ts'

export interface QualityPorts {
  readonly clickhouse: ClickHouse
  readonly clock: Clock
  readonly topologies: readonly JudgedTopology[]
  readonly options: QualityOptions
  /** Called with the scores of each run over all topologies. */
  readonly onScores: (scores: LatestScores) => void
}

/** Times are ISO 8601. */
export interface QualitySummary {
  readonly run_id: string
  readonly period: { readonly from: string; readonly to: string; readonly by: string }
  /** Null: nothing to measure. */
  readonly score: number | null
  readonly topologies: readonly TopologyScore[]
}

export interface QualityVerdict extends QualitySummary {
  readonly is_good: boolean
  readonly score_min: number
  /** Failed checks of level Critical and Error. */
  readonly failures: readonly QualityResult[]
}

export interface QualityReport extends QualitySummary {
  readonly results: readonly QualityResult[]
}

export interface TableProfile {
  readonly table: string
  readonly columns: readonly ColumnProfile[]
}

/** What a younger run had found, in place of another. */
export interface QualityKnown {
  readonly run_id: string
  readonly score: number | null
  readonly is_known: true
}

const failuresToldMax = 200

export function qualityCheckJob(
  ports: QualityPorts,
): Job<QualityRequest, QualityVerdict | QualityKnown> {
  return {
    name: 'quality.check',
    parse: (request) => parseRequest(ports, request),
    run: async (request, context) => {
      const known = await youngRun(ports, request)
      if (known !== null) return known
      const run = await measuredRun(ports, request, context)
      const failures = run.results.filter((result) => isGrave(result) && result.passed === false)
      const scoreMin = request.scoreMin ?? ports.options.scoreMin
      const { score } = run.scores
      return {
        ...summaryOf(run),
        is_good: failures.length === 0 && (score === null || score >= scoreMin),
        score_min: scoreMin,
        failures: failures.slice(0, failuresToldMax),
      }
    },
  }
}

export function qualityReportJob(ports: QualityPorts): Job<QualityRequest, QualityReport> {
  return {
    name: 'quality.report',
    parse: (request) => parseRequest(ports, request),
    run: async (request, context) => {
      const run = await measuredRun(ports, request, context)
      return { ...summaryOf(run), results: run.results }
    },
  }
}

export function qualityProfileJob({
  clickhouse,
  clock,
  options,
}: QualityPorts): Job<ProfileRequest, TableProfile> {
  return {
    name: 'quality.profile',
    parse: parseProfileRequest,
    run: async ({ table, days }, { signal }) => {
      const reading = { clickhouse, bounds: options.bounds, signal }
      const sinceMs = days === null ? null : clock.nowMs() - days * dayMs
      return { table, columns: await profileTable({ table, sinceMs, reading }) }
    },
  }
}

function parseRequest({ topologies }: QualityPorts, request: unknown): QualityRequest {
  const known = topologies.map(({ expectations }) => expectations.topology)
  return parseQualityRequest(request, known)
}

/** Of several instances that measure by themselves one is enough. */
async function youngRun(
  { clickhouse, clock, onScores }: QualityPorts,
  { ageMaxMs }: QualityRequest,
): Promise<QualityKnown | null> {
  if (ageMaxMs === 0) return null
  const latest = await readLatestScores(clickhouse)
  if (latest === null || clock.nowMs() - latest.measuredAtMs > ageMaxMs) return null
  onScores(latest)
  return { run_id: latest.runId, score: latest.score, is_known: true }
}

async function measuredRun(
  { clickhouse, clock, topologies, options, onScores }: QualityPorts,
  request: QualityRequest,
  { signal, onProgress }: JobContext,
): Promise<QualityRun> {
  const asked = topologies.filter(
    ({ expectations }) =>
      request.topologies.length === 0 || request.topologies.includes(expectations.topology),
  )
  const measuredAtMs = clock.nowMs()
  const period = periodOf(request, measuredAtMs, options.days)
  const measuring = { topologies: asked, period, options, clickhouse, clock, signal, onProgress }
  const { results, unusual } = await measureQuality(measuring)
  const names = asked.map(({ expectations }) => expectations.topology)
  const scores = scoresOf(names, results, options)
  const run = { runId: randomUUID(), measuredAtMs, period, results, unusual, scores }
  await storeRun(clickhouse, run, signal)
  // What holds of some topologies or of another time is no state of the instance.
  if (asked.length === topologies.length && request.toMs === null) onScores(latestOf(run))
  return run
}

function summaryOf({ runId, period, scores }: QualityRun): QualitySummary {
  return { run_id: runId, period: told(period), ...scores }
}

function told({ fromMs, toMs, by }: Period): QualitySummary['period'] {
  return { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString(), by }
}
