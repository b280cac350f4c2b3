/** What is told of an answer that counts all the same. It goes by what is known when the answer comes; the checks of the
 * tables (`src/jobs/quality/expectations/mcq.ts`) tell the rest. */
import type { QuarantineReason } from '../processor.ts'
import type { Answer } from './events.ts'
import type { QuestionState } from './reference.ts'
import type { StudentTest } from './student-test.ts'

export function answerWarnings(
  answer: Answer,
  state: StudentTest,
  question: QuestionState | undefined,
): QuarantineReason[] {
  const warnings: QuarantineReason[] = []
  const session = state.sessions.find((known) => known.sessionId === answer.session_id)
  const expiryMs = session?.expiryMs ?? null
  if (expiryMs !== null && answer.timestamp > expiryMs) {
    warnings.push({
      check: 'answer_within_session',
      level: 'Warning',
      reason: `answer ${answer.answer_id} came ${answer.timestamp - expiryMs} ms after its session's end`,
    })
  }
  const belongsTo = question?.testId ?? null
  if (belongsTo !== null && belongsTo !== answer.test_id) {
    warnings.push({
      check: 'question_of_its_test',
      level: 'Warning',
      reason: `answer ${answer.answer_id} in test ${answer.test_id} is to a question of test ${belongsTo}`,
    })
  }
  return warnings
}
