/**
 * The facts of the exam-score feed, computed a second time: everything in memory, one loop a rule. The rules are
 * README.md's beside this file. Imports nothing from the product.
 *
 *   node test/golden/oracle-exam-scores.ts OULAD_DIRECTORY
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

/** `at` is the record's time, where an event has none of its own. */
export interface ScoreEvent {
  exam: number
  studentId: string
  score: number | null
  event_id: string | null
  timestamp: number | null
  event_type: string
  at: number
}

export interface EventRow {
  id: string
  event_type_id: string
  student_id: string
  exam_id: number
  score: number | null
  event_time: number
}

export interface AverageRow {
  scores_all: (number | null)[]
  average_score: number | null
  event_time: number
}

export interface ExamScoreFacts {
  events: EventRow[]
  event_type: { id: string; event_type: string; event_time: number }[]
  students: { id: string; student_identification: string; event_time: number }[]
  exams: { id: number; exam_identification: number; event_time: number }[]
  student_average_score: ({ student_id: string } & AverageRow)[]
  exam_average_score: ({ exam_id: number } & AverageRow)[]
}

/** Rows in the order of their keys. */
export function factsOf(scoreEvents: readonly ScoreEvent[]): ExamScoreFacts {
  const events = eventRows(scoreEvents)
  const byType = groups(scoreEvents.filter(isGood).map(rowOf), (version) => version.event_type_id)
  const byStudent = groups(events, (event) => event.student_id)
  const byExam = groups(events, (event) => event.exam_id)
  return {
    events,
    event_type: byType.map(([id, rows]) => ({ id, event_type: id, ...latest(rows) })),
    students: byStudent.map(([id, rows]) => ({ id, student_identification: id, ...latest(rows) })),
    exams: byExam.map(([id, rows]) => ({ id, exam_identification: id, ...latest(rows) })),
    student_average_score: byStudent.map(([student_id, rows]) => ({
      student_id,
      ...average(rows),
    })),
    exam_average_score: byExam.map(([exam_id, rows]) => ({ exam_id, ...average(rows) })),
  }
}

/** One row an event: of two versions the later stays, and at the same time the one with the greater content. */
function eventRows(scoreEvents: readonly ScoreEvent[]): EventRow[] {
  const kept = new Map<string, { row: EventRow; content: string }>()
  for (const event of scoreEvents.filter(isGood)) {
    const row = rowOf(event)
    const { id } = row
    const content = JSON.stringify([event.event_type, event.studentId, event.exam, event.score])
    const known = kept.get(id)
    const isLater =
      known === undefined ||
      row.event_time > known.row.event_time ||
      (row.event_time === known.row.event_time && content > known.content)
    if (isLater) kept.set(id, { row, content })
  }
  return [...kept.values()].map(({ row }) => row).sort((a, b) => (a.id < b.id ? -1 : 1))
}

function rowOf(event: ScoreEvent): EventRow {
  return {
    id: event.event_id || `${event.exam}/${event.studentId}`,
    event_type_id: event.event_type,
    student_id: event.studentId,
    exam_id: event.exam,
    score: event.score,
    event_time: event.timestamp ?? event.at,
  }
}

/** The quality checks; what fails one takes no part. */
function isGood({ studentId, exam, score }: ScoreEvent): boolean {
  return studentId !== '' && exam >= 0 && (score === null || (Number.isFinite(score) && score >= 0))
}

/** Each value that occurs, ascending, with its events by (event time, event id). */
function groups<K extends string | number>(
  events: readonly EventRow[],
  keyOf: (event: EventRow) => K,
): [K, EventRow[]][] {
  const byKey = [...Map.groupBy(events, keyOf)]
  // `events` is in the order of ids and sorting is stable, so equal times stay in the order of ids.
  for (const [, rows] of byKey) rows.sort((a, b) => a.event_time - b.event_time)
  return byKey.sort(([a], [b]) => (a < b ? -1 : 1))
}

function average(rows: readonly EventRow[]): AverageRow {
  const scores_all = rows.map((row) => row.score)
  const scores = scores_all.filter((score) => score !== null)
  let sum = 0
  for (const score of scores) sum += score
  return {
    scores_all,
    average_score: scores.length === 0 ? null : sum / scores.length,
    ...latest(rows),
  }
}

function latest(rows: readonly EventRow[]): { event_time: number } {
  let event_time = -Infinity
  for (const row of rows) event_time = Math.max(event_time, row.event_time)
  return { event_time }
}

/** README.md, "OULAD as exam scores". */
export function ouladEvents(directory: string): ScoreEvent[] {
  const startOf = new Map(
    csvRows(readFileSync(join(directory, 'assessments.csv'), 'utf8')).map(
      ([, presentation = '', assessment]) => [assessment, startMs(presentation)],
    ),
  )
  const results = gunzipSync(readFileSync(join(directory, 'studentAssessment.csv.gz')))
  return csvRows(results.toString('utf8')).map(([exam, studentId = '', day, , score = '']) => ({
    exam: Number(exam),
    studentId,
    score: score === '' || score === '?' ? null : Number(score),
    event_id: `oulad/${exam}/${studentId}`,
    timestamp: startOf.get(exam)! + Number(day) * 86_400_000,
    event_type: 'score',
    at: 0,
  }))
}

function csvRows(csv: string): string[][] {
  const lines = csv.split(/\r?\n/).filter((line) => line !== '')
  return lines.slice(1).map((line) => line.replaceAll('"', '').split(','))
}

function startMs(presentation: string): number {
  return Date.UTC(Number(presentation.slice(0, 4)), presentation.endsWith('B') ? 1 : 9, 1)
}

if (import.meta.main) {
  const facts = factsOf(ouladEvents(process.argv[2] ?? '../shared/data/oulad'))
  for (const [table, rows] of Object.entries<readonly object[]>({ ...facts })) {
    console.log(`\n${table}: ${rows.length} rows, the first`)
    console.table(rows.slice(0, 5))
  }
}
