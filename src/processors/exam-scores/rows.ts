/** The fact rows of the exam-score feed. */
import { present } from '../../core/assert.ts'
import type * as facts from '../../facts/exam-scores.ts'
import type { RowContext } from '../fact-rows.ts'
import type { EventTypeSeen } from './event-types.ts'
import { meanOf, type ScoreList } from './score-list.ts'
import type { Score } from './score.ts'

type OfText = RowContext<readonly [string]>
type OfNumber = RowContext<readonly [number]>

export const rowsOf = {
  event: (score: Score, { knownAtMs }: OfText): facts.EventFact => ({
    id: score.eventId,
    event_type_id: score.eventType,
    student_id: score.studentId,
    exam_id: score.exam,
    score: score.score,
    event_time: score.eventTimeMs,
    known_at: knownAtMs,
  }),

  eventType: (seen: EventTypeSeen, { knownAtMs }: OfText): facts.EventTypeDimension => ({
    id: seen.eventType,
    event_type: seen.eventType,
    event_time: seen.eventTimeMs,
    known_at: knownAtMs,
  }),

  student: (list: ScoreList, { key: [id], knownAtMs }: OfText): facts.StudentDimension => ({
    id,
    student_identification: id,
    event_time: lastMsOf(list),
    known_at: knownAtMs,
  }),

  studentAverage: (
    list: ScoreList,
    { key: [id], knownAtMs }: OfText,
  ): facts.StudentAverageScore => ({ student_id: id, ...averageOf(list, knownAtMs) }),

  exam: (list: ScoreList, { key: [id], knownAtMs }: OfNumber): facts.ExamDimension => ({
    id,
    exam_identification: id,
    event_time: lastMsOf(list),
    known_at: knownAtMs,
  }),

  examAverage: (list: ScoreList, { key: [id], knownAtMs }: OfNumber): facts.ExamAverageScore => ({
    exam_id: id,
    ...averageOf(list, knownAtMs),
  }),
}

function averageOf(list: ScoreList, knownAtMs: number) {
  return {
    scores_all: list.scores.map(({ score }) => score),
    average_score: meanOf(list),
    event_time: lastMsOf(list),
    known_at: knownAtMs,
  }
}

/** The list is in order of time. */
function lastMsOf({ scores }: ScoreList): number {
  return present(scores.at(-1), 'the last score of a list').eventTimeMs
}
