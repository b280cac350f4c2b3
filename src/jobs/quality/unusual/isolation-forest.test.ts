import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Random } from '../../../sources/random.ts'
import { forestText, readForest } from './forest-codec.ts'
import {
  anomalyScore,
  averagePathLength,
  forestOptions,
  growForest,
  leaf,
  type Features,
  type IsolationForest,
} from './isolation-forest.ts'

const seeded = { ...forestOptions, seed: 1 }

function points(count: number, make: () => Features): readonly Features[] {
  return Array.from({ length: count }, make)
}

/** Places of the rows when the highest scores are first. */
function ranked(forest: IsolationForest, rows: readonly Features[]): readonly number[] {
  const scores = rows.map((row) => anomalyScore(forest, row))
  return [...rows.keys()].sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0))
}

describe('the average path of an unsuccessful search', () => {
  it('is 2 H(n − 1) − 2 (n − 1) / n, with H as the paper estimates it', () => {
    const harmonic = (count: number) => Math.log(count) + 0.5772156649
    for (const rows of [3, 5, 256, 999]) {
      const expected = 2 * harmonic(rows - 1) - (2 * (rows - 1)) / rows
      assert.ok(Math.abs(averagePathLength(rows) - expected) < 1e-9)
    }
    // The paper's own sample, as other implementations print it.
    assert.equal(averagePathLength(256).toFixed(4), '10.2448')
  })

  it('is 0 of one row, and 1 of two', () => {
    assert.deepEqual([0, 1, 2].map(averagePathLength), [0, 0, 1])
  })
})

describe('a score', () => {
  /** Two rows and one cut between them, at 10 of the only feature. */
  const two: IsolationForest = {
    sampleSize: 2,
    trees: [
      {
        features: Uint8Array.of(0, leaf, leaf),
        cuts: Float32Array.of(10, 0, 0),
        rights: Uint16Array.of(2, 1, 1),
      },
    ],
  }

  it('is 2^(−E(h) / c(n)): 0.5 where it takes as many cuts as on average', () => {
    assert.equal(anomalyScore(two, [9]), 0.5)
    assert.equal(anomalyScore(two, [10]), 0.5)
  })

  it('counts the cuts that a leaf of several rows has spared', () => {
    const trees = [
      {
        features: Uint8Array.of(0, leaf, leaf),
        cuts: Float32Array.of(10, 0, 0),
        // One row to the left, 99 to the right.
        rights: Uint16Array.of(2, 1, 99),
      },
    ]
    const forest = { sampleSize: 100, trees }
    const scoreOf = (path: number) => 2 ** (-path / averagePathLength(100))
    assert.equal(anomalyScore(forest, [0]), scoreOf(1))
    assert.equal(anomalyScore(forest, [50]), scoreOf(1 + averagePathLength(99)))
  })
})

describe('a forest', () => {
  it('ranks planted rows before all others, whatever the seed', () => {
    const random = new Random(5)
    const usual = points(2000, () => [random.normal(), random.normal(), random.normal()])
    const planted = [
      [9, 0, 0],
      [0, -9, 9],
      [5, 5, 5],
      [-6, 6, -6],
    ]
    for (const seed of [1, 2, 3]) {
      const rows = [...usual, ...planted]
      const forest = growForest(rows, { ...forestOptions, seed })
      const first = ranked(forest, rows).slice(0, planted.length)
      assert.deepEqual(first.toSorted(), [2000, 2001, 2002, 2003])
    }
  })

  it('finds a row that is usual in each feature and in none together', () => {
    const random = new Random(6)
    // Those who answer more also take longer.
    const usual = points(1000, () => {
      const work = random.next()
      return [work, work + 0.02 * random.normal()]
    })
    const rows = [...usual, [0.9, 0.1]]
    assert.equal(ranked(growForest(rows, seeded), rows)[0], 1000)
  })

  it('scores a uniform square about 0.5 everywhere', () => {
    const random = new Random(7)
    const rows = points(2000, () => [random.next(), random.next()])
    const forest = growForest(rows, seeded)
    const scores = rows.map((row) => anomalyScore(forest, row))
    assert.ok(Math.max(...scores) < 0.66, `${Math.max(...scores)}`)
    const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length
    assert.ok(Math.abs(mean - 0.5) < 0.05, `${mean}`)
  })

  it('is the same for the same rows and seed, and another for another seed', () => {
    const random = new Random(8)
    const rows = points(500, () => [random.next(), random.normal()])
    const text = (seed: number) => forestText(growForest(rows, { ...forestOptions, seed }))
    assert.equal(text(3), text(3))
    assert.notEqual(text(3), text(4))
  })

  it('of rows that are all alike has no cut, and no row that stands out', () => {
    const rows = points(300, () => [1, 2])
    const forest = growForest(rows, seeded)
    assert.ok(forest.trees.every(({ features }) => features.length === 1))
    assert.equal(anomalyScore(forest, [1, 2]), anomalyScore(forest, [100, -100]))
  })

  it('tells two numbers apart between which there is no other', () => {
    const rows = [[1], [1 + 2 ** -23]]
    for (const tree of growForest(rows, seeded).trees) assert.equal(leaves(tree, 1), 2)
  })

  it('cuts off something on either side, for any numbers', () => {
    const number = fc.double({ noNaN: true, min: -1e30, max: 1e30 })
    const row = fc.tuple(number, number)
    fc.assert(
      fc.property(fc.array(row, { minLength: 2, maxLength: 60 }), fc.nat(), (rows, seed) => {
        const forest = growForest(rows, { trees: 5, sampleSizeMax: 64, seed })
        const depthMax = Math.ceil(Math.log2(rows.length))
        for (const tree of forest.trees) assert.deepEqual(leaves(tree, depthMax), rows.length)
        for (const each of rows) {
          const score = anomalyScore(forest, each)
          assert.ok(score > 0 && score < 1, `${score}`)
        }
        assert.deepEqual(readForest(forestText(forest)), forest)
      }),
    )
  })
})

/** The rows of all leaves, none of them without one nor too deep. */
function leaves({ features, rights }: IsolationForest['trees'][number], depthMax: number): number {
  const count = (node: number, depth: number): number => {
    assert.ok(depth <= depthMax)
    const right = rights[node] ?? 0
    if (features[node] !== leaf) return count(node + 1, depth + 1) + count(right, depth + 1)
    assert.ok(right > 0)
    return right
  }
  return count(0, 0)
}

it('what is no forest is refused', () => {
  assert.throws(() => readForest('bm90aGluZw=='), { code: 'QUERY_FAILED' })
  assert.throws(() => readForest(''), { code: 'QUERY_FAILED' })
})
