/**
 * SM-2, spaced repetition, in its canonical text (P. A. Woźniak, "Optimization of learning", 1990, section 3.2):
 * the easiness factor changes first, the interval is rounded up, a lapse (quality below 3) starts the repetitions
 * anew and keeps the factor.
 */

/** Named in each row that rests on it. */
export const sm2Variant = 'sm2-canonical-1'

export interface Sm2State {
  /** At least 1.3. */
  readonly easinessFactor: number
  /** Days until the next repetition; 0 before the first. */
  readonly intervalDays: number
  /** Good answers since the last lapse. */
  readonly repetitions: number
}

/** 0 no answer, 1 and 2 wrong, 3 to 5 right. */
export type Quality = 0 | 1 | 2 | 3 | 4 | 5

export const sm2Start: Sm2State = { easinessFactor: 2.5, intervalDays: 0, repetitions: 0 }

const easinessFactorMin = 1.3
const intervalDaysMax = 36_500

export function sm2After(state: Sm2State, quality: Quality): Sm2State {
  if (quality < 3) return { ...state, intervalDays: 1, repetitions: 0 }
  const missing = 5 - quality
  const changed = state.easinessFactor + 0.1 - missing * (0.08 + missing * 0.02)
  const easinessFactor = Math.max(easinessFactorMin, changed)
  const repetitions = state.repetitions + 1
  return {
    easinessFactor,
    repetitions,
    intervalDays: intervalAfter(state, repetitions, easinessFactor),
  }
}

function intervalAfter(before: Sm2State, repetitions: number, easinessFactor: number): number {
  if (repetitions === 1) return 1
  if (repetitions === 2) return 6
  return Math.min(intervalDaysMax, Math.ceil(before.intervalDays * easinessFactor))
}
