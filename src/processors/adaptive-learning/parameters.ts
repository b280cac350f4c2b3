/** What the features rest on. A change of any of it is a change of `version`, which every row names. The stores of the
 * attempts state all of it, so that a start with other values than theirs is refused. */
import { ratingVersion } from './ability.ts'
import { bktDefaults, type BktParameters } from './bkt.ts'
import { sm2Variant } from './sm2.ts'

export interface FeatureParameters {
  /** Of everything below, with the variants of the models. */
  readonly version: string
  readonly bkt: BktParameters
  /** Upper bounds of all categories but the last, exclusive, milliseconds. */
  readonly responseTimes: readonly ResponseTime[]
  /** An attempt that is further behind its learner's latest is applied last and marked late. */
  readonly horizonMs: number
}

export interface ResponseTime {
  readonly category: ResponseTimeCategory
  readonly belowMs: number
}

export type ResponseTimeCategory = 'very_fast' | 'fast' | 'normal' | 'slow' | 'very_slow'

const dayMs = 86_400_000

export const defaultParameters: FeatureParameters = {
  version: `${sm2Variant}+${bktDefaults.version}+${ratingVersion}`,
  bkt: bktDefaults,
  // Quantiles of 168,170 real answers.
  responseTimes: [
    { category: 'very_fast', belowMs: 8_000 },
    { category: 'fast', belowMs: 16_000 },
    { category: 'normal', belowMs: 32_000 },
    { category: 'slow', belowMs: 68_000 },
    { category: 'very_slow', belowMs: Infinity },
  ],
  horizonMs: 7 * dayMs,
}
