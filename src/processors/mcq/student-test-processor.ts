/**
 * Answers, sessions and submissions of a student in a test, joined with questions and tests, become the
 * interaction and summary rows, and what each test's funnel changes by.
 *
 * Owned here: which rows a change touches. Left to `student-test.ts`: how events join the state; to
 * `student-test-rows.ts`: the rows.
 *
 * Invariants:
 *  1. `student-tests` is ordered by test, so everyone who took a test is one range.
 *  2. `stray-answers` has an entry (question, test, student) exactly where the student answered the question in
 *     a test that the question is not known to belong to; so a question's answers are found in the range of
 *     its test and among its strays, wherever reference data arrives late or moves.
 *  3. Rows are forwarded once a batch, in `flush`: the state after the whole batch is what counts.
 */
import { present } from '../../core/assert.ts'
import { encodeTuple } from '../../core/tuple.ts'
import type { KeyValueStore } from '../../state/stores.ts'
import { noHeaders } from '../../core/record.ts'
import type { Prefetch, Processor, ProcessorContext, StreamRecord } from '../processor.ts'
import { answerWarnings } from './answer-warnings.ts'
import type { Answer, Question, Session, Submission, Test } from './events.ts'
import {
  addQuestion,
  emptyQuestion,
  emptyTest,
  isLater,
  removeQuestion,
  totalQuestionsOf,
  type QuestionState,
  type TestState,
} from './reference.ts'
import { FunnelChanges } from './funnel.ts'
import {
  emptyStudentTest,
  findQuestion,
  funnelShareOf,
  joinAnswer,
  joinSession,
  joinSubmission,
  type AnsweredQuestion,
  type StudentTest,
  type StudentTestId,
} from './student-test.ts'
import { paperOf } from './papers.ts'
import { interactionRow, summaryRow } from './student-test-rows.ts'

/** The names by which the topology connects this processor. */
export const studentTestPorts = {
  answers: 'answers',
  sessions: 'sessions',
  submissions: 'submissions',
  questions: 'questions-everywhere',
  tests: 'tests-everywhere',
  interactionFacts: 'question-interaction-facts',
  summaryFacts: 'test-summary-facts',
  funnelChanges: 'funnel-changes',
  papers: 'papers',
} as const

/** How many entries one scan reads at a time. */
const scanEntriesMax = 1000

interface Touched {
  readonly id: StudentTestId
  readonly state: StudentTest
  /** Questions whose interaction rows changed. */
  readonly questionIds: Set<string>
  summaryChanged: boolean
}

export class StudentTestProcessor implements Processor {
  #context!: ProcessorContext
  #studentTests!: KeyValueStore<StudentTestId, StudentTest>
  #questions!: KeyValueStore<readonly [string], QuestionState>
  #tests!: KeyValueStore<readonly [string], TestState>
  #strayAnswers!: KeyValueStore<readonly [string, string, string], Buffer>

  readonly #touched = new Map<string, Touched>()
  /** Questions that changed in this batch, with every test they belonged to meanwhile. */
  readonly #changedQuestions = new Map<string, Set<string>>()
  /** Tests whose number of questions may have changed in this batch. */
  readonly #changedTests = new Set<string>()
  readonly #funnel = new FunnelChanges()

  init(context: ProcessorContext): void {
    this.#context = context
    this.#studentTests = context.store('student-tests')
    this.#questions = context.store('questions')
    this.#tests = context.store('tests')
    this.#strayAnswers = context.store('stray-answers')
  }

  prefetch(record: StreamRecord, parent: string, prefetch: Prefetch): void {
    if (parent === studentTestPorts.questions) {
      prefetch.key('questions', record.key)
      return
    }
    if (parent === studentTestPorts.tests) {
      prefetch.key('tests', record.key)
      return
    }
    const id = record.key as StudentTestId
    prefetch.key('student-tests', id)
    prefetch.key('tests', [id[0]])
    if (parent === studentTestPorts.answers) {
      prefetch.key('questions', [(record.value as Answer).question_id])
    }
  }

  process(record: StreamRecord, parent: string): void {
    if (parent === studentTestPorts.questions) {
      this.#question((record.key as readonly [string])[0], record.value as Question | null, record)
      return
    }
    if (parent === studentTestPorts.tests) {
      this.#test((record.key as readonly [string])[0], record.value as Test | null, record)
      return
    }
    if (record.value === null) {
      this.#context.countDropped('null-value')
      return
    }
    const id = record.key as StudentTestId
    if (parent === studentTestPorts.answers) this.#answer(id, record.value as Answer)
    else if (parent === studentTestPorts.sessions) {
      this.#session(id, record.value as Session, record.timestampMs)
    } else this.#submission(id, record.value as Submission)
  }

  async flush(): Promise<void> {
    await this.#settleReferenceData()
    const knownAtMs = this.#context.wallClockMs
    for (const touched of this.#touched.values()) this.#forwardRows(touched, knownAtMs)
    for (const change of this.#funnel.take()) {
      this.#context.forward(
        {
          key: [change.testId],
          value: change,
          timestampMs: change.eventTimeMs,
          headers: noHeaders,
        },
        studentTestPorts.funnelChanges,
      )
    }
    this.#touched.clear()
    this.#changedQuestions.clear()
    this.#changedTests.clear()
  }

