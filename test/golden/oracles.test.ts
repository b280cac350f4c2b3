/** The oracles against what is known of the real files from elsewhere, and against the rules that are easy to miss. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { ednetEvents } from './ednet-events.ts'
import * as examScores from './oracle-exam-scores.ts'
import * as mcq from './oracle-mcq.ts'

const data = fileURLToPath(new URL('../../../shared/data', import.meta.url))
const needs = (folder: string) =>
  existsSync(`${data}/${folder}`) ? {} : { skip: `the data set ${folder} is not on this machine` }

void test(
  'OULAD gives the published numbers of events, students, exams and the mean',
  needs('oulad'),
  () => {
    const facts = examScores.factsOf(examScores.ouladEvents(`${data}/oulad`))
    const scores = facts.events.map((event) => event.score).filter((score) => score !== null)
    assert.equal(facts.events.length, 173_912)
    assert.equal(facts.events.length - scores.length, 173)
    assert.equal(facts.students.length, 23_369)
    assert.equal(facts.exams.length, 188)
    const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length
    assert.ok(Math.abs(mean - 75.7995729226023) < 1e-9)
    const exam = facts.exam_average_score.find((row) => row.exam_id === 1752)
    assert.equal(exam?.scores_all.length, 359)
    assert.equal(exam.scores_all.filter((score) => score !== null).length, 358)
    assert.ok(Math.abs(exam.average_score! - 70.3072625698) < 1e-9)
    const student = facts.student_average_score.find((row) => row.student_id === '11391')
    assert.equal(student?.average_score, 82)
  },
)

void test(
  'EdNet gives as many rows as its files have questions, pairs and bundles',
  needs('ednet'),
  () => {
    const events = ednetEvents(`${data}/ednet`)
    assert.equal(events.answers.length, 1686)
    assert.equal(events.sessions.length, 1262)
    assert.equal(events.questions.length, 13_169)
    const facts = mcq.factsOf(events)
    assert.equal(facts.question_interaction_fact.length, 1186)
    const answers = facts.question_interaction_fact.reduce((sum, row) => sum + row.answer_count, 0)
    assert.equal(answers, new Set(events.answers.map((answer) => answer.answer_id)).size)
  },
)

const none: mcq.McqEvents = { answers: [], sessions: [], submissions: [], questions: [], tests: [] }

function answer(change: Partial<mcq.Answer>): mcq.Answer {
  return {
    answer_id: '1',
    student_id: 's',
    question_id: 'q',
    test_id: 't',
    session_id: null,
    submitted_option: 'a',
    timestamp: 1000,
    ...change,
  }
}

void test('the final option is that of the greatest time and then id, and none at all is wrong', () => {
  const answers = [
    answer({ answer_id: '9', submitted_option: null, timestamp: 3500 }),
    answer({ answer_id: '10', submitted_option: 'a', timestamp: 3500 }),
    answer({ answer_id: '99', submitted_option: 'a' }),
    answer({ answer_id: '99', submitted_option: 'a' }),
  ]
  const known = { question_id: 'q', test_id: 't', correct_option: 'a', at: 0 }
  assert.deepEqual(
    mcq.factsOf({ ...none, answers, questions: [known] }).question_interaction_fact,
    [
      {
        student_id: 's',
        test_id: 't',
        question_id: 'q',
        first_answer_time: 1000,
        last_answer_time: 3500,
        answer_count: 3,
        final_answer_option: null,
        is_correct: false,
        revisited: true,
        time_spent: 2.5,
        event_time: 3500,
      },
    ],
  )
  const [unknown] = mcq.factsOf({ ...none, answers }).question_interaction_fact
  assert.equal(unknown?.is_correct, null)
})

void test('a student known only from a submission has a summary and counts in the funnel', () => {
  const submissions: mcq.Submission[] = [
    { student_id: 's', test_id: 't', submit_time: 5000, completion_status: 'incomplete' },
    { student_id: 's', test_id: 't', submit_time: 5000, completion_status: 'completed' },
    { student_id: 's', test_id: 't', submit_time: 4000, completion_status: 'incomplete' },
  ]
  const facts = mcq.factsOf({ ...none, submissions })
  assert.deepEqual(facts.test_summary_fact, [
    {
      student_id: 's',
      test_id: 't',
      total_questions: null,
      questions_attempted: 0,
      questions_revisited: 0,
      correct_answers: 0,
      avg_time_per_question: null,
      accuracy_percent: null,
      total_sessions: 0,
      test_start_time: null,
      test_submit_time: 5000,
      completion_status: 'completed',
      time_spent: null,
      event_time: 5000,
    },
  ])
  assert.deepEqual(facts.test_funnel_fact, [
    {
      test_id: 't',
      total_submissions: 1,
      completed_submissions: 1,
      incomplete_submissions: 0,
      completion_rate: 1,
      avg_submit_time: null,
      event_time: 5000,
    },
  ])
})

void test('a summary adds up sessions, answers, questions and the submission', () => {
  const session = { student_id: 's', test_id: 't', expiry_time: null, at: 500 }
  const facts = mcq.factsOf({
    answers: [
      answer({}),
      answer({ answer_id: '2', timestamp: 2500 }),
      answer({ answer_id: '3', question_id: 'r', submitted_option: 'b', timestamp: 3000 }),
    ],
    sessions: [
      { ...session, session_id: 'x', timestamp: null },
      { ...session, session_id: 'y', timestamp: 9000 },
      { ...session, session_id: 'y', timestamp: 2000 },
    ],
    submissions: [
      { student_id: 's', test_id: 't', submit_time: 4500, completion_status: 'completed' },
    ],
    questions: [
      { question_id: 'q', test_id: 't', correct_option: 'b', at: 1 },
      { question_id: 'q', test_id: 't', correct_option: 'a', at: 2 },
      { question_id: 'r', test_id: 't', correct_option: 'a', at: 2 },
      { question_id: 'u', test_id: 't', correct_option: 'a', at: 2 },
    ],
    tests: [{ test_id: 't', total_questions: null, at: 0 }],
  })
  assert.deepEqual(facts.test_summary_fact, [
    {
      student_id: 's',
      test_id: 't',
      total_questions: 3,
      questions_attempted: 2,
      questions_revisited: 1,
      correct_answers: 1,
      avg_time_per_question: 2,
      accuracy_percent: 50,
      total_sessions: 2,
      test_start_time: 500,
      test_submit_time: 4500,
      completion_status: 'completed',
      time_spent: 4,
      event_time: 4500,
    },
  ])
  assert.equal(facts.test_funnel_fact[0]?.avg_submit_time, 4)
})

void test('scores are listed by event time and then id, null included, and averaged without it', () => {
  const score = { exam: 3, studentId: 'foo', event_type: 'score', timestamp: null }
  const facts = examScores.factsOf([
    { ...score, event_id: 'c', score: 0.5, at: 2 },
    { ...score, event_id: 'b', score: null, at: 2 },
    { ...score, event_id: 'd', score: 1, at: 1 },
    { ...score, event_id: 'd', score: 0.25, at: 1 },
    { ...score, event_id: 'e', score: -1, at: 1 },
    { ...score, event_id: '', studentId: 'bar', score: null, at: 7 },
  ])
  assert.deepEqual(facts.student_average_score, [
    { student_id: 'bar', scores_all: [null], average_score: null, event_time: 7 },
    { student_id: 'foo', scores_all: [1, null, 0.5], average_score: 0.75, event_time: 2 },
  ])
  assert.deepEqual(facts.exams, [{ id: 3, exam_identification: 3, event_time: 7 }])
  assert.deepEqual(
    facts.events.map((event) => event.id),
    ['3/bar', 'b', 'c', 'd'],
  )
})
