/**
 * What is usual of the rows of a table, learnt from them, and how unusual a row is by it. A row that is unusual says why: which
 * of its features are far from what they usually are, and by how much.
 */
import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { medianOf } from '../anomalies.ts'
import type { LearntFeature } from '../expectation.ts'
import { forestText } from './forest-codec.ts'
import {
  anomalyScore,
  forestOptions,
  growForest,
  type IsolationForest,
} from './isolation-forest.ts'

export interface LearningRow {
  /** The hash of its key: who it is of is neither learnt nor told. */
  readonly id: string
  /** In the order of the features, as people are told of them. */
  readonly values: readonly number[]
}

export interface UsualFeature extends LearntFeature {
  /** The median, as people are told of it. */
  readonly usual: number
  /** What is one deviation, on the feature’s scale; 0 where it never differs. */
  readonly deviation: number
}

export interface LearntModel {
  /** By what it has learnt: the same rows give the same. */
  readonly version: string
  readonly features: readonly UsualFeature[]
  readonly rows: number
  readonly seed: number
  /** From this score on a row is unusual. */
  readonly threshold: number
  readonly forest: IsolationForest
}

export interface ThresholdOptions {
  /** No row below is unusual. */
  readonly scoreMin: number
  /** So many times the distance between their quartiles above the upper one, scores are far out (Tukey). */
  readonly spread: number
}

export interface Reason {
  readonly feature: string
  readonly value: number
  readonly usual: number
  /** From the usual, negative below it; null where no other row differs from it. */
  readonly deviations: number | null
}

/** Scores are computed between turns of the event loop: doors and commits wait for it. */
const rowsPerTurn = 1000
/** By which a score must fall when a feature is as usual, to be a reason. */
const partMin = 0.01
const reasonsMax = 3
/** Of a normal distribution, in median and in mean absolute deviations. */
const deviationsPerMedian = 1.4826
const deviationsPerMean = 1.2533

/** @param rows in any order */
export async function learn(
  features: readonly LearntFeature[],
  rows: readonly LearningRow[],
  { seed, ...threshold }: ThresholdOptions & { readonly seed: number },
): Promise<LearntModel> {
  const ordered = rows.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  const scaled = ordered.map(({ values }) => scaledValues(features, values))
  const forest = growForest(scaled, { ...forestOptions, seed })
  const learnt = {
    features: features.map((feature, index) => usualOf(feature, ordered, index)),
    rows: rows.length,
    seed,
    threshold: thresholdOf(await scoresOf(forest, scaled), threshold),
    forest,
  }
  const text = JSON.stringify({ ...learnt, forest: forestText(forest) })
  const version = createHash('sha256').update(text).digest('hex').slice(0, 12)
  return { version: `isolation-forest-${version}`, ...learnt }
}

/** Of each row, in their order. */
export async function judge(
  { features, forest }: LearntModel,
  rows: readonly LearningRow[],
): Promise<readonly number[]> {
  return scoresOf(
    forest,
    rows.map(({ values }) => scaledValues(features, values)),
  )
}

/** Those features first without which the row would be least unusual: as they usually are, the score falls most. */
export function reasonsOf({ features, forest }: LearntModel, row: LearningRow): readonly Reason[] {
  const scaled = scaledValues(features, row.values)
  const score = anomalyScore(forest, scaled)
  return features
    .map((feature, index) => {
      const usual = scaledValue(feature, feature.usual)
      const without = anomalyScore(forest, scaled.with(index, usual))
      const distance = (scaled[index] ?? NaN) - usual
      return {
        part: score - without,
        feature: feature.name,
        value: row.values[index] ?? NaN,
        usual: feature.usual,
        deviations: feature.deviation === 0 ? null : distance / feature.deviation,
      }
    })
    .filter(({ part }) => part >= partMin)
    .sort((a, b) => b.part - a.part)
    .slice(0, reasonsMax)
    .map(({ part: _, ...reason }) => reason)
}

async function scoresOf(
  forest: IsolationForest,
  rows: readonly Float64Array[],
): Promise<readonly number[]> {
  const scores: number[] = []
  for (const row of rows) {
    if (scores.length % rowsPerTurn === 0) await setImmediate()
    scores.push(anomalyScore(forest, row))
  }
  return scores
}

/** Tukey’s outer fence of what the rows it has learnt from score themselves. */
function thresholdOf(scores: readonly number[], { scoreMin, spread }: ThresholdOptions): number {
  const sorted = scores.toSorted((a, b) => a - b)
  const quartile = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? 1
  const [low, high] = [quartile(0.25), quartile(0.75)]
  return Math.max(scoreMin, high + spread * (high - low))
}

function usualOf(
  feature: LearntFeature,
  rows: readonly LearningRow[],
  index: number,
): UsualFeature {
  const values = rows.map(({ values: all }) => all[index] ?? NaN)
  const usual = medianOf(values)
  const middle = scaledValue(feature, usual)
  const distances = values.map((value) => Math.abs(scaledValue(feature, value) - middle))
  const median = deviationsPerMedian * medianOf(distances)
  // Where more than half the rows are equal, the mean says what the median does not.
  const mean = distances.reduce((sum, distance) => sum + distance, 0) / distances.length
  return { ...feature, usual, deviation: median > 0 ? median : deviationsPerMean * mean }
}

function scaledValues(features: readonly LearntFeature[], values: readonly number[]): Float64Array {
  return Float64Array.from(features, (feature, index) => scaledValue(feature, values[index] ?? NaN))
}

/** Counts and times are spread over magnitudes: on their logarithm a cut anywhere says as much. */
function scaledValue({ scale }: LearntFeature, value: number): number {
  return scale === 'logarithmic' ? Math.log2(1 + Math.max(0, value)) : value
}
