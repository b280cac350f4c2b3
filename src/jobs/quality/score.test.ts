/** Scores: by the formula, and on real samples as counted by hand. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import type { Dimension, Level } from './expectation.ts'
import { qualityDefaults } from './quality-options.ts'
import { failedChecks, QualityBench, resultOf } from './quality.test-support.ts'
import type { QualityResult } from './result.ts'
import { scoresOf } from './score.ts'

const samples = new URL('../../../samples/', import.meta.url)

function result(
  topology: string,
  dimension: Dimension,
  level: Level,
  [rows, failed]: readonly [number, number],
): QualityResult {
  const measured = rows === 0 ? null : (100 * failed) / rows
  const judged = { measured, threshold: 0, passed: rows === 0 ? null : failed === 0 }
  return { topology, table: 't', check: 'c', dimension, level, ...judged, rows, failed, detail: '' }
}

describe('scores', () => {
  const results = [
    result('a', 'validity', 'Critical', [100, 0]),
    result('a', 'validity', 'Error', [100, 50]),
    result('a', 'validity', 'Warning', [100, 100]),
    result('a', 'validity', 'Info', [100, 100]),
    result('a', 'accuracy', 'Error', [10, 1]),
    result('a', 'consistency', 'Error', [0, 0]),
    result('b', 'accuracy', 'Error', [10, 0]),
  ]

  it('weigh checks by level, dimensions by their weights, and topologies alike', () => {
    const { score, topologies } = scoresOf(['a', 'b', 'c'], results, qualityDefaults)
    const [a, b, c] = topologies
    // (8 × 100 + 4 × 50 + 1 × 0) / 13, and Info counts nothing.
    const validity = 1000 / 13
    assert.deepEqual(a?.dimensions, {
      completeness: null,
      accuracy: 90,
      consistency: null,
      timeliness: null,
      validity,
    })
    assert.equal(a.score, (90 + validity) / 2)
    assert.equal(b?.score, 100)
    assert.equal(c?.score, null)
    assert.equal(score, ((90 + validity) / 2 + 100) / 2)
    assert.deepEqual([a.checks, a.failed, a.warnings, a.anomalies], [5, 2, 1, 1])
  })

  it('follow the weights that are set', () => {
    const weights = { ...qualityDefaults.weights, validity: 3, accuracy: 0 }
    const levelWeights = { Critical: 0, Error: 1, Warning: 1, Info: 0 }
    const { topologies } = scoresOf(['a'], results, { weights, levelWeights })
    assert.equal(topologies[0]?.score, 25)
  })

  it('of nothing are no score: neither 100 nor 0', () => {
    assert.equal(scoresOf(['a'], [], qualityDefaults).score, null)
    const empty = [result('a', 'validity', 'Error', [0, 0])]
    assert.equal(scoresOf(['a'], empty, qualityDefaults).topologies[0]?.dimensions.validity, null)
  })
})

describe('scores of real samples', () => {
  let bench: QualityBench
  before(async () => {
    bench = await QualityBench.open()
  })
  after(() => bench.close())

  it('are as counted by hand: OULAD’s results, of which some have no score', async () => {
    const file = readFileSync(new URL('oulad/studentAssessment.csv.gz', samples))
    const [, ...lines] = gunzipSync(file).toString('utf8').replaceAll('"', '').trim().split('\n')
    const table = 'open_university.clean_student_assessment'
    const numberOf = (cell: string | undefined) =>
      cell === undefined || cell === '' || cell === '?' ? null : Number(cell)
    const rows = lines.map((line) => {
      const [assessment, student, submitted, banked, score] = line.trim().split(',')
      return {
        id_assessment: Number(assessment),
        id_student: Number(student),
        date_submitted: numberOf(submitted),
        is_banked: numberOf(banked),
        score: numberOf(score),
        _source_file: 'studentAssessment',
      }
    })
    const without = rows.filter(({ score }) => score === null).length
    assert.ok(rows.length > 1000 && without > 0, `${without} of ${rows.length}`)
    // A file that was damaged: ten marks beyond 100, and ten days nobody knows.
    const damaged = rows.map((row, index) => {
      if (index < 10) return { ...row, score: 120 }
      return index < 20 ? { ...row, date_submitted: null } : row
    })
    assert.ok(rows.slice(0, 20).every(({ score }) => score !== null))
    await bench.put(table, damaged)
    const results = await bench.measure('open-university', { tables: [table] })
    assert.deepEqual(failedChecks(results), [`${table}/range:score`])

    const total = rows.length
    const share = (failed: number) => 100 * (1 - failed / total)
    // Of the three columns that may be missing, each a Warning.
    const completeness = (share(10) + share(0) + share(without)) / 3
    // Four ranges of level Error, and one check of level Critical: nothing was refused.
    const validity = (4 * (share(0) + share(0) + share(10) + share(0)) + 8 * 100) / 24
    const { topologies, score } = scoresOf(['open-university'], results, qualityDefaults)
    const near = (found: number | null | undefined, expected: number) => {
      assert.ok(Math.abs((found ?? NaN) - expected) < 1e-9, `${found} is not ${expected}`)
    }
    const dimensions = topologies[0]?.dimensions
    near(dimensions?.completeness, completeness)
    near(dimensions?.validity, validity)
    // No rule was broken that refuses, and no key repeats.
    near(dimensions?.accuracy, 100)
    near(dimensions?.consistency, 100)
    assert.equal(dimensions?.timeliness, null)
    near(score, (completeness + validity + 100 + 100) / 4)
    assert.equal(resultOf(results, `${table}/filled:score`).failed, without)
  })
})
