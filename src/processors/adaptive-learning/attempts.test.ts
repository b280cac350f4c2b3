/** Rows of attempts: derived columns, features before each attempt, order, lateness, corrections and bad input. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { UserAttemptFact } from '../../facts/adaptive-learning.ts'
import * as facts from '../../facts/adaptive-learning.ts'
import { adaptiveLearning } from '../../../topologies/adaptive-learning.ts'
import {
  attempt,
  baseMs,
  dayMs,
  hourMs,
  minuteMs,
  open,
  pipe,
  rowsOf,
} from './feed.test-support.ts'
import type { UserAttempt } from './events.ts'
import { defaultParameters, type FeatureParameters } from './parameters.ts'

/** Rows by event time; each batch of events is processed before the next is sent. */
async function rowsAfter(
  batches: readonly (readonly UserAttempt[])[],
  parameters: FeatureParameters = defaultParameters,
): Promise<UserAttemptFact[]> {
  const driver = await open({}, adaptiveLearning('adaptive-learning', parameters))
  try {
    for (const batch of batches) await pipe(driver, { 'user.attempts': batch })
    const rows = await rowsOf(driver, facts.userAttempts)
    return rows.sort((a, b) => a.event_time - b.event_time)
  } finally {
    await driver.close()
  }
}

/** One learner at one item, a minute apart. */
function sequence(answers: readonly boolean[], change: Partial<UserAttempt> = {}): UserAttempt[] {
  return answers.map((correct, index) =>
    attempt({
      attempt_id: `a${index}`,
      correct,
      timestamp: baseMs + index * minuteMs,
      ...change,
    }),
  )
}

function near(found: number | undefined, wanted: number, digits: number): void {
  assert.ok(
    found !== undefined && Math.abs(found - wanted) < 0.5 * 10 ** -digits,
    `${found} is ${wanted}`,
  )
}

describe('the features before an attempt', () => {
  test('are those of canonical SM-2', async () => {
    const qualities = [5, 4, 3, 2, 1, 0, 5, 5, 5, 5]
    const events = qualities.map((quality, index) =>
      attempt({ attempt_id: `a${index}`, quality, timestamp: baseMs + index * dayMs }),
    )
    const rows = await rowsAfter([events])
    assert.deepEqual(
      rows.map((row) => row.sm2_interval_before),
      [0, 1, 6, 15, 1, 1, 1, 1, 6, 17],
    )
    near(rows.at(-1)?.sm2_easiness_factor_before, 2.76, 10)
  })

  test('are those of the published BKT sequence', async () => {
    const bkt = { version: 'published', known: 0.4, learn: 0.3, guess: 0.2, slip: 0.1 }
    const events = sequence([true, false, true, true, true, true])
    const rows = await rowsAfter([events], { ...defaultParameters, version: 'published', bkt })
    const wanted = [0.4, 0.825, 0.5595505618, 0.8957842765, 0.9823587219, 0.9972176242]
    for (const [index, row] of rows.entries()) {
      near(row.bkt_prob_knowledge_before, wanted[index]!, 10)
      assert.equal(row.parameter_version, 'published')
    }
  })

  test('are those of the reference sequence of abilities', async () => {
    const rows = await rowsAfter([sequence([true, false, true, true, false, true])])
    const wanted = [0, 0.5, -0.19624627, 0.34637426, 0.63630638, -0.01468502]
    for (const [index, row] of rows.entries()) {
      near(row.irt_ability_before['algebra'], wanted[index]!, 8)
      assert.equal(row.item_difficulty_before, 0 - row.irt_ability_before['algebra']!)
    }
  })

  test('name the ability in every topic met so far, and in the attempt’s own', async () => {
    const events = ['b', 'a', 'b'].map((topic, index) =>
      attempt({ attempt_id: `${index}`, topic, item_id: topic, timestamp: baseMs + index }),
    )
    const rows = await rowsAfter([events])
    assert.deepEqual(
      rows.map((row) => row.irt_ability_before),
      [{ b: 0 }, { a: 0, b: 0.5 }, { a: 0.5, b: 0.5 }],
    )
  })

  test('count attempts and wins of the last hour, day, week and month', async () => {
    const agoMs = [40 * dayMs, 20 * dayMs, 3 * dayMs, 5 * hourMs, 10 * minuteMs, 0]
    const events = agoMs.map((ms, index) =>
      attempt({
        attempt_id: `${index}`,
        topic: index === 3 ? 'geometry' : 'algebra',
        correct: index !== 4,
        timestamp: baseMs - ms,
      }),
    )
    const last = (await rowsAfter([events])).at(-1)!
    const counts = (scope: 'user' | 'topic') =>
      (['1h', '1d', '7d', '30d'] as const).map((window) => [
        last[`${scope}_attempts_${window}`],
        last[`${scope}_wins_${window}`],
      ])
    assert.deepEqual(counts('user'), [
      [1, 0],
      [2, 1],
      [3, 2],
      [4, 3],
    ])
    assert.deepEqual(counts('topic'), [
      [1, 0],
      [1, 0],
      [2, 1],
      [3, 2],
    ])
  })

  test('are what the event brings, beside how far that is from what was computed', async () => {
    const [row] = await rowsAfter([
      [
        attempt({
          sm2_easiness_factor_before: 2.6,
          bkt_prob_knowledge_before: 0.5,
          irt_ability_before: { algebra: 1, unknown: 3 },
        }),
      ],
    ])
    assert.equal(row?.features_source, 'event')
    assert.equal(row.sm2_easiness_factor_before, 2.6)
    assert.equal(row.sm2_interval_before, 0)
    assert.equal(row.bkt_prob_knowledge_before, 0.5)
    assert.deepEqual(row.irt_ability_before, { algebra: 1, unknown: 3 })
    assert.deepEqual(row.feature_differences, {
      sm2_easiness_factor_before: 2.6 - 2.5,
      bkt_prob_knowledge_before: 0.25,
      irt_ability_algebra_before: 1,
    })
    const [computed] = await rowsAfter([[attempt()]])
    assert.equal(computed?.features_source, 'computed')
    assert.deepEqual(computed.feature_differences, {})
  })
})

