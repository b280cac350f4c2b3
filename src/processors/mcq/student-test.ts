/**
 * All that is known of one student in one test: the sets of its events. Each function below joins one event
 * into the state so that order and repetition do not matter (law 1): events are the same by their id, and of
 * two versions of one event the later (time, then content) stays.
 */
import { avroSerde } from '../../schema/avro-serde.ts'
import type { Answer, Session, Submission } from './events.ts'

/** In the order of the store: everyone who took a test is one range. */
export type StudentTestId = readonly [testId: string, studentId: string]

export interface AnswerState {
  readonly answerId: string
  readonly timestampMs: number
  readonly option: string | null
}

export interface AnsweredQuestion {
  readonly questionId: string
  /** Copied from the question, so that a summary needs no other state; null while unknown. */
  correctOption: string | null
  /** The question is not known to belong to this test; see `student-test-processor.ts`, invariant 2. */
  isStray: boolean
  readonly answers: AnswerState[]
}

export interface SessionState {
  readonly sessionId: string
  readonly startMs: number
  readonly expiryMs: number | null
}

export interface SubmissionState {
  readonly submitMs: number
  readonly completed: boolean
}

/** What this student last added to the test's funnel, so that a change can take it back. */
export interface FunnelShare {
  readonly submitMs: number
  readonly completed: boolean
  /** From start to submission; null where it is not completed or has no start. */
  readonly durationMs: number | null
}

export interface StudentTest {
  readonly questions: AnsweredQuestion[]
  readonly sessions: SessionState[]
  submission: SubmissionState | null
  funnelShare: FunnelShare | null
}

export function emptyStudentTest(): StudentTest {
  return { questions: [], sessions: [], submission: null, funnelShare: null }
}

/** The ids of the questions whose facts changed: none for a repeated answer. */
export function joinAnswer(state: StudentTest, answer: Answer): readonly string[] {
  const next: AnswerState = {
    answerId: answer.answer_id,
    timestampMs: answer.timestamp,
    option: answer.submitted_option,
  }
  const known = findAnswer(state, next.answerId)
  if (known !== null) {
    const { question, index, answer: kept } = known
    if (compareVersions(question.questionId, kept, answer.question_id, next) >= 0) return []
    question.answers.splice(index, 1)
    answeredQuestion(state, answer.question_id).answers.push(next)
    return question.questionId === answer.question_id
      ? [answer.question_id]
      : [question.questionId, answer.question_id]
  }
  answeredQuestion(state, answer.question_id).answers.push(next)
  return [answer.question_id]
}

export function findQuestion(state: StudentTest, questionId: string): AnsweredQuestion | undefined {
  for (const question of state.questions) {
    if (question.questionId === questionId) return question
  }
  return undefined
}

/** True where the state changed. */
export function joinSession(state: StudentTest, session: Session, startMs: number): boolean {
  const next = { sessionId: session.session_id, startMs, expiryMs: session.expiry_time }
  const index = state.sessions.findIndex((known) => known.sessionId === next.sessionId)
  const known = state.sessions[index]
  if (known === undefined) {
    state.sessions.push(next)
    return true
  }
  // A session began when it was first heard of; a later message may only prolong it.
  const joined = {
    sessionId: known.sessionId,
    startMs: Math.min(known.startMs, next.startMs),
    expiryMs: laterOrKnown(known.expiryMs, next.expiryMs),
  }
  if (joined.startMs === known.startMs && joined.expiryMs === known.expiryMs) return false
  state.sessions[index] = joined
  return true
}

/** The latest submission counts; of two at the same time, the completed one. */
export function joinSubmission(state: StudentTest, submission: Submission): boolean {
  const next = {
    submitMs: submission.submit_time,
    completed: submission.completion_status === 'completed',
  }
  const known = state.submission
  if (known !== null) {
    if (next.submitMs < known.submitMs) return false
    if (next.submitMs === known.submitMs && (known.completed || !next.completed)) return false
  }
  state.submission = next
  return true
}

