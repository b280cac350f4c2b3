/** Each kind of expectation holds on good rows and fails on rows that are made to break it. */
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { ask } from '../../sinks/clickhouse/run-statement.ts'
import type { Row } from '../../sinks/sink.ts'
import { attemptRow, dayRow, refusedRow } from './attempt-rows.test-support.ts'
import { adaptiveLearning } from './expectations/adaptive-learning.ts'
import { dayMs } from './period.ts'
import { qualityDefaults } from './quality-options.ts'
import { failedChecks, minuteMs, nowMs, QualityBench, resultOf } from './quality.test-support.ts'
import { scoresOf } from './score.ts'
import { measureTable } from './table-checks.ts'

const attempts = 'adaptive_learning.user_attempts'
const days = 'adaptive_learning.daily_aggregations'
const quarantine = 'tidemark.quarantine'

/** 100 attempts, 10 of each user. */
const good = Array.from({ length: 100 }, (_, index) => attemptRow(index))

describe('checks of a table', () => {
  let bench: QualityBench
  before(async () => {
    bench = await QualityBench.open()
  })
  after(() => bench.close())
  afterEach(() => bench.clear(attempts, days, quarantine))

  const measure = async (rows: readonly Row[], changes: Row = {}) => {
    await bench.put(attempts, [
      ...rows,
      ...(Object.keys(changes).length === 0 ? [] : [attemptRow(100, changes)]),
    ])
    return await judge()
  }
  const judge = (options: Parameters<QualityBench['measure']>[1] = {}) =>
    bench.measure('adaptive-learning', { tables: [attempts, days], ...options })

  it('hold on good rows', async () => {
    const results = await measure(good)
    assert.deepEqual(failedChecks(results), [])
    const quality = resultOf(results, `${attempts}/range:quality`)
    assert.deepEqual(
      [quality.rows, quality.failed, quality.measured, quality.passed],
      [100, 0, 0, true],
    )
  })

  const broken: readonly (readonly [kind: string, changes: Row, failed: string])[] = [
    ['a number beyond its range', { quality: 6 }, 'range:quality'],
    [
      'a number below its least',
      { sm2_easiness_factor_before: 1.2 },
      'range:sm2_easiness_factor_before',
    ],
    ['a text that is not allowed', { features_source: 'guessed' }, 'allowed:features_source'],
    [
      'a number that its formula does not give',
      { response_time_seconds: 8 },
      'formula:response_time_seconds',
    ],
    ['columns that contradict each other', { is_weekend: true }, 'weekend_of_day'],
    [
      'columns that contradict each other where it matters',
      { answered: false },
      'correct_is_answered',
    ],
    ['a key without text', { attempt_id: '' }, 'filled:key'],
  ]
  for (const [kind, changes, failed] of broken) {
    it(`fail on ${kind}, with how to find the rows`, async () => {
      const results = await measure(good, changes)
      assert.deepEqual(failedChecks(results), [`${attempts}/${failed}`])
      const result = resultOf(results, `${attempts}/${failed}`)
      assert.equal(result.failed, 1)
      const found = await ask<{ attempt_id: string }>(bench.temporary.clickhouse, result.detail)
      const ids = found.map((row) => row.attempt_id)
      assert.deepEqual(ids, [changes['attempt_id'] ?? 'attempt-100'])
    })
  }

  it('fail on too many missing values, by the threshold of the column or of the settings', async () => {
    const half = good.map((row, index) => (index < 51 ? { ...row, session_id: null } : row))
    const results = await measure(half)
    const name = `${attempts}/filled:session_id`
    assert.deepEqual(failedChecks(results), [name])
    assert.deepEqual(
      [resultOf(results, name).measured, resultOf(results, name).threshold],
      [51, 50],
    )
    const thresholds = new Map([[name, 51]])
    assert.deepEqual(failedChecks(await judge({ thresholds })), [])
  })

  it('fail on the same thing under two names, and on keys that repeat', async () => {
    const twice = good.slice(0, 10).map((row, index) => ({ ...row, attempt_id: `again-${index}` }))
    const results = await measure([...good, ...twice])
    assert.deepEqual(failedChecks(results), [`${attempts}/duplicates`])
    assert.equal(resultOf(results, `${attempts}/duplicates`).failed, 10)
    assert.equal(resultOf(results, `${attempts}/unique_key`).failed, 0)
    const [table] = adaptiveLearning.tables
    assert.ok(table !== undefined)
    const [key] = (
      await measureTable({
        topology: 'adaptive-learning',
        table: { ...table, key: ['user_id'] },
        period: { fromMs: nowMs - dayMs, toMs: nowMs, by: 'known_at' },
        options: qualityDefaults,
        reading: {
          clickhouse: bench.temporary.clickhouse,
          bounds: qualityDefaults.bounds,
          signal: new AbortController().signal,
        },
        rowsInAll: 110,
      })
    ).filter(({ check }) => check === 'unique_key')
    assert.deepEqual([key?.rows, key?.failed, key?.passed], [110, 100, false])
  })

  it('fail on late rows, but not on rows that were brought in later', async () => {
    const at = (row: Row, ageMs: number) => ({
      ...row,
      known_at: Number(row['event_time']) + ageMs,
    })
    const imported = good.slice(0, 50).map((row) => ({ ...row, known_at: nowMs - 1 }))
    const event = {
      event_time: nowMs - 2 * dayMs,
      day: 28,
      month: 2,
      day_of_week: 5,
      is_weekend: true,
    }
    const results = await measure([
      ...imported.map((row) => ({ ...row, ...event })),
      ...good.slice(50, 90),
      ...good.slice(90).map((row) => at(row, 31 * minuteMs)),
    ])
    assert.deepEqual(failedChecks(results), [`${attempts}/timely`])
    const timely = resultOf(results, `${attempts}/timely`)
    assert.deepEqual([timely.rows, timely.failed, timely.measured], [50, 10, 20])
  })

  it('fail on a single row from the future', async () => {
    const future = { event_time: nowMs - 40 * minuteMs, known_at: nowMs - 60 * minuteMs }
    const results = await measure(
      good.map((row, index) => (index < 1 ? { ...row, ...future } : row)),
    )
    assert.deepEqual(failedChecks(results), [`${attempts}/not_in_future`])
  })

  it('fail where totals of two tables differ, once both are at rest', async () => {
    const two = [0, 1].map((index) => attemptRow(index, { user_id: 'user-1' }))
    await bench.put(days, [dayRow('user-1')])
    const same = await measure(two)
    assert.deepEqual(failedChecks(same), [])
    assert.equal(resultOf(same, `${days}/attempts_add_up`).rows, 1)

    // A third attempt whose day is still on its way is no contradiction yet.
    const third = attemptRow(2, {
      user_id: 'user-1',
      event_time: nowMs - 3 * minuteMs,
      known_at: nowMs - 1000,
    })
    const moving = await measure([third])
    assert.deepEqual(failedChecks(moving), [])
    assert.equal(resultOf(moving, `${days}/attempts_add_up`).rows, 0)

    const differing = await measure([{ ...third, known_at: nowMs - 2 * minuteMs }])
    assert.deepEqual(failedChecks(differing), [
      `${days}/attempts_add_up`,
      `${days}/correct_attempts_add_up`,
    ])
    const { detail } = resultOf(differing, `${days}/attempts_add_up`)
    const sides = `total_attempts against count() of ${attempts}`
    assert.equal(detail, `${sides} by user_id, year, month, day`)
  })

  it('fail on a day without any attempt that claims some', async () => {
    await bench.put(days, [dayRow('nobody')])
    const results = await judge()
    assert.ok(failedChecks(results).includes(`${days}/attempts_add_up`))
  })

  it('fail on what refers to nothing, beyond what may be on its way', async () => {
    const event = { id: 'e', event_type_id: 'score', student_id: 's', exam_id: 1, score: 1 }
    await bench.put('exam_scores.events', [event])
    await bench.put('exam_scores.students', [{ id: 's', student_identification: 's' }])
    await bench.put('exam_scores.event_type', [{ id: 'score', event_type: 'score' }])
    const results = await bench.measure('exam-scores')
    assert.deepEqual(failedChecks(results), ['exam_scores.events/known:exam_id'])
    await bench.clear('exam_scores.events', 'exam_scores.students', 'exam_scores.event_type')
  })

  it('count what was refused against what was taken, by level; what was mended counts no more', async () => {
    await bench.put(quarantine, [
      refusedRow('a'),
      refusedRow('b', { check: 'quality_in_range', level: 'Error' }),
      refusedRow('c', { check: 'quality_in_range', level: 'Error' }),
      refusedRow('d', { check: 'quality_in_range', level: 'Error', status: 'redriven' }),
      refusedRow('e', { topic: 'elsewhere' }),
    ])
    const results = await measure(good.slice(0, 97))
    assert.deepEqual(failedChecks(results), [`${quarantine}/refused_by_rule`])
    const unreadable = resultOf(results, `${quarantine}/refused_unreadable`)
    assert.deepEqual([unreadable.rows, unreadable.failed, unreadable.measured], [100, 1, 1])
    const byRule = resultOf(results, `${quarantine}/refused_by_rule`)
    assert.deepEqual([byRule.failed, byRule.detail], [2, 'quality_in_range: 2'])
  })

  it('look at the rows of the period alone, by when they were known or when they happened', async () => {
    const old = { known_at: nowMs - 8 * dayMs, quality: 6 }
    assert.deepEqual(failedChecks(await measure(good, old)), [])
    const by = 'event_time'
    const happened = await judge({ period: { by } })
    assert.deepEqual(failedChecks(happened), [
      `${attempts}/not_in_future`,
      `${attempts}/range:quality`,
    ])
  })

  it('say that they could not be measured within their bounds, and go on', async () => {
    await bench.put(attempts, good)
    const bounds = { ...qualityDefaults.bounds, memoryBytesMax: 100 }
    const results = await judge({ bounds })
    assert.deepEqual(failedChecks(results), [
      `${days}/measurable:rows`,
      `${attempts}/measurable:rows`,
      `${attempts}/measurable:rows_a_day`,
      `${quarantine}/measurable:refused`,
    ])
    assert.match(resultOf(results, `${attempts}/measurable:rows`).detail, /memory limit/i)
    assert.equal(scoresOf(['adaptive-learning'], results, qualityDefaults).score, null)
  })
})
