import assert from 'node:assert/strict'
import { test } from 'node:test'
import { qualityDefaults } from '../../jobs/quality/quality-options.ts'
import { loadConfiguration, type Configuration } from '../configuration.ts'

function load(environment: Readonly<Record<string, string>>): Configuration {
  return loadConfiguration({ flags: {}, environment, directory: '/nowhere' })
}

test('where nothing is set, quality is checked every hour by the defaults', () => {
  const { checkIntervalMs, ...options } = load({}).quality
  assert.equal(checkIntervalMs, 3_600_000)
  assert.deepEqual(options, qualityDefaults)
})

test('thresholds, weights and bounds are set by name', () => {
  const { quality } = load({
    TIDEMARK_QUALITY_THRESHOLDS: 'mcq.tests/filled:test_name=2.5, mcq.students/format:email=10',
    TIDEMARK_QUALITY_WEIGHTS: 'validity=3,timeliness=0',
    TIDEMARK_QUALITY_LEVEL_WEIGHTS: 'Critical=1',
    TIDEMARK_QUALITY_NULL_PERCENT_MAX: '0.5',
    TIDEMARK_QUALITY_STATEMENT_TIME_MAX_MS: '5000',
  })
  assert.deepEqual(
    [...quality.thresholds],
    [
      ['mcq.tests/filled:test_name', 2.5],
      ['mcq.students/format:email', 10],
    ],
  )
  assert.deepEqual(quality.weights, {
    completeness: 1,
    accuracy: 1,
    consistency: 1,
    timeliness: 0,
    validity: 3,
  })
  assert.deepEqual(quality.levelWeights, { Critical: 1, Error: 4, Warning: 1, Info: 0 })
  assert.equal(quality.nullPercentMax, 0.5)
  assert.equal(quality.bounds.timeMaxMs, 5000)
})

const refused: readonly (readonly [name: string, value: string, message: RegExp])[] = [
  ['TIDEMARK_QUALITY_CHECK_INTERVAL_MS', '-1', /expected a whole number from 0/],
  ['TIDEMARK_QUALITY_SCORE_MIN', '101', /expected a number from 0 to 100, found "101"/],
  ['TIDEMARK_QUALITY_SCORE_MIN', 'high', /expected a number from 0 to 100/],
  ['TIDEMARK_QUALITY_WEIGHTS', 'beauty=1', /expected one of completeness, .*, found "beauty=1"/],
  ['TIDEMARK_QUALITY_WEIGHTS', 'validity', /expected one of completeness/],
  ['TIDEMARK_QUALITY_LEVEL_WEIGHTS', 'Error=-1', /expected one of Critical, Error, Warning, Info/],
  ['TIDEMARK_QUALITY_THRESHOLDS', 'mcq.tests=5', /expected database\.table\/check=percent/],
  ['TIDEMARK_QUALITY_THRESHOLDS', 'mcq.tests/filled:test_name=200', /expected database\.table/],
  ['TIDEMARK_QUALITY_BACKFILL_MS', '1000', /1000 is below quality\.timelyMs, 1800000/],
  [
    'TIDEMARK_QUALITY_WEIGHTS',
    'completeness=0,accuracy=0,consistency=0,timeliness=0,validity=0',
    /all weights are 0/,
  ],
]
for (const [name, value, message] of refused) {
  test(`${name}=${value} is refused, with where it was set`, () => {
    assert.throws(
      () => load({ [name]: value }),
      (thrown: Error) => {
        assert.match(thrown.message, message)
        assert.match(thrown.message, new RegExp(name))
        return true
      },
    )
  })
}
