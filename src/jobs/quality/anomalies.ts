/** Numbers far from what they were: the arithmetic, without any table. */

export interface DayCount {
  /** `2026-11-21`, UTC. */
  readonly day: string
  readonly rows: number
}

export interface DayAnomaly extends DayCount {
  readonly median: number
  /** Deviations from the median; negative below it. */
  readonly score: number
}

/** Days before a day that it is compared with, at least and at most. */
export const earlierDaysMin = 7
export const earlierDaysMax = 28

/** A normal distribution’s standard deviation in median absolute deviations. */
const deviationsPerMad = 1.4826

/**
 * How far each day is from the median of the days before it, in deviations: the median absolute deviation, but no less
 * than what counts vary by anyway, the root of the median (Poisson). Source: Iglewicz and Hoaglin, "How to Detect and
 * Handle Outliers", 1993, who take 3.5 and more for an outlier. Days with too little before them are left out.
 * @param days in order, without gaps
 */
export function dayScores(days: readonly DayCount[]): readonly DayAnomaly[] {
  return days.flatMap((day, index) => {
    const earlier = days.slice(Math.max(0, index - earlierDaysMax), index).map(({ rows }) => rows)
    if (earlier.length < earlierDaysMin) return []
    const median = medianOf(earlier)
    const mad = medianOf(earlier.map((rows) => Math.abs(rows - median)))
    const deviation = Math.max(deviationsPerMad * mad, Math.sqrt(median), 1)
    return [{ ...day, median, score: (day.rows - median) / deviation }]
  })
}

/** The middle value, or the mean of the two middle ones. @param values at least one */
export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2
}

export interface Share {
  readonly part: number
  readonly whole: number
}

/**
 * How much greater a share is than it was, in standard errors of their difference: the test of two proportions. Null
 * where one of them is a share of nothing.
 */
export function shareRise(now: Share, before: Share): number | null {
  if (now.whole === 0 || before.whole === 0) return null
  const pooled = (now.part + before.part) / (now.whole + before.whole)
  const error = Math.sqrt(pooled * (1 - pooled) * (1 / now.whole + 1 / before.whole))
  if (error === 0) return 0
  return (now.part / now.whole - before.part / before.whole) / error
}
