/** Small worlds of the exam feed: events with and without an id of their own, versions of one event. */
import fc from 'fast-check'
import type { SourceEvent } from './scenario.ts'

const baseMs = 1_700_000_000_000

export const examEvents: fc.Arbitrary<SourceEvent[]> = fc.array(
  fc
    .record({
      exam: fc.constantFrom(1, 2, -1),
      studentId: fc.constantFrom('ann', 'ann', 'bob', 'bob', 'cy', 'cy', ''),
      score: fc.constantFrom(null, 0.25, 0.5, 78, -3, 0.1),
      event_id: fc.constantFrom(null, 'e1', 'e2', 'e3'),
      event_type: fc.constantFrom('score', 'rescored'),
      timestampMs: fc.integer({ min: 0, max: 12 }).map((step) => baseMs + step * 1000),
      isTimed: fc.boolean(),
    })
    .map(({ timestampMs, isTimed, ...event }): SourceEvent => ({
      topic: 'exam_score',
      value: { ...event, timestamp: isTimed ? timestampMs : null },
      timestampMs,
    })),
  { minLength: 1, maxLength: 25 },
)
