/**
 * The facts of the multiple-choice platform, computed a second time: everything in memory, one loop a rule. The rules
 * are README.md's beside this file. Imports nothing from the product.
 *
 *   node test/golden/oracle-mcq.ts EDNET_DIRECTORY
 */
import { ednetEvents } from './ednet-events.ts'

export interface Answer {
  answer_id: string
  student_id: string
  question_id: string
  test_id: string
  session_id: string | null
  submitted_option: string | null
  timestamp: number
}

/** `at` is the record's time, where an event has none of its own. */
export interface Session {
  session_id: string
  student_id: string
  test_id: string
  expiry_time: number | null
  timestamp: number | null
  at: number
}

export interface Submission {
  student_id: string
  test_id: string
  submit_time: number
  completion_status: 'completed' | 'incomplete'
}

export interface Question {
  question_id: string
  test_id: string
  correct_option: string | null
  at: number
}

export interface Test {
  test_id: string
  total_questions: number | null
  at: number
}

export interface McqEvents {
  answers: Answer[]
  sessions: Session[]
  submissions: Submission[]
  questions: Question[]
  tests: Test[]
}

export interface InteractionRow {
  student_id: string
  test_id: string
  question_id: string
  first_answer_time: number
  last_answer_time: number
  answer_count: number
  final_answer_option: string | null
  is_correct: boolean | null
  revisited: boolean
  time_spent: number
  event_time: number
}

export interface SummaryRow {
  student_id: string
  test_id: string
  total_questions: number | null
  questions_attempted: number
  questions_revisited: number
  correct_answers: number
  avg_time_per_question: number | null
  accuracy_percent: number | null
  total_sessions: number
  test_start_time: number | null
  test_submit_time: number | null
  completion_status: string | null
  time_spent: number | null
  event_time: number
}

export interface FunnelRow {
  test_id: string
  total_submissions: number
  completed_submissions: number
  incomplete_submissions: number
  completion_rate: number
  avg_submit_time: number | null
  event_time: number
}

export interface McqFacts {
  question_interaction_fact: InteractionRow[]
  test_summary_fact: SummaryRow[]
  test_funnel_fact: FunnelRow[]
}

/** Rows in the order of their keys. */
export function factsOf(events: McqEvents): McqFacts {
  const counting = eventsThatCount(events)
  const interactions = interactionRows(counting)
  const summaries = summaryRows(counting, interactions)
  return {
    question_interaction_fact: interactions,
    test_summary_fact: summaries,
    test_funnel_fact: funnelRows(summaries),
  }
}

/** The test that each question belongs to. */
export function testsOfQuestions(events: McqEvents): ReadonlyMap<string, string> {
  const { questions } = eventsThatCount(events)
  return new Map(questions.map(({ question_id, test_id }) => [question_id, test_id]))
}

/** Rules 1 to 5: one version of each event. */
function eventsThatCount({ answers, sessions, submissions, questions, tests }: McqEvents) {
  return {
    answers: greatestOfEach(
      answers,
      (answer) => [answer.student_id, answer.test_id, answer.answer_id],
      (answer) => [answer.timestamp, JSON.stringify([answer.question_id, answer.submitted_option])],
    ),
    sessions: greatestOfEach(
      sessions.map((session) => ({ ...session, start: session.timestamp ?? session.at })),
      (session) => [session.student_id, session.test_id, session.session_id],
      (session) => [-session.start],
    ),
    submissions: greatestOfEach(
      submissions,
      (submission) => [submission.student_id, submission.test_id],
      (submission) => [
        submission.submit_time,
        Number(submission.completion_status === 'completed'),
      ],
    ),
    questions: greatestOfEach(
      questions,
      (question) => [question.question_id],
      (question) => [question.at, JSON.stringify([question.test_id, question.correct_option])],
    ),
    tests: greatestOfEach(
      tests,
      (test) => [test.test_id],
      (test) => [test.at, JSON.stringify([test.total_questions])],
    ),
  }
}

type Counting = ReturnType<typeof eventsThatCount>

function interactionRows({ answers, questions }: Counting): InteractionRow[] {
  const correct = new Map(questions.map((known) => [known.question_id, known.correct_option]))
  const answered = groupBy(answers, (answer) => [
    answer.student_id,
    answer.test_id,
    answer.question_id,
  ])
  const rows = answered.map((group) => {
    group.sort((a, b) => compare([a.timestamp, a.answer_id], [b.timestamp, b.answer_id]))
    const first = group[0]!
    const final = group.at(-1)!
    const correctOption = correct.get(final.question_id) ?? null
    return {
      student_id: final.student_id,
      test_id: final.test_id,
      question_id: final.question_id,
      first_answer_time: first.timestamp,
      last_answer_time: final.timestamp,
      answer_count: group.length,
      final_answer_option: final.submitted_option,
      is_correct: correctOption === null ? null : final.submitted_option === correctOption,
      revisited: group.length > 1,
      time_spent: (final.timestamp - first.timestamp) / 1000,
      event_time: final.timestamp,
    }
  })
  return inOrder(rows, (row) => [row.student_id, row.test_id, row.question_id])
}

