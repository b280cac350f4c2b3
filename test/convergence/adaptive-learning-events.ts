/** Small worlds of adaptive learning, full of conflicts: few learners, items, ids and times, within the horizon. */
import fc from 'fast-check'
import type { AdaptiveEvents } from '../golden/oracle-adaptive-learning.ts'
import type { SourceEvent } from './scenario.ts'

const baseMs = 1_700_000_000_000
const minuteMs = 60_000
const dayMs = 1440 * minuteMs
/** All within seven days, on both sides of the edges of windows and days. */
const offsetsMs = [
  0,
  1,
  minuteMs,
  59 * minuteMs,
  60 * minuteMs,
  61 * minuteMs,
  90 * minuteMs,
  dayMs - minuteMs,
  dayMs,
  dayMs + 30 * minuteMs,
  3 * dayMs,
  6 * dayMs,
  7 * dayMs - 1,
]
const timeMs = fc.constantFrom(...offsetsMs).map((offsetMs) => baseMs + offsetMs)
const user = fc.constantFrom('ann', 'ann', 'ann', 'bob', 'cy')
const item = fc.constantFrom('i1', 'i1', 'i2', 'i3')
const topic = fc.constantFrom('algebra', 'algebra', 'geometry')
/** Of records: few, so that versions are sent together too; before, between and after the events. */
const sentMs = fc.constantFrom(-1, 0, 0, 8 * dayMs).map((offsetMs) => baseMs + offsetMs)

/** The first value is one that a check refuses, or an odd one. */
function rarely<T>(odd: T, ...usual: T[]): fc.Arbitrary<T> {
  return fc.oneof({ arbitrary: fc.constantFrom(...usual), weight: 15 }, fc.constant(odd))
}

const attempt = fc
  .record({
    attempt_id: fc.option(fc.constantFrom('1', '2', '3', '4', '5', '6')),
    user_id: user,
    item_id: fc.oneof({ arbitrary: item, weight: 20 }, fc.constant('')),
    session_id: fc.constantFrom('s1', null),
    topic,
    correct: fc.boolean(),
    answered: rarely(false, true),
    time_taken_ms: rarely(-1, 0, 7_999, 8_000, 20_000, 40_000, 68_000),
    quality: fc.oneof({ arbitrary: fc.constant(null), weight: 8 }, fc.integer({ min: 0, max: 6 })),
    timestamp: fc.option(timeMs, { freq: 9 }),
    item_difficulty: fc.constantFrom(null, null, 0.5),
    sm2_easiness_factor_before: rarely(1, null, null, 2.36),
    sm2_interval_before: fc.constantFrom(null, null, 6),
    bkt_prob_knowledge_before: fc.constantFrom(null, null, 0.5),
    irt_ability_before: fc.constantFrom(null, null, { algebra: 0.25, other: -1 }),
  })
  .chain((value) =>
    (value.timestamp === null ? timeMs : sentMs).map((recordMs): SourceEvent => ({
      topic: 'user.attempts',
      value,
      timestampMs: recordMs,
    })),
  )

const session = fc
  .record({
    session_id: fc.constantFrom('s1', 's1', 's2'),
    user_id: user,
    start_time: fc.oneof({ arbitrary: fc.constant(baseMs), weight: 2 }, timeMs),
    end_time: fc.constantFrom(null, baseMs, baseMs + minuteMs, baseMs + dayMs),
    items_attempted: fc.constantFrom(1, 9, 10, 25),
    correct_count: fc.constantFrom(0, 1, 2),
    recordMs: sentMs,
    accuracy: fc.constantFrom(null, null, 0.5),
    topics: fc.array(topic, { maxLength: 3 }),
    session_type: fc.constantFrom('practice', 'review', 'mock_test', 'other'),
  })
  .map(({ recordMs, ...value }): SourceEvent => ({
    topic: 'user.sessions',
    value,
    timestampMs: recordMs,
  }))

const training = fc
  .record({
    training_id: fc.constantFrom('t1', 't2'),
    algorithm: fc.constantFrom('bkt', 'irt'),
    model_version: fc.constantFrom('1', null),
    user_id: fc.option(user),
    item_id: fc.option(item),
    features: fc.constantFrom<Record<string, number>>({}, { a: 1, b: 0.5 }, { a: 1 / 3 }),
    label: fc.constantFrom(0, 1, null),
    prediction: fc.constantFrom(0.25, 0.1, null),
    timestamp: fc.oneof(fc.constant(baseMs), timeMs),
    recordMs: sentMs,
  })
  .map(({ recordMs, ...value }): SourceEvent => ({
    topic: 'ml.training',
    value,
    timestampMs: recordMs,
  }))

export const adaptiveEvents: fc.Arbitrary<SourceEvent[]> = fc.array(
  fc.oneof(
    { arbitrary: attempt, weight: 12 },
    { arbitrary: session, weight: 3 },
    { arbitrary: training, weight: 1 },
  ),
  { minLength: 1, maxLength: 36 },
)

/** The set as the oracle takes it. */
export function adaptiveSet(set: readonly SourceEvent[]): AdaptiveEvents {
  const of = (topic: string) =>
    set
      .filter((event) => event.topic === topic)
      .map(({ value, timestampMs }) => ({ ...value, at: timestampMs }))
  return {
    attempts: of('user.attempts'),
    sessions: of('user.sessions'),
    training: of('ml.training'),
  } as unknown as AdaptiveEvents
}