/** The earlier of first session and first answer, milliseconds; null where there is neither. */
export function startMsOf(state: StudentTest): number | null {
  let startMs = Infinity
  for (const session of state.sessions) startMs = Math.min(startMs, session.startMs)
  for (const { answers } of state.questions) {
    for (const answer of answers) startMs = Math.min(startMs, answer.timestampMs)
  }
  return startMs === Infinity ? null : startMs
}

/** Ten years: what took longer is a slip of a clock, and has no part in means. So sums stay exact whole numbers. */
const durationMsMax = 3_660 * 86_400_000

export function funnelShareOf(state: StudentTest): FunnelShare | null {
  if (state.submission === null) return null
  const { completed, submitMs } = state.submission
  const startMs = completed ? startMsOf(state) : null
  const durationMs = startMs === null ? null : submitMs - startMs
  const isKnown = durationMs !== null && Math.abs(durationMs) <= durationMsMax
  return { submitMs, completed, durationMs: isKnown ? durationMs : null }
}

/** Plain loops: this runs for each answer, over all that the student gave in the test. */
function findAnswer(state: StudentTest, answerId: string) {
  for (const question of state.questions) {
    const { answers } = question
    for (let index = 0; index < answers.length; index += 1) {
      const answer = answers[index]
      if (answer?.answerId === answerId) return { question, index, answer }
    }
  }
  return null
}

function answeredQuestion(state: StudentTest, questionId: string): AnsweredQuestion {
  const known = findQuestion(state, questionId)
  if (known !== undefined) return known
  const added: AnsweredQuestion = { questionId, correctOption: null, isStray: false, answers: [] }
  state.questions.push(added)
  return added
}

function compareVersions(
  questionA: string,
  a: AnswerState,
  questionB: string,
  b: AnswerState,
): number {
  if (a.timestampMs !== b.timestampMs) return a.timestampMs - b.timestampMs
  const contentA = JSON.stringify([questionA, a.option])
  const contentB = JSON.stringify([questionB, b.option])
  return contentA < contentB ? -1 : Number(contentA > contentB)
}

function laterOrKnown(a: number | null, b: number | null): number | null {
  if (a === null) return b
  return b === null ? a : Math.max(a, b)
}

export const studentTestSerde = avroSerde<StudentTest>('store student-tests', 1, {
  type: 'record',
  name: 'StudentTest',
  fields: [
    {
      name: 'questions',
      type: {
        type: 'array',
        items: {
          type: 'record',
          name: 'AnsweredQuestion',
          fields: [
            { name: 'questionId', type: 'string' },
            { name: 'correctOption', type: ['null', 'string'] },
            { name: 'isStray', type: 'boolean' },
            {
              name: 'answers',
              type: {
                type: 'array',
                items: {
                  type: 'record',
                  name: 'AnswerState',
                  fields: [
                    { name: 'answerId', type: 'string' },
                    { name: 'timestampMs', type: 'long' },
                    { name: 'option', type: ['null', 'string'] },
                  ],
                },
              },
            },
          ],
        },
      },
    },
    {
      name: 'sessions',
      type: {
        type: 'array',
        items: {
          type: 'record',
          name: 'SessionState',
          fields: [
            { name: 'sessionId', type: 'string' },
            { name: 'startMs', type: 'long' },
            { name: 'expiryMs', type: ['null', 'long'] },
          ],
        },
      },
    },
    {
      name: 'submission',
      type: [
        'null',
        {
          type: 'record',
          name: 'SubmissionState',
          fields: [
            { name: 'submitMs', type: 'long' },
            { name: 'completed', type: 'boolean' },
          ],
        },
      ],
    },
    {
      name: 'funnelShare',
      type: [
        'null',
        {
          type: 'record',
          name: 'FunnelShare',
          fields: [
            { name: 'submitMs', type: 'long' },
            { name: 'completed', type: 'boolean' },
            { name: 'durationMs', type: ['null', 'long'] },
          ],
        },
      ],
    },
  ],
})
