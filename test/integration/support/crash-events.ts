/**
 * What the crash tests import: EdNet's answers where that data set is on the machine, a platform of our own making
 * beside it, and exam scores; some thousand events with conflicts among them. The same seed gives the same events.
 */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ednetEvents } from '../../golden/ednet-events.ts'
import { Random } from './random.ts'

export interface CrashEvent {
  readonly topic: string
  readonly value: Readonly<Record<string, unknown>>
  /** Of the record, milliseconds since the epoch. */
  readonly timestampMs: number
}

const ednet = fileURLToPath(new URL('../../../../shared/data/ednet', import.meta.url))
const baseMs = 1_700_000_000_000
const testCount = 12
const questionsPerTest = 8
const options = ['a', 'b', 'c', 'd'] as const

export interface CrashEventsOptions {
  /** Of our own platform. Default 60. */
  readonly studentCount?: number
  /** Default 1,500. */
  readonly examScoreCount?: number
  /** EdNet's too, where it is on the machine: some thousand more. Default true. */
  readonly withEdnet?: boolean
}

/** In an order of its own: reference data lies between the events that need it. */
export function crashEvents(
  seed: number,
  { studentCount = 60, examScoreCount = 1500, withEdnet = true }: CrashEventsOptions = {},
): readonly CrashEvent[] {
  const random = new Random(seed)
  return random.shuffled([
    ...references(random, studentCount),
    ...attempts(random, studentCount),
    ...examScores(random, studentCount, examScoreCount),
    ...(withEdnet ? fromEdnet() : []),
  ])
}

function* references(random: Random, studentCount: number): Generator<CrashEvent> {
  for (let student = 0; student < studentCount; student++) {
    const names = { student_name: `Student ${student}`, email: null, created_at: baseMs - student }
    yield { topic: 'students', value: { student_id: `s${student}`, ...names }, timestampMs: baseMs }
  }
  for (let teacher = 0; teacher < 3; teacher++) {
    const value = { teacher_id: `teacher${teacher}`, teacher_name: null, email: null }
    const timestampMs = baseMs + teacher
    yield { topic: 'teachers', value: { ...value, department: 'physics' }, timestampMs }
  }
  for (let test = 0; test < testCount; test++) {
    const total_questions = random.chance(0.5) ? questionsPerTest : null
    const value = { test_id: `t${test}`, teacher_id: `teacher${test % 3}`, test_name: null }
    const timestampMs = baseMs + test
    yield { topic: 'tests', value: { ...value, created_at: null, total_questions }, timestampMs }
    for (let question = 0; question < questionsPerTest; question++) {
      // The first version is wrong, the second right.
      for (const [version, correct_option] of ['a', random.pick(options)].entries()) {
        const ids = { question_id: `t${test}q${question}`, test_id: `t${test}` }
        const value = { ...ids, correct_option, question_text: `Question ${question}` }
        yield { topic: 'questions', value, timestampMs: baseMs + version * 1000 }
      }
    }
  }
}

function* attempts(random: Random, studentCount: number): Generator<CrashEvent> {
  let answers = 0
  for (let student = 0; student < studentCount; student++) {
    for (let test = 0; test < testCount; test++) {
      if (random.chance(0.6)) continue
      const ids = { student_id: `s${student}`, test_id: `t${test}` }
      const startMs = baseMs + random.between(0, 100_000_000)
      const session_id = `${ids.student_id}-${ids.test_id}`
      const expiry_time = startMs + 60_000
      const session = { session_id, ...ids, expiry_time, timestamp: startMs }
      yield { topic: 'sessions', value: session, timestampMs: startMs }
      let timestamp = startMs
      for (let question = 0; question < questionsPerTest; question++) {
        for (let visit = 0; visit < 1 + Number(random.chance(0.3)); visit++) {
          timestamp += random.between(1, 20_000)
          const value = {
            answer_id: `answer${answers++}`,
            ...ids,
            question_id: `t${test}q${question}`,
            session_id,
            submitted_option: random.chance(0.1) ? null : random.pick(options),
            timestamp,
          }
          yield { topic: 'answers', value, timestampMs: timestamp }
        }
      }
      for (let submission = 0; submission < random.between(0, 2); submission++) {
        timestamp += random.between(1, 5000)
        const completion_status = random.chance(0.8) ? 'completed' : 'incomplete'
        const value = { ...ids, submit_time: timestamp, completion_status }
        yield { topic: 'submissions', value, timestampMs: timestamp }
      }
    }
  }
}

function* examScores(
  random: Random,
  studentCount: number,
  examScoreCount: number,
): Generator<CrashEvent> {
  for (let event = 0; event < examScoreCount; event++) {
    const timestamp = baseMs + event * 997
    const score = random.chance(0.05) ? null : random.between(0, 1000) / 1000
    const value = {
      // One that fails a check now and then.
      exam: random.chance(0.02) ? -1 - random.between(0, 3) : random.between(1, 20),
      studentId: `s${random.between(0, studentCount)}`,
      score,
      event_id: random.chance(0.5) ? `event${event}` : null,
      timestamp,
      event_type: random.chance(0.9) ? 'score' : 'rescored',
    }
    yield { topic: 'exam_score', value, timestampMs: timestamp }
  }
}

/** The questions that were answered stand for all; the others would only be dimension rows. */
function* fromEdnet(): Generator<CrashEvent> {
  if (!existsSync(ednet)) return
  const { answers, sessions, submissions, questions } = ednetEvents(ednet)
  const answered = new Set(answers.map((answer) => answer.question_id))
  for (const value of answers)
    yield { topic: 'answers', value: { ...value }, timestampMs: value.timestamp }
  for (const { at, ...value } of sessions) yield { topic: 'sessions', value, timestampMs: at }
  for (const value of submissions) {
    yield { topic: 'submissions', value: { ...value }, timestampMs: value.submit_time }
  }
  for (const { at, ...value } of questions) {
    if (answered.has(value.question_id)) yield { topic: 'questions', value, timestampMs: at }
  }
}
