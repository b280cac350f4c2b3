/** A result of one student in one exam, as the topology keeps it. */
import { avroSerde } from '../../schema/avro-serde.ts'

/** The event as decoded from Avro (`schemas/avro/exam_score.avsc`). */
export interface ExamScore {
  readonly exam: number
  readonly studentId: string
  readonly score: number | null
  readonly event_id: string | null
  readonly timestamp: number | null
  readonly event_type: string
}

export interface Score {
  readonly eventId: string
  readonly eventType: string
  readonly studentId: string
  readonly exam: number
  readonly score: number | null
  readonly eventTimeMs: number
}

/** The identity of an event: the one it brings, or else one result per exam and student. Null where the
 * student is unknown too. */
export function eventIdOf(event: ExamScore): string | null {
  if (event.event_id !== null && event.event_id !== '') return event.event_id
  return event.studentId === '' ? null : `${event.exam}/${event.studentId}`
}

/** Of two versions of an event the one that stays: the later, and at the same time the greater by content. */
export function laterScore(a: Score, b: Score): Score {
  if (a.eventTimeMs !== b.eventTimeMs) return a.eventTimeMs > b.eventTimeMs ? a : b
  return contentOf(a) >= contentOf(b) ? a : b
}

function contentOf({ eventType, studentId, exam, score }: Score): string {
  return JSON.stringify([eventType, studentId, exam, score])
}

export const scoreSerde = avroSerde<Score>('exam scores', 1, {
  type: 'record',
  name: 'Score',
  fields: [
    { name: 'eventId', type: 'string' },
    { name: 'eventType', type: 'string' },
    { name: 'studentId', type: 'string' },
    { name: 'exam', type: 'long' },
    { name: 'score', type: ['null', 'double'] },
    { name: 'eventTimeMs', type: 'long' },
  ],
})
