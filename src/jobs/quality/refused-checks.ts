/** What was refused: the records in quarantine, against the rows that came of the others. */
import { earlierDaysMax, shareRise } from './anomalies.ts'
import { tableName, type Level, type TopologyExpectations } from './expectation.ts'
import { dayMs, instant, type Period } from './period.ts'
import type { QualityOptions } from './quality-options.ts'
import { ifMeasurable, readRows, type Reading } from './read-rows.ts'
import { shareResult, unmeasured, type QualityResult } from './result.ts'

export interface RefusedMeasuring {
  readonly expectations: TopologyExpectations
  /** Those that the topology takes events from. */
  readonly sourceTopics: readonly string[]
  readonly period: Period
  readonly options: QualityOptions
  readonly reading: Reading
}

interface RefusedRow {
  readonly level: Level
  readonly check: string
  /** Records that were refused in the period and are still in quarantine. */
  readonly now: number
  readonly redriven: number
  /** All that were refused in the days before it. */
  readonly before: number
}

const toldMax = 5

/** Records of level Critical could not be read or identified, those of level Error broke a rule. */
export async function measureRefused(
  measuring: RefusedMeasuring,
): Promise<readonly QualityResult[]> {
  const { expectations, options } = measuring
  const of = { topology: expectations.topology, table: 'tidemark.quarantine' }
  const counted = await ifMeasurable(countRecords(measuring))
  if ('reason' in counted) return [unmeasured(of, 'refused', counted.reason)]
  const { refused, taken } = counted.value
  const failedPercentMax = options.refusedPercentMax
  const sums = { all: sumOf(refused, 'now'), before: sumOf(refused, 'before') }
  const ofLevel = (level: Level) => {
    const own = refused.filter((row) => row.level === level)
    return { rows: taken.now + sums.all, failed: sumOf(own, 'now'), detail: detailOf(own) }
  }
  return [
    shareResult(
      of,
      { name: 'refused_unreadable', dimension: 'validity', level: 'Critical', failedPercentMax },
      ofLevel('Critical'),
      options,
    ),
    shareResult(
      of,
      { name: 'refused_by_rule', dimension: 'accuracy', level: 'Error', failedPercentMax },
      ofLevel('Error'),
      options,
    ),
    riseResult(measuring, refused, taken),
  ]
}

async function countRecords(measuring: RefusedMeasuring) {
  return { refused: await refusedRows(measuring), taken: await takenRows(measuring) }
}

/** The share of what was refused, mended since or not, against the share in the days before. */
function riseResult(
  { expectations, options }: RefusedMeasuring,
  refused: readonly RefusedRow[],
  taken: Taken,
): QualityResult {
  const part = sumOf(refused, 'now') + sumOf(refused, 'redriven')
  const before = sumOf(refused, 'before')
  const now = { part, whole: part + taken.now }
  const score = shareRise(now, { part: before, whole: before + taken.before })
  return {
    topology: expectations.topology,
    table: 'tidemark.quarantine',
    check: 'refused_share_rises',
    dimension: 'validity',
    level: 'Info',
    measured: score,
    threshold: options.anomalyScore,
    passed: score === null ? null : score < options.anomalyScore,
    rows: now.whole,
    failed: part,
    detail: `${part} of ${now.whole}, in the ${earlierDaysMax} days before ${before} of ${before + taken.before}`,
  }
}

async function refusedRows({
  sourceTopics,
  period,
  reading,
}: RefusedMeasuring): Promise<readonly RefusedRow[]> {
  if (sourceTopics.length === 0) return []
  const topics = sourceTopics.map((topic) => `'${topic.replaceAll("'", "''")}'`).join(', ')
  return await readRows<RefusedRow>(
    reading,
    `SELECT level, \`check\`,
  countIf(quarantined_at >= ${instant(period.fromMs)} AND status = 'quarantined') AS now,
  countIf(quarantined_at >= ${instant(period.fromMs)} AND status != 'quarantined') AS redriven,
  countIf(quarantined_at < ${instant(period.fromMs)}) AS before
FROM tidemark.quarantine
WHERE topic IN (${topics}) AND quarantined_at < ${instant(period.toMs)}
  AND quarantined_at >= ${instant(period.fromMs - earlierDaysMax * dayMs)}
GROUP BY level, \`check\``,
  )
}

interface Taken {
  readonly now: number
  readonly before: number
}

/** Rows that came of records that were taken, over the tables whose rows stand for what came in. */
async function takenRows({ expectations, period, reading }: RefusedMeasuring): Promise<Taken> {
  const arrivals = expectations.tables.filter(({ isArrival }) => isArrival === true)
  if (arrivals.length === 0) return { now: 0, before: 0 }
  const each = arrivals.map(
    (table) => `SELECT known_at FROM ${tableName(table)}
WHERE known_at >= ${instant(period.fromMs - earlierDaysMax * dayMs)} AND known_at < ${instant(period.toMs)}`,
  )
  const [row] = await readRows<Taken>(
    reading,
    `SELECT countIf(known_at >= ${instant(period.fromMs)}) AS now, countIf(known_at < ${instant(period.fromMs)}) AS before
FROM (${each.join('\nUNION ALL\n')})`,
  )
  return row ?? { now: 0, before: 0 }
}

function sumOf(rows: readonly RefusedRow[], of: 'now' | 'redriven' | 'before'): number {
  return rows.reduce((sum, row) => sum + row[of], 0)
}

function detailOf(rows: readonly RefusedRow[]): string {
  const told = rows.filter(({ now }) => now > 0).toSorted((left, right) => right.now - left.now)
  const named = told.slice(0, toldMax).map(({ check, now }) => `${check}: ${now}`)
  return told.length > toldMax ? `${named.join(', ')} and others` : named.join(', ')
}
