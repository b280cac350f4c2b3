/** The facts of the exam-score feed. Times are milliseconds since the epoch; scores keep their own scale. */
import { defineFactTable, type FactMetadata } from './define.ts'

export interface EventFact extends FactMetadata {
  readonly id: string
  readonly event_type_id: string
  readonly student_id: string
  readonly exam_id: number
  readonly score: number | null
}

export interface EventTypeDimension extends FactMetadata {
  readonly id: string
  readonly event_type: string
}

export interface StudentDimension extends FactMetadata {
  readonly id: string
  readonly student_identification: string
}

export interface ExamDimension extends FactMetadata {
  readonly id: number
  readonly exam_identification: number
}

/** All results, by event time, then event id, and the mean of those that are there. */
interface AverageScore extends FactMetadata {
  readonly scores_all: readonly (number | null)[]
  readonly average_score: number | null
}

export interface StudentAverageScore extends AverageScore {
  readonly student_id: string
}

export interface ExamAverageScore extends AverageScore {
  readonly exam_id: number
}

export interface DataQualityCheckResult extends FactMetadata {
  readonly event_id: string
  readonly check_name: string
  readonly level: string
  readonly reason: string
  /** The event as JSON. */
  readonly payload: string
}

export const events = defineFactTable<readonly [string], EventFact>('exam_scores', 'events', ['id'])
export const eventTypes = defineFactTable<readonly [string], EventTypeDimension>(
  'exam_scores',
  'event_type',
  ['id'],
)
export const students = defineFactTable<readonly [string], StudentDimension>(
  'exam_scores',
  'students',
  ['id'],
)
export const exams = defineFactTable<readonly [number], ExamDimension>('exam_scores', 'exams', [
  'id',
])
export const studentAverageScores = defineFactTable<readonly [string], StudentAverageScore>(
  'exam_scores',
  'student_average_score',
  ['student_id'],
)
export const examAverageScores = defineFactTable<readonly [number], ExamAverageScore>(
  'exam_scores',
  'exam_average_score',
  ['exam_id'],
)
export const dataQualityCheckResults = defineFactTable<
  readonly [string, string],
  DataQualityCheckResult
>('exam_scores', 'data_quality_checks_results', ['event_id', 'check_name'])
