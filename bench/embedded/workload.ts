/** Answers of a made-up platform: every student answers every question of a test once, tests one by one. */
export const questionsPerTest = 20
const studentsPerTest = 500

export interface AnswerEvent {
  readonly answer_id: string
  readonly student_id: string
  readonly question_id: string
  readonly test_id: string
  readonly session_id: null
  readonly submitted_option: string
  readonly timestamp: number
}

/** The answer of this index; the same for ever, but for its time. */
export function answerAt(index: number, timestampMs: number): AnswerEvent {
  const perTest = questionsPerTest * studentsPerTest
  const test = Math.floor(index / perTest)
  const within = index % perTest
  // All students are under way at once, each a question further on.
  const student = within % studentsPerTest
  const question = Math.floor(within / studentsPerTest)
  return {
    answer_id: `a${index}`,
    student_id: `student-${student}`,
    question_id: `t${test}-q${question}`,
    test_id: `t${test}`,
    session_id: null,
    submitted_option: 'abcd'[(index * 7) % 4] ?? 'a',
    timestamp: timestampMs,
  }
}

export function testsOf(answers: number): number {
  return Math.ceil(answers / (questionsPerTest * studentsPerTest))
}

export function questionsOf(test: number): readonly object[] {
  return Array.from({ length: questionsPerTest }, (_, question) => ({
    question_id: `t${test}-q${question}`,
    test_id: `t${test}`,
    correct_option: 'abcd'[question % 4],
  }))
}
