import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  addToItem,
  addToTest,
  itemStatistics,
  noItemSums,
  noTestSums,
  testStatistics,
  type ItemSums,
  type TestSums,
} from './item-statistics.ts'

/** So many learners with this mark in the item and in the whole test. */
interface Group {
  readonly learners: number
  readonly x: number
  readonly t: number
}

function sumsOf(groups: readonly Group[]): { item: ItemSums; whole: TestSums } {
  let item: ItemSums = noItemSums
  let whole: TestSums = noTestSums
  for (const { learners, x, t } of groups) {
    const one = addToItem(noItemSums, x, t, 1)
    const other = addToTest(noTestSums, t, 1)
    item = {
      learners: item.learners + learners,
      x: item.x + learners * one.x,
      xx: item.xx + learners * one.xx,
      xt: item.xt + learners * one.xt,
    }
    whole = {
      learners: whole.learners + learners,
      t: whole.t + learners * other.t,
      tt: whole.tt + learners * other.tt,
    }
  }
  return { item, whole }
}

/** n²·covariance, by its definition: Σ(n·a − Σa)(n·b − Σb) / n, in whole numbers. */
function exactCovariance(
  groups: readonly Group[],
  a: (group: Group) => number,
  b: (group: Group) => number,
): bigint {
  const sum = (of: (group: Group) => bigint) => groups.reduce((all, group) => all + of(group), 0n)
  const n = sum(({ learners }) => BigInt(learners))
  const [sumA, sumB] = [a, b].map((of) =>
    sum((group) => BigInt(group.learners) * BigInt(of(group))),
  ) as [bigint, bigint]
  const total = sum(
    (group) =>
      BigInt(group.learners) * (n * BigInt(a(group)) - sumA) * (n * BigInt(b(group)) - sumB),
  )
  return total / n
}

const markOf = ({ x }: Group) => x
const restOf = ({ x, t }: Group) => t - x

/** Null by the definition, and else to 12 digits by whole numbers alone. */
function exactDiscrimination(groups: readonly Group[]): number | null {
  const spread = exactCovariance(groups, markOf, markOf)
  const rest = exactCovariance(groups, restOf, restOf)
  const together = exactCovariance(groups, markOf, restOf)
  if (spread === 0n || rest === 0n) return null
  const square = Number((together * together * 10n ** 24n) / (spread * rest)) / 1e24
  return 100 * Math.sqrt(square) * (together < 0n ? -1 : 1)
}

function check(groups: readonly Group[]): void {
  const { item, whole } = sumsOf(groups)
  const { discriminationIndex: found, standardDeviation } = itemStatistics(item, whole)
  const wanted = exactDiscrimination(groups)
  if (found === null || wanted === null) assert.equal(found, wanted)
  else {
    assert.ok(found >= -100 && found <= 100, `${found} is a correlation`)
    assert.ok(Math.abs(found - wanted) < 1e-9, `${found} is ${wanted}`)
  }
  const differs = exactCovariance(groups, markOf, markOf) !== 0n
  if (standardDeviation !== null) assert.equal(standardDeviation > 0, differs)
}

test('the correlation is null exactly where one side never differs, and else that of whole numbers', () => {
  const group = (learnersMax: number, markMax: number) =>
    fc.record({
      learners: fc.integer({ min: 1, max: learnersMax }),
      x: fc.nat(1),
      t: fc.nat(markMax),
    })
  const groups = (learnersMax: number, markMax: number, groupsMax: number) =>
    fc
      .array(group(learnersMax, markMax), { minLength: 1, maxLength: groupsMax })
      .map((all) => all.map(({ x, t, ...rest }) => ({ ...rest, x, t: t + x })))
  const small = groups(3, 3, 5)
  // Products of the sums are far above 2^53.
  const large = groups(1_000_000, 13_169, 40)
  fc.assert(fc.property(fc.oneof(small, large), check), { numRuns: 2_000 })
})

test('the rest of a test that never differs gives null, and one that goes along with the item 100 at most', () => {
  for (let learners = 2; learners < 3_000; learners += 7) {
    for (const share of [0.1, 0.333, 0.5, 0.77]) {
      const right = Math.max(1, Math.min(learners - 1, Math.round(learners * share)))
      for (const rest of [0, 1, 7]) {
        for (const along of [-1, 0, 1]) {
          check([
            { learners: right, x: 1, t: 1 + rest + 3 + along },
            { learners: learners - right, x: 0, t: rest + 3 },
          ])
        }
      }
    }
  }
})

test('the correlation of what goes along exactly is 100 however many learners there are', () => {
  // Their spreads are above 2^53, so that each is rounded on its own.
  const learners = fc.integer({ min: 100_000_000, max: 1_000_000_000 })
  fc.assert(
    fc.property(learners, learners, fc.integer({ min: 2, max: 999 }), (right, wrong, more) => {
      check([
        { learners: right, x: 1, t: 1 + more },
        { learners: wrong, x: 0, t: 0 },
      ])
    }),
    { numRuns: 1_000 },
  )
})

test('statistics of a test are the same bit for bit in whatever order its items are', () => {
  const item = fc.record({ right: fc.nat(1_000_000), t: fc.nat(13_169) })
  const anyOrder = fc
    .array(item, { minLength: 2 })
    .chain((items) =>
      fc.tuple(fc.constant(items), fc.shuffledSubarray(items, { minLength: items.length })),
    )
  const learners = 1_000_000
  const whole = { learners, t: 50_000_000, tt: 2_600_000_000 }
  const sums = ({ right: x, t }: { right: number; t: number }) => ({
    learners,
    x,
    xx: x,
    xt: x * t,
  })
  fc.assert(
    fc.property(anyOrder, ([one, other]) => {
      assert.deepEqual(testStatistics(one.map(sums), whole), testStatistics(other.map(sums), whole))
    }),
  )
})