describe('the columns of an attempt', () => {
  test('say how long it took and when it was, in UTC', async () => {
    const saturday = Date.UTC(2026, 1, 28, 23, 59)
    const [row] = await rowsAfter([[attempt({ timestamp: saturday, time_taken_ms: 1500 })]])
    assert.equal(row?.response_time_seconds, 1.5)
    assert.deepEqual(
      [row.year, row.month, row.day, row.hour_of_day, row.day_of_week, row.is_weekend],
      [2026, 2, 28, 23, 5, true],
    )
  })

  test('derive category and quality from time and correctness, unless the event brings a quality', async () => {
    const times = [7_999, 8_000, 16_000, 32_000, 68_000]
    const events = times.flatMap((time_taken_ms, index) =>
      [true, false].map((correct, each) =>
        attempt({
          attempt_id: `${index}-${each}`,
          correct,
          time_taken_ms,
          timestamp: baseMs + 2 * index + each,
        }),
      ),
    )
    const rows = await rowsAfter([
      [
        ...events,
        attempt({ attempt_id: 'n', correct: false, answered: false, timestamp: baseMs + 100 }),
        attempt({ attempt_id: 'q', quality: 4, timestamp: baseMs + 101 }),
      ],
    ])
    assert.deepEqual(
      rows.map((row) => [row.response_time_category, row.quality]),
      [
        ['very_fast', 5],
        ['very_fast', 1],
        ['fast', 5],
        ['fast', 1],
        ['normal', 4],
        ['normal', 2],
        ['slow', 3],
        ['slow', 2],
        ['very_slow', 3],
        ['very_slow', 2],
        ['fast', 0],
        ['fast', 4],
      ],
    )
  })
})

