/** Small worlds of the test platform, full of conflicts: few students, tests, questions, ids and times. */
import fc from 'fast-check'
import type { SourceEvent } from './scenario.ts'

const baseMs = 1_700_000_000_000
const timeMs = fc.integer({ min: 0, max: 20 }).map((step) => baseMs + step * 1500)
const student = fc.constantFrom('ann', 'bob', 'cy')
const test = fc.constantFrom('t1', 't2')
const question = fc.constantFrom('q1', 'q2', 'q3')
const option = fc.constantFrom('a', 'b', null)
const maybeTime = fc.option(timeMs)

const answer = fc
  .record({
    answer_id: fc.constantFrom('1', '2', '3', '4', '5', '6'),
    student_id: student,
    question_id: question,
    test_id: test,
    session_id: fc.constantFrom('s1', 's2', null),
    submitted_option: option,
    timestamp: timeMs,
  })
  .map((value): SourceEvent => ({ topic: 'answers', value, timestampMs: value.timestamp }))

const session = fc
  .record({
    session_id: fc.constantFrom('s1', 's2', 's3'),
    student_id: student,
    test_id: test,
    expiry_time: maybeTime,
    timestamp: maybeTime,
  })
  .chain((value) =>
    timeMs.map((recordMs): SourceEvent => ({
      topic: 'sessions',
      value,
      timestampMs: value.timestamp ?? recordMs,
    })),
  )

const submission = fc
  .record({
    student_id: student,
    test_id: test,
    submit_time: timeMs,
    completion_status: fc.constantFrom('completed', 'incomplete'),
  })
  .map((value): SourceEvent => ({ topic: 'submissions', value, timestampMs: value.submit_time }))

const questionVersion = fc
  .record({
    question_id: question,
    test_id: test,
    correct_option: option,
    question_text: fc.constant(null),
  })
  .chain((value) =>
    timeMs.map((timestampMs): SourceEvent => ({ topic: 'questions', value, timestampMs })),
  )

const testVersion = fc
  .record({
    test_id: test,
    teacher_id: fc.constantFrom('teach', null),
    test_name: fc.constant(null),
    created_at: fc.constant(null),
    total_questions: fc.constantFrom(1, 3, null),
  })
  .chain((value) =>
    timeMs.map((timestampMs): SourceEvent => ({ topic: 'tests', value, timestampMs })),
  )

export const mcqEvents: fc.Arbitrary<SourceEvent[]> = fc.array(
  fc.oneof(
    { arbitrary: answer, weight: 6 },
    { arbitrary: session, weight: 2 },
    { arbitrary: submission, weight: 2 },
    { arbitrary: questionVersion, weight: 3 },
    { arbitrary: testVersion, weight: 1 },
  ),
  { minLength: 1, maxLength: 30 },
)

export function isReferenceData({ topic }: SourceEvent): boolean {
  return topic === 'questions' || topic === 'tests'
}
