/**
 * EdNet's answers as attempts: user = student, item = question, topic = `part-N` of the question, correct by the key,
 * session = the bundle's open one, and sessions from entering a bundle to submitting or quitting it. The time taken is
 * that since the bundle was entered, or since the answer before it in the bundle.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { ednetEvents } from './ednet-events.ts'
import type { AttemptEvent } from './oracle-adaptive-features.ts'
import type { AdaptiveEvents, SessionEvent } from './oracle-adaptive-learning.ts'

export function ednetAttempts(directory: string): AdaptiveEvents {
  const { answers, sessions, submissions, questions } = ednetEvents(directory)
  const partOf = parts(directory)
  const correctOf = new Map(questions.map((known) => [known.question_id, known.correct_option]))
  const attempts = answers.map((answer): AttemptEvent => {
    const session = sessions.find(({ session_id }) => session_id === answer.session_id)
    const before = answers
      .filter(
        ({ student_id, test_id, timestamp }) =>
          student_id === answer.student_id &&
          test_id === answer.test_id &&
          timestamp < answer.timestamp,
      )
      .map(({ timestamp }) => timestamp)
    const fromMs = Math.max(session?.timestamp ?? -Infinity, ...before)
    return {
      attempt_id: answer.answer_id,
      user_id: answer.student_id,
      item_id: answer.question_id,
      session_id: answer.session_id,
      topic: partOf.get(answer.question_id) ?? 'general',
      correct: answer.submitted_option === correctOf.get(answer.question_id),
      answered: answer.submitted_option !== null,
      time_taken_ms: fromMs === -Infinity ? 0 : answer.timestamp - fromMs,
      quality: null,
      timestamp: answer.timestamp,
      item_difficulty: null,
      sm2_easiness_factor_before: null,
      sm2_interval_before: null,
      bkt_prob_knowledge_before: null,
      irt_ability_before: null,
      at: answer.timestamp,
    }
  })
  const ended = sessions.map((session): SessionEvent => {
    const own = attempts.filter(({ session_id }) => session_id === session.session_id)
    const start_time = session.timestamp ?? session.at
    const ends = submissions
      .filter(
        ({ student_id, test_id, submit_time }) =>
          student_id === session.student_id &&
          test_id === session.test_id &&
          submit_time >= start_time,
      )
      .map(({ submit_time }) => submit_time)
    return {
      session_id: session.session_id,
      user_id: session.student_id,
      start_time,
      end_time: ends.length === 0 ? null : Math.min(...ends),
      items_attempted: own.length,
      correct_count: own.filter(({ correct }) => correct).length,
      accuracy: null,
      topics: own.map(({ topic }) => topic),
      session_type: 'practice',
      at: ends.length === 0 ? start_time : Math.min(...ends),
    }
  })
  return { attempts, sessions: ended, training: [] }
}

function parts(directory: string): Map<string, string> {
  const text = gunzipSync(readFileSync(join(directory, 'questions.csv.gz'))).toString('utf8')
  const [header = '', ...lines] = text.split(/\r?\n/).filter((line) => line !== '')
  const column = header.split(',').indexOf('part')
  return new Map(
    lines.map((line) => {
      const cells = line.split(',')
      return [cells[0] ?? '', `part-${cells[column]}`]
    }),
  )
}
