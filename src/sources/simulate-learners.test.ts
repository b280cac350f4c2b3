import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { simulateLearners, type LearnersOptions } from './simulate-learners.ts'

const startMs = Date.UTC(2026, 0, 5)
const options: LearnersOptions = { seed: 7, learners: 60, startMs, days: 14 }
const dayMs = 86_400_000
const events = [...simulateLearners(options)]
const ofTopic = (topic: string) => events.filter((event) => event.topic === topic)
const attempts = ofTopic('user.attempts')
const sessions = ofTopic('user.sessions')

const textOf = (given: LearnersOptions) =>
  [...simulateLearners(given)].map((event) => JSON.stringify(event)).join('\n')

test('the same seed gives the same bytes, another seed others', () => {
  const hash = createHash('sha256').update(textOf(options)).digest('hex')
  assert.equal(hash, '42162c4b0a7f4f2e8fd05da3ffb79d0a57320fb1cb7a1b5edf4d7d75990a647b')
  assert.notEqual(textOf({ ...options, seed: 8 }), textOf(options))
})

test('events arrive in order, none before it happened, and all happen within the days', () => {
  const arrivals = events.map(({ arrivalMs }) => arrivalMs)
  assert.deepEqual(
    arrivals,
    arrivals.toSorted((a, b) => a - b),
  )
  assert.ok(events.every(({ arrivalMs, timestampMs }) => arrivalMs >= timestampMs))
  assert.ok(events.every(({ timestampMs }) => timestampMs >= startMs))
  assert.ok(events.every(({ timestampMs }) => timestampMs < startMs + options.days * dayMs))
})

test('some attempts are late, some come twice, some have no answer, and those are not right', () => {
  const ids = new Set(attempts.map(({ value }) => value['attempt_id']))
  assert.ok(ids.size < attempts.length && ids.size > 0.95 * attempts.length)
  assert.ok(attempts.some(({ arrivalMs, timestampMs }) => arrivalMs - timestampMs > 3_600_000))
  const without = attempts.filter(({ value }) => value['answered'] === false)
  assert.ok(without.length > 0)
  assert.ok(without.every(({ value }) => value['correct'] === false))
})

test('a session counts its own attempts, and each learner has at most one a day', () => {
  const right = new Map<unknown, Map<unknown, boolean>>()
  for (const { value } of attempts) {
    const own = right.get(value['session_id']) ?? new Map<unknown, boolean>()
    right.set(value['session_id'], own.set(value['attempt_id'], value['correct'] === true))
  }
  const days = new Map<string, unknown>()
  for (const { value } of sessions) {
    const own = [...(right.get(value['session_id'])?.values() ?? [])]
    assert.equal(value['items_attempted'], own.length)
    assert.equal(value['correct_count'], own.filter(Boolean).length)
    const day = `${String(value['user_id'])} ${Math.floor((Number(value['start_time']) - startMs) / dayMs)}`
    assert.ok(days.get(day) === undefined || days.get(day) === value['session_id'], day)
    days.set(day, value['session_id'])
  }
  const kinds = new Set(sessions.map(({ value }) => value['session_type']))
  assert.deepEqual(kinds, new Set(['practice', 'review', 'mock_test']))
})

test('what a review brings is a probability, and examples are taken from reviews', () => {
  const reviews = new Set(
    sessions
      .filter(({ value }) => value['session_type'] === 'review')
      .map(({ value }) => value['session_id']),
  )
  const brought = attempts.filter(({ value }) => 'bkt_prob_knowledge_before' in value)
  assert.ok(brought.length > 0)
  assert.ok(
    brought.every(({ value }) => {
      const share = Number(value['bkt_prob_knowledge_before'])
      return reviews.has(value['session_id']) && share > 0 && share < 1
    }),
  )
  const reviewed = new Set(brought.map(({ value }) => value['attempt_id']))
  const examples = ofTopic('ml.training')
  assert.ok(examples.length > 0)
  assert.ok(examples.every(({ value }) => reviewed.has(value['training_id'])))
})
