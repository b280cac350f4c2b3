/**
 * Scores from 0 to 100. A check’s is the percent of its rows that hold. A dimension’s is the mean over its checks, weighed
 * by their levels; a topology’s the mean over its dimensions, weighed by the dimensions’ weights; the overall one the mean
 * over the topologies. What there was nothing to measure of has no part in any mean, and no score of its own.
 */
import { dimensions, type Dimension } from './expectation.ts'
import type { QualityOptions } from './quality-options.ts'
import type { QualityResult } from './result.ts'

export interface TopologyScore {
  readonly topology: string
  /** Null: nothing to measure. */
  readonly score: number | null
  readonly dimensions: Readonly<Record<Dimension, number | null>>
  /** Checks that had something to measure. */
  readonly checks: number
  /** Of these, failed: by level Critical or Error, and Warning. */
  readonly failed: number
  readonly warnings: number
  /** Anomalies of level Info. */
  readonly anomalies: number
}

export interface QualityScores {
  readonly score: number | null
  readonly topologies: readonly TopologyScore[]
}

export type ScoreWeights = Pick<QualityOptions, 'weights' | 'levelWeights'>

/** @param topologies those that were looked at, with something to measure or not */
export function scoresOf(
  topologies: readonly string[],
  results: readonly QualityResult[],
  weights: ScoreWeights,
): QualityScores {
  const scored = topologies.map((topology) => {
    const own = results.filter((result) => result.topology === topology)
    return topologyScore(topology, own, weights)
  })
  const scores = scored.map(({ score }) => ({ value: score, weight: 1 }))
  return { score: weightedMean(scores), topologies: scored }
}

function topologyScore(
  topology: string,
  results: readonly QualityResult[],
  { weights, levelWeights }: ScoreWeights,
): TopologyScore {
  const byDimension = {} as Record<Dimension, number | null>
  for (const dimension of dimensions) {
    const own = results.filter((result) => result.dimension === dimension)
    byDimension[dimension] = weightedMean(
      own.map(({ rows, failed, level }) => ({
        value: rows === 0 ? null : 100 * (1 - failed / rows),
        weight: levelWeights[level],
      })),
    )
  }
  const failed = results.filter(({ passed }) => passed === false)
  return {
    topology,
    score: weightedMean(
      dimensions.map((dimension) => ({
        value: byDimension[dimension],
        weight: weights[dimension],
      })),
    ),
    dimensions: byDimension,
    checks: results.filter(({ passed }) => passed !== null).length,
    failed: failed.filter(isGrave).length,
    warnings: failed.filter(({ level }) => level === 'Warning').length,
    anomalies: failed.filter(({ level }) => level === 'Info').length,
  }
}

/** A failure that must be mended. */
export function isGrave({ level }: Pick<QualityResult, 'level'>): boolean {
  return level === 'Critical' || level === 'Error'
}

function weightedMean(
  parts: readonly { readonly value: number | null; readonly weight: number }[],
): number | null {
  let sum = 0
  let weights = 0
  for (const { value, weight } of parts) {
    if (value === null || weight === 0) continue
    sum += weight * value
    weights += weight
  }
  return weights === 0 ? null : sum / weights
}
