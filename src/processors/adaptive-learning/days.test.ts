/** Sessions, days, training examples and statistics of items. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as facts from '../../facts/adaptive-learning.ts'
import {
  attempt,
  baseMs,
  dayMs,
  minuteMs,
  open,
  pipe,
  rowsOf,
  session,
  training,
  type Feed,
} from './feed.test-support.ts'
import type { FactTable } from '../../core/fact-table.ts'

async function rowsAfter<Row>(table: FactTable<any, Row>, ...feeds: Feed[]): Promise<Row[]> {
  const driver = await open()
  try {
    for (const feed of feeds) await pipe(driver, feed)
    return await rowsOf(driver, table)
  } finally {
    await driver.close()
  }
}

describe('a session', () => {
  test('has its duration, accuracy, pace, distinct topics and start', async () => {
    assert.deepEqual(
      await rowsAfter(facts.userSessions, { 'user.sessions': [session({ accuracy: 0.75 })] }),
      [
        {
          session_id: 's1',
          user_id: 'ann',
          start_time: baseMs,
          end_time: baseMs + 10 * minuteMs,
          duration_minutes: 10,
          items_attempted: 20,
          correct_count: 15,
          accuracy: 0.75,
          items_per_minute: 2,
          topics: ['algebra', 'geometry'],
          topics_count: 2,
          session_type: 'practice',
          start_hour: 22,
          year: 2023,
          month: 11,
          day: 14,
          event_time: baseMs + 10 * minuteMs,
          known_at: 0,
        },
      ],
    )
  })

  test('that is open has no duration yet, and its end replaces it', async () => {
    const started = session({ end_time: null, items_attempted: 0, correct_count: 0 })
    const [row] = await rowsAfter(facts.userSessions, { 'user.sessions': [started] })
    assert.equal(row?.duration_minutes, null)
    assert.equal(row.accuracy, null)
    assert.equal(row.items_per_minute, null)
    const orders = [
      [started, session()],
      [session(), started],
    ]
    for (const events of orders) {
      const feeds = events.map((event): Feed => ({ 'user.sessions': [event] }))
      const [ended] = await rowsAfter(facts.userSessions, ...feeds)
      assert.equal(ended?.duration_minutes, 10)
    }
  })

  const bad = [
    ['session_identified', { session_id: '' }],
    ['session_ends_after_start', { end_time: baseMs - 1 }],
    ['session_counts_consistent', { correct_count: 21 }],
    ['session_accuracy_consistent', { accuracy: 0.5 }],
    ['session_type_known', { session_type: 'exam' }],
  ] as const
  for (const [check, change] of bad) {
    test(`that fails ${check} is kept in quarantine and has no row`, async () => {
      const driver = await open()
      await pipe(driver, { 'user.sessions': [session(change)] })
      assert.deepEqual(
        (await driver.readQuarantine()).map(({ value }) => value?.check),
        [check],
      )
      assert.deepEqual(await rowsOf(driver, facts.userSessions), [])
      await driver.close()
    })
  }
})

describe('a day', () => {
  const attempts = [
    attempt({ attempt_id: '1', time_taken_ms: 1000 }),
    attempt({ attempt_id: '2', time_taken_ms: 2000, correct: false, timestamp: baseMs + 1 }),
    attempt({ attempt_id: '3', time_taken_ms: 6000, item_id: 'i2', timestamp: baseMs + 2 }),
    attempt({ attempt_id: '4', timestamp: baseMs + dayMs }),
  ]

  test('adds up the attempts and sessions of a learner', async () => {
    const sessions = [session(), session({ session_id: 's2', end_time: null })]
    const rows = await rowsAfter(
      facts.dailyAggregations,
      { 'user.attempts': attempts },
      { 'user.sessions': sessions, 'user.attempts': attempts },
    )
    const [first, second] = rows.sort((a, b) => a.day - b.day)
    assert.deepEqual(first, {
      user_id: 'ann',
      year: 2023,
      month: 11,
      day: 14,
      total_attempts: 3,
      correct_attempts: 2,
      accuracy: 2 / 3,
      avg_response_time_ms: 3000,
      total_study_time_minutes: 10,
      unique_items_attempted: 2,
      total_sessions: 2,
      event_time: baseMs + 10 * minuteMs,
      known_at: 0,
    })
    assert.deepEqual([second?.day, second?.total_attempts], [15, 1])
  })

  test('is gone when its only attempt moves to another', async () => {
    const moved = attempt({ timestamp: baseMs + dayMs })
    const feeds: Feed[] = [{ 'user.attempts': [attempt()] }, { 'user.attempts': [moved] }]
    const rows = await rowsAfter(facts.dailyAggregations, ...feeds)
    assert.deepEqual(
      rows.map(({ day, total_attempts }) => [day, total_attempts]),
      [[15, 1]],
    )
  })
})

test('a training example has its error, and its later version counts', async () => {
  const rows = await rowsAfter(facts.mlTraining, {
    'ml.training': [
      training({ timestamp: baseMs + 1 }),
      training({ prediction: 0.5 }),
      training({ training_id: 'open', label: null }),
    ],
  })
  assert.deepEqual(
    rows.map((row) => [row.training_id, row.prediction, row.error, row.day]),
    [
      ['t1', 0.75, -0.25, 14],
      ['open', 0.75, null, 14],
    ],
  )
})

test('a training example that fails training_finite is kept in quarantine, whatever its feature is called', async () => {
  const driver = await open()
  const bad = [
    training({ features: { known: 1e16 } }),
    training({ features: { label: 1e16 } }),
    training({ features: { prediction: -1e16 }, prediction: null }),
    training({ label: 1e16, features: { label: 1 } }),
    training({ prediction: NaN }),
  ]
  await pipe(driver, { 'ml.training': bad })
  const entries = await driver.readQuarantine()
  assert.deepEqual(
    entries.map(({ value }) => value?.reason.split(';')[0]),
    [
      'features.known is 10000000000000000',
      'features.label is 10000000000000000',
      'features.prediction is -10000000000000000',
      'label is 10000000000000000',
      'prediction is NaN',
    ],
  )
  assert.deepEqual([...new Set(entries.map(({ value }) => value?.check))], ['training_finite'])
  assert.deepEqual(await rowsOf(driver, facts.mlTraining), [])
  await driver.close()
})

describe('statistics of items', () => {
  const papers = ['1110', '1100', '1010', '1111', '0000', '1001']
  const attempts = papers.flatMap((marks, learner) =>
    Array.from(marks, (mark, item) =>
      attempt({
        attempt_id: `${learner}-${item}`,
        user_id: `u${learner}`,
        item_id: `i${item}`,
        correct: mark === '1',
        timestamp: baseMs + 10 * learner + item,
      }),
    ),
  )

  test('are those of Moodle for the reference marks', async () => {
    const rows = await rowsAfter(facts.itemStatistics, { 'user.attempts': attempts })
    const round = (value: number | null) => Number(value?.toFixed(4))
    assert.deepEqual(
      rows.map((row) => [row.item_id, round(row.facility), round(row.discrimination_index)]),
      [
        ['i0', 0.8333, 63.2456],
        ['i1', 0.5, 35.3553],
        ['i2', 0.5, 35.3553],
        ['i3', 0.3333, 11.0432],
      ],
    )
    for (const row of rows) {
      assert.ok(Math.abs(row.test_reliability! - 55.34591195) < 1e-8)
      assert.deepEqual([row.learners, row.test_learners, row.test_items], [6, 6, 4])
    }
  })

  test('rest on first attempts, whatever order they come in, and follow corrections', async () => {
    const wanted = await rowsAfter(facts.itemStatistics, { 'user.attempts': attempts })
    const again = attempts.map((event) => ({
      ...event,
      attempt_id: `again-${event.attempt_id}`,
      correct: !event.correct,
      timestamp: event.timestamp! + dayMs,
    }))
    const wrong = attempts.map((event) => ({
      ...event,
      correct: !event.correct,
      timestamp: event.timestamp! - 1000,
    }))
    const feeds = [again, wrong, attempts.toReversed()].map((events): Feed => ({
      'user.attempts': events,
    }))
    const found = await rowsAfter(facts.itemStatistics, ...feeds)
    const lastMs = baseMs + dayMs + 53
    assert.deepEqual(
      found,
      wanted.map((row) => ({ ...row, event_time: lastMs })),
    )
  })

  test('rest on the next attempt where the first one moves to another item', async () => {
    const second = attempt({ attempt_id: 'a2', correct: false, timestamp: baseMs + 10 })
    const moved = attempt({ item_id: 'i2', timestamp: baseMs + 20 })
    const rows = await rowsAfter(
      facts.itemStatistics,
      { 'user.attempts': [attempt(), second] },
      { 'user.attempts': [moved] },
    )
    assert.deepEqual(
      rows.map((row) => [row.item_id, row.facility]),
      [
        ['i1', 0],
        ['i2', 1],
      ],
    )
  })

  test('are deleted with the last attempt at the item', async () => {
    const moved = attempt({ topic: 'geometry', timestamp: baseMs + 1 })
    const rows = await rowsAfter(
      facts.itemStatistics,
      { 'user.attempts': [attempt()] },
      { 'user.attempts': [moved] },
    )
    assert.deepEqual(
      rows.map((row) => [row.topic, row.learners]),
      [['geometry', 1]],
    )
  })
})
