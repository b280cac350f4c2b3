/** From the state of one student in one test to its fact rows: pure functions, seconds from milliseconds. */
import type { QuestionInteractionFact, TestSummaryFact } from '../../facts/mcq.ts'
import { assert } from '../../core/assert.ts'
import {
  startMsOf,
  type AnsweredQuestion,
  type AnswerState,
  type StudentTest,
} from './student-test.ts'

export interface StudentTestKey {
  readonly studentId: string
  readonly testId: string
}

export function interactionRow(
  { studentId, testId }: StudentTestKey,
  question: AnsweredQuestion,
  knownAtMs: number,
): QuestionInteractionFact {
  const { firstMs, final } = span(question.answers)
  const answerCount = question.answers.length
  return {
    student_id: studentId,
    test_id: testId,
    question_id: question.questionId,
    first_answer_time: firstMs,
    last_answer_time: final.timestampMs,
    answer_count: answerCount,
    final_answer_option: final.option,
    is_correct: question.correctOption === null ? null : final.option === question.correctOption,
    revisited: answerCount > 1,
    time_spent: (final.timestampMs - firstMs) / 1000,
    event_time: final.timestampMs,
    known_at: knownAtMs,
  }
}

export function summaryRow(
  { studentId, testId }: StudentTestKey,
  state: StudentTest,
  totalQuestions: number | null,
  knownAtMs: number,
): TestSummaryFact {
  let attempted = 0
  let revisited = 0
  let correct = 0
  let lastAnswerMs: number | null = null
  for (const question of state.questions) {
    if (question.answers.length === 0) continue
    const { final } = span(question.answers)
    attempted += 1
    if (question.answers.length > 1) revisited += 1
    if (question.correctOption !== null && final.option === question.correctOption) correct += 1
    lastAnswerMs = Math.max(lastAnswerMs ?? final.timestampMs, final.timestampMs)
  }
  const startMs = startMsOf(state)
  const submitMs = state.submission?.submitMs ?? null
  const endMs = submitMs ?? lastAnswerMs
  const timeSpent = startMs === null || endMs === null ? null : (endMs - startMs) / 1000
  return {
    student_id: studentId,
    test_id: testId,
    total_questions: totalQuestions,
    questions_attempted: attempted,
    questions_revisited: revisited,
    correct_answers: correct,
    avg_time_per_question: timeSpent === null || attempted === 0 ? null : timeSpent / attempted,
    accuracy_percent: attempted === 0 ? null : (100 * correct) / attempted,
    total_sessions: state.sessions.length,
    test_start_time: startMs,
    test_submit_time: submitMs,
    completion_status: statusOf(state),
    time_spent: timeSpent,
    event_time: lastEventMs(state, lastAnswerMs),
    known_at: knownAtMs,
  }
}

function statusOf({ submission }: StudentTest): string | null {
  if (submission === null) return null
  return submission.completed ? 'completed' : 'incomplete'
}

function lastEventMs(state: StudentTest, lastAnswerMs: number | null): number {
  let lastMs = Math.max(lastAnswerMs ?? -Infinity, state.submission?.submitMs ?? -Infinity)
  for (const session of state.sessions) lastMs = Math.max(lastMs, session.startMs)
  assert(lastMs !== -Infinity, 'a student and test have at least one event')
  return lastMs
}

/** The first time, and the answer that counts. */
function span(answers: readonly AnswerState[]): { firstMs: number; final: AnswerState } {
  const final = finalAnswer(answers)
  let firstMs = final.timestampMs
  for (const answer of answers) firstMs = Math.min(firstMs, answer.timestampMs)
  return { firstMs, final }
}

/** The one with the greatest (timestamp, answer id). @param answers at least one */
export function finalAnswer(answers: readonly AnswerState[]): AnswerState {
  let final = answers[0]
  assert(final !== undefined, 'a question that was answered has an answer')
  for (const answer of answers) {
    const laterMs = answer.timestampMs - final.timestampMs
    if (laterMs > 0 || (laterMs === 0 && answer.answerId > final.answerId)) final = answer
  }
  return final
}
