/** The four questions of the exam-score feed's analysts, over a feed that can be worked out by hand. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { AskedInstance, at } from './asked-instance.ts'

const feed = [
  { event_id: 'e1', studentId: 'bob', exam: 20, score: 0.5, timestamp: at('2024-05-06T10:00:00Z') },
  { event_id: 'e2', studentId: 'ada', exam: 3, score: 0.25, timestamp: at('2024-05-06T12:00:00Z') },
  // A result without a score is listed and not averaged.
  {
    event_id: 'e3',
    studentId: 'ada',
    exam: 20,
    score: null,
    timestamp: at('2024-05-06T11:00:00Z'),
  },
  // Comes after what it happened before.
  { event_id: 'e4', studentId: 'ada', exam: 100, score: 1, timestamp: at('2024-05-06T09:00:00Z') },
  // Corrected: nobody has taken exam 55.
  {
    event_id: 'e5',
    studentId: 'cleo',
    exam: 55,
    score: 0.75,
    timestamp: at('2024-05-07T09:00:00Z'),
  },
  {
    event_id: 'e5',
    studentId: 'cleo',
    exam: 20,
    score: 0.75,
    timestamp: at('2024-05-07T09:00:01Z'),
  },
  // Its only result has no score: taken, and not averaged.
  { event_id: 'e6', studentId: 'dan', exam: 7, score: null, timestamp: at('2024-05-07T10:00:00Z') },
]
/** Refused: who and what it names is in no table. */
const refused = {
  event_id: 'e7',
  studentId: 'eve',
  exam: -1,
  score: 1,
  timestamp: at('2024-05-07T10:00:00Z'),
}

describe('the analysts of the exam-score feed', () => {
  let instance: AskedInstance
  before(async () => {
    instance = await AskedInstance.open(['exam-scores'], at('2024-05-08T00:00:00Z'))
    await instance.tell('exam_score', ...feed, refused)
    // Once more: a repeated event changes no answer.
    await instance.tell('exam_score', ...feed.slice(0, 2))
  })
  after(() => instance.stop())

  test('find each user with a result once, in order', async () => {
    assert.deepEqual(
      await instance.answer('users-with-scores'),
      ['ada', 'bob', 'cleo', 'dan'].map((id) => ({ id, student_identification: id })),
    )
  })

  test('find each exam that was taken once, in order of its number', async () => {
    assert.deepEqual(
      await instance.answer('exams'),
      [3, 7, 20, 100].map((id) => ({ id, exam_identification: id })),
    )
  })

  test('find the results of a student in order of time, and their average', async () => {
    assert.deepEqual(await instance.answer('student-results', { student: 'ada' }), [
      { student_id: 'ada', scores_all: [1, null, 0.25], average_score: 0.625 },
    ])
    assert.deepEqual(await instance.answer('student-results', { student: 'dan' }), [
      { student_id: 'dan', scores_all: [null], average_score: null },
    ])
    assert.deepEqual(await instance.answer('student-results', { student: 'eve' }), [])
  })

  test('find the results of an exam in order of time, and their average', async () => {
    assert.deepEqual(await instance.answer('exam-results', { exam: '20' }), [
      { exam_id: 20, scores_all: [0.5, null, 0.75], average_score: 0.625 },
    ])
    assert.deepEqual(await instance.answer('exam-results', { exam: '100' }), [
      { exam_id: 100, scores_all: [1], average_score: 1 },
    ])
    assert.deepEqual(await instance.answer('exam-results', { exam: '-1' }), [])
  })
})
