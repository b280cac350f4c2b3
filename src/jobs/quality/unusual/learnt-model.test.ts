import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Random } from '../../../sources/random.ts'
import type { LearntFeature } from '../expectation.ts'
import { judge, learn, reasonsOf, type LearningRow } from './learnt-model.ts'

const features: readonly LearntFeature[] = [
  { name: 'answers', value: 'answers', scale: 'logarithmic' },
  { name: 'share', value: 'share', scale: 'even' },
  { name: 'sessions', value: 'sessions', scale: 'even' },
  { name: 'minutes', value: 'minutes', scale: 'logarithmic' },
  { name: 'hour', value: 'hour', scale: 'even' },
]
const options = { seed: 1, scoreMin: 0.6, spread: 3 }

function row(id: number | string, ...values: readonly number[]): LearningRow {
  return { id: String(id).padStart(6, '0'), values }
}

/** Some 20 answers, half of them right, in one session. */
function usualRows(count: number, seed: number): readonly LearningRow[] {
  const random = new Random(seed)
  return Array.from({ length: count }, (_, index) =>
    row(
      index,
      ...[Math.round(random.logNormal(20, 0.4)), 0.5 + 0.1 * random.normal(), 1],
      ...[random.logNormal(10, 0.3), 15 + 3 * random.normal()],
    ),
  )
}

describe('a model', () => {
  it('finds the rows that were planted, and hardly any other', async () => {
    const planted = [
      row('a', 900, 0.1, 1, 90, 15),
      row('b', 20, 1.9, 1, 10, 3),
      row('c', 1, 1, 1, 0, 15),
    ]
    const rows = [...usualRows(3000, 1), ...planted]
    const model = await learn(features, rows, options)
    const scores = await judge(model, rows)
    const first = rows
      .map(({ id }, index) => ({ id, score: scores[index] ?? 0 }))
      .sort((a, b) => b.score - a.score)
    assert.deepEqual(
      first
        .slice(0, 3)
        .map(({ id }) => id.at(-1))
        .toSorted(),
      ['a', 'b', 'c'],
    )
    assert.ok(first.slice(0, 3).every(({ score }) => score >= model.threshold))
    assert.ok(first.filter(({ score }) => score >= model.threshold).length <= 3 + 10)
  })

  it('finds nothing in rows that are spread evenly', async () => {
    const random = new Random(2)
    const even = ['a', 'b', 'c', 'd', 'e'].map((name): LearntFeature => {
      return { name, value: name, scale: 'even' }
    })
    for (const count of [200, 2000]) {
      const rows = Array.from({ length: count }, (_, index) =>
        row(index, ...even.map(() => random.next())),
      )
      const model = await learn(even, rows, options)
      const scores = await judge(model, rows)
      assert.equal(scores.filter((score) => score >= model.threshold).length, 0)
    }
  })

  it('is the same in whatever order its rows come', async () => {
    const rows = usualRows(1500, 3)
    const random = new Random(4)
    const shuffled = rows
      .map((each) => ({ each, place: random.next() }))
      .sort((a, b) => a.place - b.place)
      .map(({ each }) => each)
    const model = await learn(features, rows, options)
    // A hash of all that was learnt, trees among it.
    const { version } = await learn(features, shuffled, options)
    assert.equal(version, model.version)
    assert.match(model.version, /^isolation-forest-[0-9a-f]{12}$/)
    const fewer = await learn(features, rows.slice(1), options)
    assert.notEqual(fewer.version, model.version)
  })

  it('learns what is usual of each feature', async () => {
    const { features: learnt } = await learn(features, usualRows(2001, 5), options)
    const [answers, share, sessions] = learnt
    assert.ok(Math.abs((answers?.usual ?? 0) - 20) <= 1)
    assert.ok(Math.abs((share?.deviation ?? 0) - 0.1) < 0.01)
    assert.deepEqual([sessions?.usual, sessions?.deviation], [1, 0])
  })

  it('takes the mean distance where more than half of the rows are equal', async () => {
    const rows = Array.from({ length: 400 }, (_, index) =>
      row(index, 10, 0.5, index < 300 ? 1 : 5, 10, 15),
    )
    const { features: learnt } = await learn(features, rows, options)
    assert.equal(learnt[2]?.deviation, 1.2533)
  })
})

describe('a reason', () => {
  it('is a feature without which the row would be less unusual, with how far it is', async () => {
    const odd = row('odd', 900, 0.5, 1, 10, 15)
    const model = await learn(features, [...usualRows(2000, 6), odd], options)
    const [reason, ...others] = reasonsOf(model, odd)
    assert.deepEqual(others, [])
    assert.deepEqual([reason?.feature, reason?.value], ['answers', 900])
    assert.ok(Math.abs((reason?.usual ?? 0) - 20) <= 1)
    // ln(901 / 21) of 0.4, about.
    assert.ok(Math.abs((reason?.deviations ?? 0) - 9.4) < 1.5, `${reason?.deviations}`)
    const few = reasonsOf(model, row('few', 1, 0.5, 1, 10, 15))
    assert.ok((few[0]?.deviations ?? 0) < -5)
  })

  it('has no number of deviations where all other rows are equal in it', async () => {
    const odd = row('odd', 20, 0.5, 40, 10, 15)
    const same = Array.from({ length: 999 }, (_, index) => row(index, 20, 0.5, 1, 10, 15))
    const model = await learn(features, [...same, odd], options)
    const [{ feature, deviations } = { feature: '', deviations: 0 }] = reasonsOf(model, odd)
    assert.equal(feature, 'sessions')
    assert.ok(deviations === null || deviations > 100)
  })
})

it('between rows the event loop turns', async () => {
  const rows = usualRows(5000, 7)
  const model = await learn(features, rows, options)
  let turns = 0
  const counting = setInterval(() => (turns += 1), 0)
  await judge(model, rows)
  clearInterval(counting)
  assert.ok(turns > 0)
})
