import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { encounterAfter, ratingStart, stepOf } from './ability.ts'
import { bktAfter, bktDefaults } from './bkt.ts'
import {
  addToItem,
  addToTest,
  itemStatistics,
  noItemSums,
  noTestSums,
  testStatistics,
} from '../item-statistics/item-statistics.ts'
import { sm2After, sm2Start } from './sm2.ts'
import type { Quality } from './sm2.ts'

function near(found: number | null, wanted: number, digits: number): void {
  assert.ok(
    found !== null && Math.abs(found - wanted) < 0.5 * 10 ** -digits,
    `${found} is ${wanted}`,
  )
}

describe('SM-2', () => {
  test('gives the intervals of the canonical text', () => {
    let state = sm2Start
    const intervals = ([5, 4, 3, 2, 1, 0, 5, 5, 5] as const).map((quality) => {
      state = sm2After(state, quality)
      return state.intervalDays
    })
    assert.deepEqual(intervals, [1, 6, 15, 1, 1, 1, 1, 6, 17])
    near(state.easinessFactor, 2.76, 10)
  })

  test('keeps the factor at 1.3 or more and the interval at 36,500 days or less', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 60 }), (qualities) => {
        let state = sm2Start
        for (const quality of qualities) {
          state = sm2After(state, quality as Quality)
          assert.ok(state.easinessFactor >= 1.3)
          assert.ok(Number.isInteger(state.intervalDays))
          assert.ok(state.intervalDays >= 1 && state.intervalDays <= 36_500)
        }
      }),
    )
  })
})

describe('Bayesian knowledge tracing', () => {
  test('gives the published sequence', () => {
    const parameters = { version: 'test', known: 0.4, learn: 0.3, guess: 0.2, slip: 0.1 }
    const wanted = [0.825, 0.5595505618, 0.8957842765, 0.9823587219, 0.9972176242]
    let known = parameters.known
    for (const [index, correct] of [true, false, true, true, true].entries()) {
      known = bktAfter(known, correct, parameters)
      near(known, wanted[index]!, 10)
    }
  })

  test('never reaches 0 or 1', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 500 }), (answers) => {
        let { known } = bktDefaults
        for (const correct of answers) known = bktAfter(known, correct, bktDefaults)
        assert.ok(known > 0 && known < 1)
      }),
    )
  })
})

describe('online ability', () => {
  test('gives the reference sequence where one learner meets one item', () => {
    let encounter = { ability: ratingStart, difficulty: ratingStart }
    const wanted = [0.5, -0.19624627, 0.34637426, 0.63630638, -0.01468502]
    for (const [index, correct] of [true, false, true, true, false].entries()) {
      encounter = encounterAfter(encounter, correct)
      near(encounter.ability.value, wanted[index]!, 8)
      assert.equal(encounter.difficulty.value, -encounter.ability.value)
    }
  })

  test('moves by a tenth of the surprise at least', () => {
    assert.equal(stepOf(0), 1)
    assert.equal(stepOf(1_000_000), 0.1)
  })
})

describe('item statistics', () => {
  const rows = ['1110', '1100', '1010', '1111', '0000', '1001'].map((row) =>
    Array.from(row, Number),
  )

  function sumsOf(learners: readonly number[][]) {
    const items = Array.from({ length: 4 }, () => noItemSums)
    let whole = noTestSums
    for (const marks of learners) {
      const total = marks.reduce((sum, mark) => sum + mark, 0)
      whole = addToTest(whole, total, 1)
      for (const [index, mark] of marks.entries()) {
        items[index] = addToItem(items[index]!, mark, total, 1)
      }
    }
    return { items, whole }
  }

  test('are those of Moodle for the reference marks', () => {
    const { items, whole } = sumsOf(rows)
    const statistics = items.map((item) => itemStatistics(item, whole))
    for (const [index, wanted] of [0.8333, 0.5, 0.5, 0.3333].entries()) {
      near(statistics[index]!.facility, wanted, 4)
    }
    for (const [index, wanted] of [63.24555, 35.35534, 35.35534, 11.04315].entries()) {
      near(statistics[index]!.discriminationIndex, wanted, 5)
    }
    const { alpha } = testStatistics(items, whole)
    near(alpha, 55.34591195, 8)
  })

  test('are as if a learner had never been there once it is taken out', () => {
    const { items, whole } = sumsOf(rows)
    const [first, ...rest] = rows
    const total = first!.reduce((sum, mark) => sum + mark, 0)
    const left = items.map((item, index) => addToItem(item, first![index]!, total, -1))
    assert.deepEqual({ items: left, whole: addToTest(whole, total, -1) }, sumsOf(rest))
  })

  test('leave out what nobody differs in', () => {
    const { items, whole } = sumsOf([
      [1, 1, 0, 0],
      [1, 0, 1, 0],
    ])
    assert.equal(itemStatistics(items[0]!, whole).discriminationIndex, null)
    assert.equal(testStatistics(items, whole).alpha, null)
  })
})
