/** Two weeks of a few learners, small enough that every answer can be worked out by hand. */
import { at } from './asked-instance.ts'

type Event = Readonly<Record<string, unknown>>

/** Right, in 10 s, of no session, unless it says otherwise. */
function attempt(time: string, own: Event): Event {
  return { correct: true, time_taken_ms: 10_000, timestamp: at(time), ...own }
}

/** Two learners on 2 March: two of five attempts are of a session and two bring features, one has no answer. */
export const secondOfMarch: readonly Event[] = [
  attempt('2026-03-02T10:05:00Z', {
    ...{ user_id: 'ann', attempt_id: 'x1', item_id: 'j1', topic: 'logic', session_id: 's1' },
    ...{ sm2_easiness_factor_before: 2.75, sm2_interval_before: 3 },
    bkt_prob_knowledge_before: 0.75,
    // Of drawing nobody but the platform knows anything.
    irt_ability_before: { logic: 0.5, drawing: 9 },
  }),
  attempt('2026-03-02T10:10:00Z', {
    ...{ user_id: 'bob', attempt_id: 'y1', item_id: 'j1', topic: 'logic' },
    ...{ sm2_easiness_factor_before: 2, bkt_prob_knowledge_before: 0 },
  }),
  attempt('2026-03-02T10:30:00Z', {
    ...{ user_id: 'ann', attempt_id: 'x2', item_id: 'j2', topic: 'logic', session_id: 's1' },
    ...{ correct: false, time_taken_ms: 20_000 },
  }),
  attempt('2026-03-02T10:59:59.999Z', {
    ...{ user_id: 'ann', attempt_id: 'x3', item_id: 'j1', topic: 'logic', time_taken_ms: 30_000 },
  }),
  attempt('2026-03-02T11:00:00Z', {
    ...{ user_id: 'ann', attempt_id: 'x4', item_id: 'j3', topic: 'logic', time_taken_ms: 0 },
    ...{ correct: false, answered: false },
  }),
]

/** Whether each learner got each item right at the first attempt. */
export const papers: Readonly<Record<string, Readonly<Record<string, readonly (0 | 1)[]>>>> = {
  // What an item says of its learners is the contrary of the others, or nothing: all who differ in the rest do so by it.
  algebra: { ann: [1, 1, 0], bob: [1, 1, 0], cid: [0, 1, 1], dee: [0, 0, 1] },
  botany: { ann: [1, 0], bob: [0, 1] },
  // Both items say the same of their learners.
  geometry: { ann: [1, 1], bob: [0, 0] },
}

/** 20 attempts on 3 March, from 8 o'clock on, a minute each. */
export function thirdOfMarch(): readonly Event[] {
  let minute = 0
  return Object.entries(papers).flatMap(([topic, learners]) =>
    Object.entries(learners).flatMap(([user_id, marks]) =>
      marks.map((mark, index) => {
        const time = new Date(at('2026-03-03T08:00:00Z') + 60_000 * minute++).toISOString()
        const item_id = `${topic} ${index + 1}`
        return attempt(time, { user_id, item_id, topic, attempt_id: item_id, correct: mark === 1 })
      }),
    ),
  )
}

/** Quartiles 10 and 14, so fences at 4 and 20. */
const historySeconds = [3.999, 4, 10, 10, 10, 10, 10, 12, 14, 14, 14, 14, 14, 20, 20.001]
/** Both quartiles 100, so both fences too. */
const geographySeconds = [100, 100, 100, 100, 100.001]

/** 20 attempts of one learner on 4 March, from 9 o'clock on, a second each; those of geography are of a session. */
export function fourthOfMarch(): readonly Event[] {
  const timed = [
    ...historySeconds.map((seconds) => ({ seconds, topic: 'history', session_id: null })),
    ...geographySeconds.map((seconds) => ({ seconds, topic: 'geography', session_id: 'g' })),
  ]
  return timed.map(({ seconds, ...own }, index) =>
    attempt(new Date(at('2026-03-04T09:00:00Z') + 1000 * index).toISOString(), {
      ...{ ...own, user_id: 'zed', item_id: `i${index}`, attempt_id: `z${index}` },
      time_taken_ms: Math.round(1000 * seconds),
    }),
  )
}

/** More than a week behind what is known of its learner. */
export const late: Event = attempt('2026-02-20T05:30:00Z', {
  ...{ user_id: 'ann', attempt_id: 'late', item_id: 'j9', topic: 'logic' },
})

const counts = { items_attempted: 2, correct_count: 1, topics: ['logic'] }

export const sessions: readonly Event[] = [
  ...[
    ['s1', '2026-03-02T10:00:00Z', '2026-03-02T10:30:00Z'],
    // Open.
    ['s2', '2026-03-02T22:00:00Z', null],
    // Counts on the day it began.
    ['s3', '2026-03-02T23:50:00Z', '2026-03-03T00:20:00Z'],
    ['s4', '2026-03-05T08:00:00Z', '2026-03-05T08:10:00Z'],
  ].map(([session_id, start, end]) => ({
    ...{ session_id, user_id: 'ann', ...counts },
    start_time: at(start ?? ''),
    end_time: typeof end === 'string' ? at(end) : null,
  })),
]

/** What checks of the topology refuse. */
export const refused: Readonly<Record<string, readonly Event[]>> = {
  'user.attempts': [
    attempt('2026-03-04T12:00:00Z', { user_id: 'ann', attempt_id: 'r1', item_id: '' }),
    attempt('2026-03-04T13:00:00Z', { user_id: 'ann', attempt_id: 'r2', item_id: '' }),
    attempt('2026-03-04T14:00:00Z', { user_id: 'ann', attempt_id: 'r3', item_id: 'j', quality: 6 }),
    attempt('2026-03-04T11:00:00Z', {
      ...{ user_id: 'ann', attempt_id: 'r4', item_id: 'j', time_taken_ms: -1 },
    }),
  ],
  'user.sessions': [
    {
      ...{ session_id: 's9', user_id: 'ann', ...counts, session_type: 'chat' },
      ...{ start_time: at('2026-03-04T15:00:00Z'), end_time: at('2026-03-04T16:00:00Z') },
    },
  ],
  'ml.training': [
    {
      ...{ training_id: 't1', algorithm: 'bkt', features: {}, label: 2e15 },
      timestamp: at('2026-03-04T16:00:00Z'),
    },
  ],
}
/** What does not fit the schema. */
export const unfit: Event = attempt('2026-03-04T17:00:00Z', {
  ...{ user_id: 'ann', item_id: 'j1', correct: 'yes' },
})