describe('an attempt out of order', () => {
  const events = sequence([true, false, true, true, false, true])

  test('gives the rows of the same attempts in order, bit for bit', async () => {
    const inOrder = await rowsAfter([events])
    const one = (index: number) => [events[index]!]
    const shuffled = await rowsAfter([
      one(3),
      one(0),
      [...one(5), ...one(1)],
      one(1),
      one(4),
      one(2),
    ])
    assert.deepEqual(shuffled, inOrder)
  })

  test('replaces a former version of itself, wherever the two stand', async () => {
    const corrected = attempt({
      attempt_id: 'a1',
      correct: true,
      timestamp: baseMs + 4.5 * minuteMs,
    })
    const once = await rowsAfter([
      [...events.filter((event) => event.attempt_id !== 'a1'), corrected],
    ])
    assert.deepEqual(await rowsAfter([events, [corrected]]), once)
    assert.deepEqual(await rowsAfter([[corrected], events]), once)
  })

  test('beyond the horizon counts in the windows of later ones by its own time', async () => {
    const first = attempt({ attempt_id: 'first', timestamp: baseMs })
    const late = attempt({ attempt_id: 'late', timestamp: baseMs - 19 * dayMs })
    const next = attempt({ attempt_id: 'next', timestamp: baseMs + 5 * minuteMs })
    const corrected = { ...late, correct: false }
    for (const batches of [
      [[first], [late], [next]],
      [[first], [late], [next], [corrected]],
    ]) {
      const rows = await rowsAfter(batches)
      const row = rows.find(({ attempt_id }) => attempt_id === 'next')
      assert.equal(row?.is_late, false)
      assert.deepEqual(
        [row.user_attempts_1h, row.user_attempts_1d, row.user_attempts_7d, row.user_attempts_30d],
        [1, 1, 1, 2],
      )
    }
  })

  test('beyond the horizon is applied last and marked late', async () => {
    const late = attempt({ attempt_id: 'late', timestamp: baseMs - 8 * dayMs })
    const next = attempt({ attempt_id: 'next', timestamp: baseMs + 30 * minuteMs })
    const rows = await rowsAfter([events, [late], [next]])
    const found = rows.find((row) => row.attempt_id === 'late')
    assert.equal(found?.is_late, true)
    assert.equal(found.event_time, baseMs - 8 * dayMs)
    assert.equal(found.user_attempts_1d, 6)
    const untouched = await rowsAfter([events])
    assert.deepEqual(
      rows.filter((row) => row.attempt_id.startsWith('a')),
      untouched,
    )
    // The late one was not within the hour.
    assert.equal(rows.at(-1)?.user_attempts_1h, 6)
    const again = await rowsAfter([events, [late], [late], [next], events])
    assert.deepEqual(again, rows)
  })

  test('leaves the row that it replaces among the superseded ones', async () => {
    const driver = await open({ wallClockMs: 1000 })
    const [first, second] = sequence([false, true])
    await pipe(driver, { 'user.attempts': [second!] })
    const [before] = await rowsOf(driver, facts.userAttempts)
    driver.clock.advance(500)
    await pipe(driver, { 'user.attempts': [first!] })
    const superseded = await rowsOf(driver, facts.supersededUserAttempts)
    assert.deepEqual(superseded, [{ ...before, revision: 0, superseded_at: 1500 }])
    assert.equal(before?.known_at, 1000)
    await driver.close()
  })
})

describe('an attempt that fails a check', () => {
  const bad: readonly [string, Partial<UserAttempt>][] = [
    ['item_identified', { item_id: '' }],
    ['time_taken_not_negative', { time_taken_ms: -1 }],
    ['quality_in_range', { quality: 6 }],
    ['correct_is_answered', { answered: false }],
    ['features_in_range', { bkt_prob_knowledge_before: 1.5 }],
    ['features_in_range', { irt_ability_before: { algebra: Infinity } }],
  ]
  for (const [check, change] of bad) {
    test(`is kept in quarantine and has no row: ${check} ${JSON.stringify(change)}`, async () => {
      const driver = await open()
      await pipe(driver, { 'user.attempts': [attempt(change)] })
      const entries = await driver.readQuarantine()
      assert.deepEqual(
        entries.map(({ value }) => value?.check),
        [check],
      )
      assert.deepEqual(await rowsOf(driver, facts.userAttempts), [])
      await driver.close()
    })
  }

  test('that is a warning has its row all the same', async () => {
    const driver = await open()
    await pipe(driver, { 'user.attempts': [attempt({ time_taken_ms: 2 * hourMs })] })
    assert.deepEqual(await driver.readQuarantine(), [])
    assert.equal((await rowsOf(driver, facts.userAttempts)).length, 1)
    await driver.close()
  })
})
