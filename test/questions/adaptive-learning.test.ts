/** The questions about learners, over two weeks that can be worked out by hand. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { AskedInstance, at } from './asked-instance.ts'
import {
  fourthOfMarch,
  late,
  refused,
  secondOfMarch,
  sessions,
  thirdOfMarch,
  unfit,
} from './learners.ts'

describe('of learners', () => {
  let instance: AskedInstance
  before(async () => {
    instance = await AskedInstance.open(['adaptive-learning'], at('2026-03-02T12:00:00Z'))
    await instance.tell('user.attempts', ...secondOfMarch)
    instance.setNow(at('2026-03-03T09:00:00Z'))
    await instance.tell('user.attempts', ...thirdOfMarch())
    instance.setNow(at('2026-03-04T10:00:00Z'))
    await instance.tell('user.attempts', ...fourthOfMarch())
    instance.setNow(at('2026-03-05T00:00:00Z'))
    await instance.tell('user.attempts', late)
    await instance.tell('user.sessions', ...sessions)
    for (const [topic, events] of Object.entries(refused)) await instance.tell(topic, ...events)
    await instance.tellUnfit('user.attempts', unfit)
    // Once more: a repeated event changes no answer.
    await instance.tell('user.attempts', ...secondOfMarch)
  })
  after(() => instance.stop())

  test('attempts-per-hour: how many there were, and when the last of them was known', async () => {
    const known = (hour: string, attempts: number, late: number, seconds: number) => ({
      ...{ hour: `2026-${hour}:00:00`, attempts, late, known_after_seconds_max: seconds },
    })
    assert.deepEqual(await instance.answer('attempts-per-hour'), [
      known('02-20 05', 1, 1, 12 * 86_400 + 18.5 * 3600),
      known('03-02 10', 4, 0, 115 * 60),
      known('03-02 11', 1, 0, 60 * 60),
      known('03-03 08', 20, 0, 60 * 60),
      known('03-04 09', 20, 0, 60 * 60),
    ])
  })

  test('attempts-completeness: what share of a day’s attempts has a session, an answer, features', async () => {
    const day = (date: string, attempts: number, percents: readonly number[], late: number) => ({
      ...{ date: `2026-${date}`, attempts, session_known_percent: percents[0] },
      ...{ answered_percent: percents[1], features_brought_percent: percents[2], late },
    })
    assert.deepEqual(await instance.answer('attempts-completeness'), [
      day('02-20', 1, [0, 100, 0], 1),
      day('03-02', 5, [40, 80, 40], 0),
      day('03-03', 20, [0, 100, 0], 0),
      day('03-04', 20, [25, 100, 0], 0),
    ])
  })

  test('feature-differences: brought minus computed, mean and greatest by feature', async () => {
    // Computed is what each starts with: factor 2.5, interval 0, knowledge .25, ability 0.
    assert.deepEqual(await instance.answer('feature-differences'), [
      { feature: 'bkt_prob_knowledge_before', attempts: 2, mean: (0.5 - 0.25) / 2, greatest: 0.5 },
      { feature: 'irt_ability_logic_before', attempts: 1, mean: 0.5, greatest: 0.5 },
      { feature: 'sm2_easiness_factor_before', attempts: 2, mean: (0.25 - 0.5) / 2, greatest: 0.5 },
      { feature: 'sm2_interval_before', attempts: 1, mean: 3, greatest: 3 },
    ])
  })

  test('learner-days: what one learner did on each day, sessions on the day they began', async () => {
    const day = (month: number, day: number, rest: object) => ({ year: 2026, month, day, ...rest })
    const noSession = { total_study_time_minutes: 0, total_sessions: 0 }
    assert.deepEqual(await instance.answer('learner-days', { user: 'ann' }), [
      day(2, 20, {
        ...{ total_attempts: 1, correct_attempts: 1, accuracy: 1, avg_response_time_ms: 10_000 },
        ...{ unique_items_attempted: 1, ...noSession },
      }),
      day(3, 2, {
        ...{ total_attempts: 4, correct_attempts: 2, accuracy: 0.5, avg_response_time_ms: 15_000 },
        // Half an hour twice, and one that is open.
        ...{ unique_items_attempted: 3, total_study_time_minutes: 60, total_sessions: 3 },
      }),
      day(3, 3, {
        ...{
          total_attempts: 7,
          correct_attempts: 5,
          accuracy: 5 / 7,
          avg_response_time_ms: 10_000,
        },
        ...{ unique_items_attempted: 7, ...noSession },
      }),
      day(3, 5, {
        ...{ total_attempts: 0, correct_attempts: 0, accuracy: null, avg_response_time_ms: null },
        ...{ unique_items_attempted: 0, total_study_time_minutes: 10, total_sessions: 1 },
      }),
    ])
    assert.deepEqual(await instance.answer('learner-days', { user: 'nobody' }), [])
  })

  test('response-time-outliers: what lies beyond the fences of its own topic, and not on them', async () => {
    const outlier = (place: number, topic: string, seconds: number, category: string) => ({
      ...{ user_id: 'zed', attempt_id: `z${place}`, topic },
      ...{ response_time_seconds: seconds, response_time_category: category },
    })
    assert.deepEqual(await instance.answer('response-time-outliers'), [
      outlier(19, 'geography', 100.001, 'very_slow'),
      outlier(14, 'history', 20.001, 'normal'),
      outlier(0, 'history', 3.999, 'very_fast'),
    ])
  })

  test('weak-items: items that agree least with the rest of their topic', async () => {
    const rows = await instance.answer('weak-items')
    // Algebra: the sums of the papers are 2, 2, 2, 1, with variance 1/4; of the items 1/3, 1/4 and 1/3.
    const algebra = { learners: 4, facility: 0.5, test_reliability: 150 * (1 - 11 / 12 / (1 / 4)) }
    const botany = { learners: 2, facility: 0.5, test_reliability: null }
    // By hand: item 3 against 2, 2, 1, 0 of the rest; item 1 against 1, 1, 2, 1; of item 2 the rest never differs.
    const expected = [
      { topic: 'algebra', item_id: 'algebra 3', index: (100 * -1.5) / Math.sqrt(2.75), ...algebra },
      { topic: 'algebra', item_id: 'algebra 1', index: (100 * -0.5) / Math.sqrt(0.75), ...algebra },
      { topic: 'botany', item_id: 'botany 1', index: -100, ...botany },
      { topic: 'botany', item_id: 'botany 2', index: -100, ...botany },
    ]
    assert.equal(rows.length, expected.length, JSON.stringify(rows))
    for (const [place, { index, test_reliability, ...rest }] of expected.entries()) {
      const { discrimination_index, test_reliability: reliability, ...own } = rows[place] ?? {}
      assert.deepEqual(own, rest)
      assertNear(discrimination_index, index)
      assertNear(reliability, test_reliability)
    }
  })

  test('refused-attempts: how many records failed which check, and when the last was', async () => {
    const failed = (
      topic: string,
      check: string,
      level: string,
      records: number,
      hour: string,
    ) => ({
      ...{ topic, check, level, records, latest: `2026-03-${hour}:00:00.000` },
    })
    assert.deepEqual(await instance.answer('refused-attempts'), [
      failed('ml.training', 'training_finite', 'Error', 1, '04 16'),
      failed('user.attempts', 'item_identified', 'Critical', 2, '04 13'),
      failed('user.attempts', 'quality_in_range', 'Error', 1, '04 14'),
      // Of what never entered, when it was refused.
      failed('user.attempts', 'schema_refused', 'Error', 1, '05 00'),
      failed('user.attempts', 'time_taken_not_negative', 'Error', 1, '04 11'),
      // A session is over at 16 o'clock.
      failed('user.sessions', 'session_type_known', 'Error', 1, '04 16'),
    ])
  })
})

function assertNear(found: unknown, expected: number | null): void {
  if (expected === null) assert.equal(found, null)
  else assert.ok(Math.abs(Number(found) - expected) < 1e-9, `${String(found)} is not ${expected}`)
}
