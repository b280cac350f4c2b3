/**
 * Statistics of a test and its items, in Moodle's formulas (Moodle documentation, "Quiz statistics calculations"):
 * incremental, because all of them rest on five sums over learners. Marks are whole numbers, not negative, and so are their sums.
 */

/** Sums over the learners of one item: x is the mark in the item, t the mark in the whole test. */
export interface ItemSums {
  readonly learners: number
  readonly x: number
  readonly xx: number
  readonly xt: number
}

/** Sums over the learners of a test. */
export interface TestSums {
  readonly learners: number
  readonly t: number
  readonly tt: number
}

export interface ItemStatistics {
  /** Mean mark, as a share of the greatest: 0 to 1. */
  readonly facility: number
  /** Sample standard deviation of the marks; null below two learners. */
  readonly standardDeviation: number | null
  /** Correlation of the item's marks with the rest of the test, per cent; null where one of the two never differs. */
  readonly discriminationIndex: number | null
}

export interface TestStatistics {
  readonly mean: number
  readonly standardDeviation: number | null
  /** Cronbach's alpha, per cent; null below two items or two learners, or where nobody differs. */
  readonly alpha: number | null
  /** Standard error of a learner's mark, in marks; null where alpha is. */
  readonly standardError: number | null
}

export const noItemSums: ItemSums = { learners: 0, x: 0, xx: 0, xt: 0 }
export const noTestSums: TestSums = { learners: 0, t: 0, tt: 0 }

/** @param sign 1 takes the learner in, −1 takes it out again */
export function addToItem(sums: ItemSums, x: number, t: number, sign: 1 | -1): ItemSums {
  return {
    learners: sums.learners + sign,
    x: sums.x + sign * x,
    xx: sums.xx + sign * x * x,
    xt: sums.xt + sign * x * t,
  }
}

export function addToTest(sums: TestSums, t: number, sign: 1 | -1): TestSums {
  return { learners: sums.learners + sign, t: sums.t + sign * t, tt: sums.tt + sign * t * t }
}

export function addItemSums(a: ItemSums, b: ItemSums): ItemSums {
  return { learners: a.learners + b.learners, x: a.x + b.x, xx: a.xx + b.xx, xt: a.xt + b.xt }
}

export function addTestSums(a: TestSums, b: TestSums): TestSums {
  return { learners: a.learners + b.learners, t: a.t + b.t, tt: a.tt + b.tt }
}

/** @param markMax the greatest mark of the item */
export function itemStatistics(item: ItemSums, test: TestSums, markMax = 1): ItemStatistics {
  const { learners, x, xx, xt } = item
  const spread = Number(scaledSpread(learners, xx, x, x))
  // The rest of the test, r = t − x: its sums are whole numbers too.
  const r = test.t - x
  const rest = Number(scaledSpread(learners, test.tt - 2 * xt + xx, r, r))
  const together = Number(scaledSpread(learners, xt - xx, x, r))
  return {
    facility: x / learners / markMax,
    standardDeviation: deviation(spread, learners),
    discriminationIndex:
      spread <= 0 || rest <= 0 ? null : perCent(together / Math.sqrt(spread * rest)),
  }
}

/** Who left an item out has mark 0 in it, so an item's sums of marks are those over all learners. */
export function testStatistics(items: readonly ItemSums[], test: TestSums): TestStatistics {
  const { learners } = test
  const spread = scaledSpread(learners, test.tt, test.t, test.t)
  const standardDeviation = deviation(Number(spread), learners)
  const mean = test.t / learners
  if (items.length < 2 || standardDeviation === null || standardDeviation === 0) {
    return { mean, standardDeviation, alpha: null, standardError: null }
  }
  let within = 0n
  for (const { xx, x } of items) within += BigInt(scaledSpread(learners, xx, x, x))
  const between = Number(BigInt(spread) - within) / Number(spread)
  const share = (items.length / (items.length - 1)) * between
  return {
    mean,
    standardDeviation,
    alpha: 100 * share,
    standardError: standardDeviation * Math.sqrt(Math.max(0, 1 - share)),
  }
}

/**
 * n·Σab − Σa·Σb, which is n·Σ(a − ā)(b − b̄): a whole number, and exact. So it is 0 where one of the two never differs and
 * nowhere else, and sums of it do not depend on their order.
 */
function scaledSpread(learners: number, ab: number, a: number, b: number): number | bigint {
  const [left, right] = [learners * ab, a * b]
  if (left <= Number.MAX_SAFE_INTEGER && right <= Number.MAX_SAFE_INTEGER) return left - right
  return BigInt(learners) * BigInt(ab) - BigInt(a) * BigInt(b)
}

/** Sample standard deviation. While part of a change is under way, a spread may be below 0. */
function deviation(spread: number, learners: number): number | null {
  return learners < 2 ? null : Math.sqrt(Math.max(0, spread) / learners / (learners - 1))
}

/** Roots are rounded, so that a correlation of 1 may come out above it. */
function perCent(correlation: number): number {
  return Math.max(-100, Math.min(100, 100 * correlation))
}
