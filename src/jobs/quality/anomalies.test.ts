import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { dayScores, medianOf, shareRise } from './anomalies.ts'

const days = (...rows: readonly number[]) =>
  rows.map((count, index) => ({ day: `day ${index}`, rows: count }))
const far = 3.5
const strange = (...rows: readonly number[]) =>
  dayScores(days(...rows))
    .filter(({ score }) => Math.abs(score) >= far)
    .map(({ day }) => day)

test('a day far above or below the days before it is strange, and a steady series is not', () => {
  const steady = [100, 104, 97, 101, 99, 103, 98, 102, 100, 96]
  assert.deepEqual(strange(...steady), [])
  assert.deepEqual(strange(...steady, 180), ['day 10'])
  assert.deepEqual(strange(...steady, 0), ['day 10'])
  // One strange day does not make the next ones strange: a median is not moved by it.
  assert.deepEqual(strange(...steady, 900, 101, 99), ['day 10'])
})

test('the score of a day is its distance from the median in deviations', () => {
  // Median 100, distances 10 each: 1.4826 × 10 is more than the root of 100.
  const [day] = dayScores(days(90, 110, 90, 110, 90, 110, 100, 159.305))
  assert.equal(day?.median, 100)
  assert.equal(day.score.toFixed(3), '4.000')
})

test('days that never differ leave room for what counts vary by anyway', () => {
  const equal = Array.from({ length: 7 }, () => 400)
  assert.deepEqual(strange(...equal, 469), [])
  assert.deepEqual(strange(...equal, 470), ['day 7'])
  assert.deepEqual(strange(...Array.from({ length: 7 }, () => 0), 3), [])
})

test('with less than seven days before it no day is judged', () => {
  assert.deepEqual(dayScores(days(1, 1, 1, 1, 1, 1, 1_000_000)), [])
})

test('a median has as many values below it as above', () => {
  const values = fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 1 })
  fc.assert(
    fc.property(values, (all) => {
      const median = medianOf(all)
      const below = all.filter((value) => value < median).length
      const above = all.filter((value) => value > median).length
      assert.ok(below <= all.length / 2 && above <= all.length / 2)
    }),
  )
})

test('a share that rises is told in standard errors, and a share of nothing is not', () => {
  // Pooled 0.5: the error is √(0.25 × 0.02) = 0.0707, the difference 0.2.
  const rise = shareRise({ part: 60, whole: 100 }, { part: 40, whole: 100 })
  assert.ok(Math.abs((rise ?? NaN) - 0.2 / Math.sqrt(0.25 * 0.02)) < 1e-12)
  assert.ok((shareRise({ part: 1, whole: 100 }, { part: 10, whole: 100 }) ?? NaN) < 0)
  assert.equal(shareRise({ part: 0, whole: 100 }, { part: 0, whole: 100 }), 0)
  assert.equal(shareRise({ part: 1, whole: 1 }, { part: 0, whole: 0 }), null)
})
