/** Small worlds of the test platform, full of conflicts: few students, tests, questions, ids and times. */
import fc from 'fast-check'
import type { McqEvents } from '../golden/oracle-mcq.ts'
import type { SourceEvent } from './scenario.ts'

const baseMs = 1_700_000_000_000
const timeMs = fc.integer({ min: 0, max: 20 }).map((step) => baseMs + step * 1500)
const student = mostly('ann', 'bob', 'cy')
const test = mostly('t1', 't2')
const question = fc.constantFrom('q1', 'q2', 'q3')
const option = fc.constantFrom('a', 'b', null)
const maybeTime = fc.option(timeMs)

/** Now and then no id at all. */
function mostly(...ids: string[]): fc.Arbitrary<string> {
  return fc.oneof({ arbitrary: fc.constantFrom(...ids), weight: 30 }, fc.constant(''))
}

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
    test_id: fc.constantFrom('t1', 't2'),
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

/** Without its student or its test. A question or test without its id never reaches the log. */
export function isRefused({ value }: SourceEvent): boolean {
  return value['student_id'] === '' || ('student_id' in value && value['test_id'] === '')
}

/** The set as the oracle takes it: without what is refused. */
export function mcqSet(set: readonly SourceEvent[]): McqEvents {
  const taken = set.filter((event) => !isRefused(event))
  const of = (topic: string) =>
    taken
      .filter((event) => event.topic === topic)
      .map(({ value, timestampMs }) => ({ ...value, at: timestampMs }))
  return {
    answers: of('answers'),
    sessions: of('sessions'),
    submissions: of('submissions'),
    questions: of('questions'),
    tests: of('tests'),
  } as unknown as McqEvents
}