function summaryRows(counting: Counting, interactions: InteractionRow[]): SummaryRow[] {
  const { answers, sessions, submissions } = counting
  const pairOf = (event: { student_id: string; test_id: string }) => [
    event.student_id,
    event.test_id,
  ]
  const pairs = greatestOfEach([...answers, ...sessions, ...submissions], pairOf, () => [0])
  const interactionsOf = lookup(interactions, pairOf)
  const sessionsOf = lookup(sessions, pairOf)
  const submissionsOf = lookup(submissions, pairOf)
  const totalOf = totalQuestions(counting)

  const rows = pairs.map(({ student_id, test_id }) => {
    const pair = [student_id, test_id]
    const questions = interactionsOf(pair)
    const starts = sessionsOf(pair).map(({ start }) => start)
    const submission = submissionsOf(pair)[0]
    const firstAnswers = questions.map((question) => question.first_answer_time)
    const lastAnswers = questions.map((question) => question.last_answer_time)
    const startTime = least([...starts, ...firstAnswers])
    const submitTime = submission?.submit_time ?? null
    const endTime = submitTime ?? greatest(lastAnswers)
    const spent = startTime === null || endTime === null ? null : (endTime - startTime) / 1000
    const attempted = questions.length
    const correct = questions.filter((question) => question.is_correct === true).length
    return {
      student_id,
      test_id,
      total_questions: totalOf(test_id),
      questions_attempted: attempted,
      questions_revisited: questions.filter((question) => question.revisited).length,
      correct_answers: correct,
      avg_time_per_question: spent === null || attempted === 0 ? null : spent / attempted,
      accuracy_percent: attempted === 0 ? null : (100 * correct) / attempted,
      total_sessions: starts.length,
      test_start_time: startTime,
      test_submit_time: submitTime,
      completion_status: submission?.completion_status ?? null,
      time_spent: spent,
      event_time: greatest([
        ...starts,
        ...lastAnswers,
        ...(submission ? [submission.submit_time] : []),
      ])!,
    }
  })
  return inOrder(rows, pairOf)
}

function totalQuestions({ tests, questions }: Counting): (test_id: string) => number | null {
  const declared = new Map(tests.map((test) => [test.test_id, test.total_questions]))
  const knownOf = lookup(questions, (question) => [question.test_id])
  return (test_id) => {
    const known = knownOf([test_id]).length
    return declared.get(test_id) ?? (known === 0 ? null : known)
  }
}

function funnelRows(summaries: SummaryRow[]): FunnelRow[] {
  const submitted = summaries.filter((summary) => summary.test_submit_time !== null)
  const rows = groupBy(submitted, (summary) => [summary.test_id]).map((group) => {
    const completed = group.filter((summary) => summary.completion_status === 'completed')
    const timed = completed.filter((summary) => summary.test_start_time !== null)
    let durationMs = 0
    for (const summary of timed) durationMs += summary.test_submit_time! - summary.test_start_time!
    return {
      test_id: group[0]!.test_id,
      total_submissions: group.length,
      completed_submissions: completed.length,
      incomplete_submissions: group.length - completed.length,
      completion_rate: completed.length / group.length,
      avg_submit_time: timed.length === 0 ? null : durationMs / timed.length / 1000,
      event_time: greatest(group.map((summary) => summary.test_submit_time!))!,
    }
  })
  return inOrder(rows, (row) => [row.test_id])
}

type Key = readonly (string | number)[]

function compare(a: Key, b: Key): number {
  for (const [index, part] of a.entries()) {
    if (part < b[index]!) return -1
    if (part > b[index]!) return 1
  }
  return 0
}

function inOrder<T>(rows: T[], keyOf: (row: T) => Key): T[] {
  return rows.sort((a, b) => compare(keyOf(a), keyOf(b)))
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => Key): T[][] {
  return [...Map.groupBy(items, (item) => JSON.stringify(keyOf(item))).values()]
}

function greatestOfEach<T>(
  items: readonly T[],
  keyOf: (item: T) => Key,
  rankOf: (item: T) => Key,
): T[] {
  return groupBy(items, keyOf).map((versions) =>
    versions.reduce((kept, next) => (compare(rankOf(next), rankOf(kept)) > 0 ? next : kept)),
  )
}

function lookup<T>(items: readonly T[], keyOf: (item: T) => Key): (key: Key) => readonly T[] {
  const groups = Map.groupBy(items, (item) => JSON.stringify(keyOf(item)))
  return (key) => groups.get(JSON.stringify(key)) ?? []
}

function least(values: number[]): number | null {
  return values.length === 0 ? null : Math.min(...values)
}

function greatest(values: number[]): number | null {
  return values.length === 0 ? null : Math.max(...values)
}

if (import.meta.main) {
  const facts = factsOf(ednetEvents(process.argv[2] ?? '../shared/data/ednet'))
  for (const [table, rows] of Object.entries<readonly object[]>({ ...facts })) {
    console.log(`\n${table}: ${rows.length} rows, the first`)
    console.table(rows.slice(0, 10))
  }
}
