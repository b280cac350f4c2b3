/**
 * Reference data as one task keeps it. Of two versions of a question or test the later stays, by event time
 * and then by content, so that any order gives the same (law 1).
 */
import { avroSerde } from '../../schema/avro-serde.ts'

export interface QuestionState {
  /** Null before the first event of the question, and after it was deleted. */
  testId: string | null
  correctOption: string | null
  /** Event time of the version that is kept; null before the first. */
  timestampMs: number | null
  /** Students of this task who answered it in a test that it does not (yet) belong to: entries of the
   * `stray-answers` store. */
  strayAnswers: number
}

export interface TestState {
  declaredQuestions: number | null
  timestampMs: number | null
  /** Known questions of the test, sorted. */
  questionIds: string[]
  /** Students of this task who have any event in the test; a scan is only worth it where there are some. */
  students: number
}

export function emptyQuestion(): QuestionState {
  return { testId: null, correctOption: null, timestampMs: null, strayAnswers: 0 }
}

export function emptyTest(): TestState {
  return { declaredQuestions: null, timestampMs: null, questionIds: [], students: 0 }
}

/** As the test says, or else the number of its known questions; null where there are none. */
export function totalQuestionsOf(test: TestState | undefined): number | null {
  if (test === undefined) return null
  return test.declaredQuestions ?? (test.questionIds.length > 0 ? test.questionIds.length : null)
}

export function addQuestion(test: TestState, questionId: string): void {
  if (test.questionIds.includes(questionId)) return
  test.questionIds.push(questionId)
  test.questionIds.sort()
}

export function removeQuestion(test: TestState, questionId: string): void {
  const index = test.questionIds.indexOf(questionId)
  if (index !== -1) test.questionIds.splice(index, 1)
}

/** True where the version (time, then content) is later than the one that is kept. */
export function isLater(
  keptMs: number | null,
  keptContent: readonly unknown[],
  nextMs: number,
  nextContent: readonly unknown[],
): boolean {
  if (keptMs === null || nextMs > keptMs) return true
  return nextMs === keptMs && JSON.stringify(nextContent) > JSON.stringify(keptContent)
}

export const questionSerde = avroSerde<QuestionState>('store questions', 1, {
  type: 'record',
  name: 'QuestionState',
  fields: [
    { name: 'testId', type: ['null', 'string'] },
    { name: 'correctOption', type: ['null', 'string'] },
    { name: 'timestampMs', type: ['null', 'long'] },
    { name: 'strayAnswers', type: 'int' },
  ],
})

export const testSerde = avroSerde<TestState>('store tests', 1, {
  type: 'record',
  name: 'TestState',
  fields: [
    { name: 'declaredQuestions', type: ['null', 'int'] },
    { name: 'timestampMs', type: ['null', 'long'] },
    { name: 'questionIds', type: { type: 'array', items: 'string' } },
    { name: 'students', type: 'int' },
  ],
})