  #answer(id: StudentTestId, answer: Answer): void {
    const touched = this.#touch(id)
    const { state } = touched
    const isNew = findQuestion(state, answer.question_id) === undefined
    const changed = joinAnswer(state, answer)
    if (changed.length === 0) {
      this.#context.countDropped('duplicate')
      return
    }
    for (const questionId of changed) touched.questionIds.add(questionId)
    touched.summaryChanged = true
    if (isNew) this.#meetQuestion(id, state, answer.question_id)
    const question = this.#questions.get([answer.question_id])
    for (const warning of answerWarnings(answer, state, question)) this.#context.quarantine(warning)
    this.#studentTests.put(id, state)
  }

  /** The student's first answer to a question: copy what is known of it, or keep track of the stray. */
  #meetQuestion(id: StudentTestId, state: StudentTest, questionId: string): void {
    const known = this.#questions.get([questionId])
    const answered = present(findQuestion(state, questionId), 'the question just answered')
    answered.correctOption = known?.correctOption ?? null
    this.#keepStray(id, answered, known ?? emptyQuestion())
  }

  #session(id: StudentTestId, session: Session, recordTimestampMs: number): void {
    const touched = this.#touch(id)
    const changed = joinSession(touched.state, session, session.timestamp ?? recordTimestampMs)
    this.#keepIfChanged(touched, changed)
  }

  #submission(id: StudentTestId, submission: Submission): void {
    const touched = this.#touch(id)
    this.#keepIfChanged(touched, joinSubmission(touched.state, submission))
  }

  #keepIfChanged(touched: Touched, changed: boolean): void {
    if (!changed) {
      this.#context.countDropped('duplicate')
      return
    }
    touched.summaryChanged = true
    this.#studentTests.put(touched.id, touched.state)
  }

  #question(questionId: string, value: Question | null, { timestampMs }: StreamRecord): void {
    const question = this.#questions.get([questionId]) ?? emptyQuestion()
    const next = [value?.test_id ?? null, value?.correct_option ?? null] as const
    const kept = [question.testId, question.correctOption]
    if (!isLater(question.timestampMs, kept, timestampMs, next)) {
      this.#context.countDropped('duplicate')
      return
    }
    if (next[0] !== kept[0] || next[1] !== kept[1]) {
      const tests = this.#changedQuestions.get(questionId) ?? new Set()
      if (question.testId !== null) tests.add(question.testId)
      if (next[0] !== null) tests.add(next[0])
      this.#changedQuestions.set(questionId, tests)
    }
    question.testId = next[0]
    question.correctOption = next[1]
    question.timestampMs = timestampMs
    this.#questions.put([questionId], question)
  }

  #test(testId: string, value: Test | null, { timestampMs }: StreamRecord): void {
    const test = this.#tests.get([testId]) ?? emptyTest()
    const declared = value?.total_questions ?? null
    if (!isLater(test.timestampMs, [test.declaredQuestions], timestampMs, [declared])) {
      this.#context.countDropped('duplicate')
      return
    }
    if (test.declaredQuestions !== declared) this.#changedTests.add(testId)
    test.declaredQuestions = declared
    test.timestampMs = timestampMs
    this.#tests.put([testId], test)
  }

  /** The state of a student in a test, made where there is none, and marked for new rows. */
  #touch(id: StudentTestId): Touched {
    const mark = `${id[0].length}:${id[0]}${id[1]}`
    const known = this.#touched.get(mark)
    if (known !== undefined) return known
    let state = this.#studentTests.get(id)
    if (state === undefined) {
      state = emptyStudentTest()
      const test = this.#tests.get([id[0]]) ?? emptyTest()
      test.students += 1
      this.#tests.put([id[0]], test)
    }
    const touched: Touched = { id, state, questionIds: new Set(), summaryChanged: false }
    this.#touched.set(mark, touched)
    return touched
  }

  /** Brings what changed in questions and tests to every student it concerns: one scan a test. */
  async #settleReferenceData(): Promise<void> {
    if (this.#changedQuestions.size === 0 && this.#changedTests.size === 0) return
    const testIds = new Set(this.#changedTests)
    const questionIds: (readonly [string])[] = []
    for (const [questionId, tests] of this.#changedQuestions) {
      questionIds.push([questionId])
      for (const testId of tests) testIds.add(testId)
    }
    await Promise.all([
      this.#questions.load(questionIds),
      this.#tests.load([...testIds].map((testId) => [testId] as const)),
    ])
    const questionsOfTest = this.#moveQuestionsBetweenTests()
    for (const testId of testIds) {
      if ((this.#tests.get([testId])?.students ?? 0) === 0) continue
      await this.#settleTest(testId, questionsOfTest.get(testId) ?? noQuestions)
    }
    for (const [questionId] of questionIds) await this.#settleStrays(questionId)
  }

  /** Keeps each test's list of questions; returns the changed questions by every test they concern. */
  #moveQuestionsBetweenTests(): Map<string, string[]> {
    const questionsOfTest = new Map<string, string[]>()
    for (const [questionId, testIds] of this.#changedQuestions) {
      const belongsTo = this.#questions.get([questionId])?.testId ?? null
      for (const testId of testIds) {
        const test = this.#tests.get([testId]) ?? emptyTest()
        const totalBefore = totalQuestionsOf(test)
        if (testId === belongsTo) addQuestion(test, questionId)
        else removeQuestion(test, questionId)
        if (totalQuestionsOf(test) !== totalBefore) this.#changedTests.add(testId)
        this.#tests.put([testId], test)
        const questions = questionsOfTest.get(testId)
        if (questions === undefined) questionsOfTest.set(testId, [questionId])
        else questions.push(questionId)
      }
    }
    return questionsOfTest
  }

  async #settleTest(testId: string, questionIds: readonly string[]): Promise<void> {
    const prefix = encodeTuple([testId])
    const totalChanged = this.#changedTests.has(testId)
    let from: StudentTestId | undefined
    for (;;) {
      const range = { prefix, entriesMax: scanEntriesMax, ...(from === undefined ? {} : { from }) }
      const entries = await this.#studentTests.range(range)
      for (const { key } of entries) {
        const touched = this.#touch(key)
        if (totalChanged) touched.summaryChanged = true
        for (const questionId of questionIds) this.#settleAnswer(touched, questionId)
      }
      const last = entries.at(-1)
      if (last === undefined || entries.length < scanEntriesMax) return
      from = [last.key[0], `${last.key[1]}\0`]
    }
  }

  async #settleStrays(questionId: string): Promise<void> {
    const question = present(this.#questions.get([questionId]), 'a question that changed')
    if (question.strayAnswers === 0) return
    const prefix = encodeTuple([questionId])
    let from: readonly [string, string, string] | undefined
    for (;;) {
      const range = { prefix, entriesMax: scanEntriesMax, ...(from === undefined ? {} : { from }) }
      const entries = await this.#strayAnswers.range(range)
      const ids = entries.map(({ key }) => [key[1], key[2]] as const)
      await this.#studentTests.load(ids)
      await this.#tests.load(ids.map(([testId]) => [testId] as const))
      for (const id of ids) this.#settleAnswer(this.#touch(id), questionId)
      const last = entries.at(-1)
      if (last === undefined || entries.length < scanEntriesMax) return
      from = [last.key[0], last.key[1], `${last.key[2]}\0`]
    }
  }

  /** Copies a question's present state to one student's answers to it, and keeps invariant 2. */
  #settleAnswer(touched: Touched, questionId: string): void {
    const answered = findQuestion(touched.state, questionId)
    if (answered === undefined) return
    const question = present(this.#questions.get([questionId]), 'a question that changed')
    if (answered.correctOption !== question.correctOption) {
      answered.correctOption = question.correctOption
      touched.questionIds.add(questionId)
      touched.summaryChanged = true
    }
    if (this.#keepStray(touched.id, answered, question)) touched.summaryChanged = true
    this.#studentTests.put(touched.id, touched.state)
  }

  /** True where it has become a stray, or is none any more. */
  #keepStray(id: StudentTestId, answered: AnsweredQuestion, question: QuestionState): boolean {
    const [testId, studentId] = id
    const isStray = question.testId !== testId
    if (answered.isStray === isStray) return false
    answered.isStray = isStray
    const key = [answered.questionId, testId, studentId] as const
    if (isStray) this.#strayAnswers.put(key, noBytes)
    else this.#strayAnswers.delete(key)
    question.strayAnswers += isStray ? 1 : -1
    this.#questions.put([answered.questionId], question)
    return true
  }

  #forwardRows(touched: Touched, knownAtMs: number): void {
    const { id, state, questionIds } = touched
    const [testId, studentId] = id
    for (const questionId of questionIds) {
      const answered = present(findQuestion(state, questionId), 'a question with a changed row')
      const row =
        answered.answers.length === 0
          ? null
          : interactionRow({ studentId, testId }, answered, knownAtMs)
      this.#context.forward(
        {
          key: [studentId, testId, questionId],
          value: row,
          timestampMs: row?.event_time ?? knownAtMs,
          headers: noHeaders,
        },
        studentTestPorts.interactionFacts,
      )
    }
    if (!touched.summaryChanged) return
    const total = totalQuestionsOf(this.#tests.get([testId]))
    const row = summaryRow({ studentId, testId }, state, total, knownAtMs)
    const record = { timestampMs: row.event_time, headers: noHeaders }
    this.#context.forward(
      { ...record, key: [studentId, testId], value: row },
      studentTestPorts.summaryFacts,
    )
    this.#context.forward({ ...record, key: id, value: paperOf(state) }, studentTestPorts.papers)
    this.#changeFunnel(touched)
  }

  #changeFunnel({ id, state }: Touched): void {
    const share = funnelShareOf(state)
    if (!this.#funnel.add(id[0], state.funnelShare, share)) return
    state.funnelShare = share
    this.#studentTests.put(id, state)
  }
}

const noBytes = Buffer.alloc(0)
const noQuestions: readonly string[] = []
