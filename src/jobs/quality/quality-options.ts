/** What can be set of quality: thresholds, weights and bounds. Shares are percent. */
import type { Dimension, Level } from './expectation.ts'

export interface QualityOptions {
  /** The period that is looked at where nobody says another. */
  readonly days: number
  readonly nullPercentMax: number
  readonly refusedPercentMax: number
  readonly outlierPercentMax: number
  readonly latePercentMax: number
  /** From how many deviations on a number is an anomaly. */
  readonly anomalyScore: number
  /** A row that is known so long after its event is late. */
  readonly timelyMs: number
  /** A row that is known so long after its event was brought in later: it is neither late nor timely. */
  readonly backfillMs: number
  /** A check fails where the score is below. */
  readonly scoreMin: number
  readonly weights: Readonly<Record<Dimension, number>>
  readonly levelWeights: Readonly<Record<Level, number>>
  /** Percent of rows that may fail, by `database.table/check`: before all others. */
  readonly thresholds: ReadonlyMap<string, number>
  readonly bounds: StatementBounds
  readonly learning: LearningOptions
}

/** Of models that learn what is usual. */
export interface LearningOptions {
  /** Rows that were computed in so many days are learnt from. */
  readonly days: number
  /** A model that is older learns anew. */
  readonly intervalMs: number
  /** Rows that are learnt from, and looked at, at most. */
  readonly rowsMax: number
  /** A row with a lower score is not unusual, from 0 to 1. */
  readonly scoreMin: number
  /** So many times the distance of the scores’ quartiles above the upper one a score is unusual. */
  readonly spread: number
  /** Percent of rows that may be unusual. */
  readonly unusualPercentMax: number
}

/** Of each statement. */
export interface StatementBounds {
  readonly threads: number
  readonly memoryBytesMax: number
  readonly timeMaxMs: number
}

export const qualityDefaults: QualityOptions = {
  days: 7,
  nullPercentMax: 20,
  refusedPercentMax: 1,
  outlierPercentMax: 5,
  latePercentMax: 5,
  anomalyScore: 3.5,
  timelyMs: 30 * 60_000,
  backfillMs: 24 * 60 * 60_000,
  scoreMin: 0,
  weights: { completeness: 1, accuracy: 1, consistency: 1, timeliness: 1, validity: 1 },
  levelWeights: { Critical: 8, Error: 4, Warning: 1, Info: 0 },
  thresholds: new Map(),
  bounds: { threads: 1, memoryBytesMax: 128 * 1024 * 1024, timeMaxMs: 30_000 },
  learning: {
    ...{ days: 90, intervalMs: 24 * 60 * 60_000, rowsMax: 50_000 },
    ...{ scoreMin: 0.6, spread: 3, unusualPercentMax: 1 },
  },
}
