/** The facts of the multiple-choice test platform. Times are milliseconds since the epoch. */
import { defineFactTable, type FactMetadata } from './define.ts'
import type { ItemStatisticsColumns } from './item-statistics.ts'

export type { FactMetadata }

export interface QuestionInteractionFact extends FactMetadata {
  readonly student_id: string
  readonly test_id: string
  readonly question_id: string
  readonly first_answer_time: number
  readonly last_answer_time: number
  readonly answer_count: number
  readonly final_answer_option: string | null
  readonly is_correct: boolean | null
  readonly revisited: boolean
  /** Seconds. */
  readonly time_spent: number
}

export interface TestSummaryFact extends FactMetadata {
  readonly student_id: string
  readonly test_id: string
  readonly total_questions: number | null
  readonly questions_attempted: number
  readonly questions_revisited: number
  readonly correct_answers: number
  /** Seconds. */
  readonly avg_time_per_question: number | null
  readonly accuracy_percent: number | null
  readonly total_sessions: number
  readonly test_start_time: number | null
  readonly test_submit_time: number | null
  readonly completion_status: string | null
  /** Seconds. */
  readonly time_spent: number | null
}

export interface TestFunnelFact extends FactMetadata {
  readonly test_id: string
  readonly total_submissions: number
  readonly completed_submissions: number
  readonly incomplete_submissions: number
  readonly completion_rate: number | null
  /** Seconds. */
  readonly avg_submit_time: number | null
}

export interface StudentDimension extends FactMetadata {
  readonly student_id: string
  readonly student_name: string | null
  readonly email: string | null
  readonly created_at: number | null
}

export interface TeacherDimension extends FactMetadata {
  readonly teacher_id: string
  readonly teacher_name: string | null
  readonly email: string | null
  readonly department: string | null
}

export interface TestDimension extends FactMetadata {
  readonly test_id: string
  readonly teacher_id: string | null
  readonly test_name: string | null
  readonly created_at: number | null
  readonly total_questions: number | null
}

export interface QuestionDimension extends FactMetadata {
  readonly question_id: string
  readonly test_id: string
  readonly correct_option: string | null
  readonly question_text: string | null
}

export interface ItemStatisticsFact extends ItemStatisticsColumns {
  readonly test_id: string
  readonly question_id: string
}

export const questionInteractions = defineFactTable<
  readonly [string, string, string],
  QuestionInteractionFact
>('mcq', 'question_interaction_fact', ['student_id', 'test_id', 'question_id'])
export const testSummaries = defineFactTable<readonly [string, string], TestSummaryFact>(
  'mcq',
  'test_summary_fact',
  ['student_id', 'test_id'],
)
export const testFunnels = defineFactTable<readonly [string], TestFunnelFact>(
  'mcq',
  'test_funnel_fact',
  ['test_id'],
)
export const students = defineFactTable<readonly [string], StudentDimension>('mcq', 'students', [
  'student_id',
])
export const teachers = defineFactTable<readonly [string], TeacherDimension>('mcq', 'teachers', [
  'teacher_id',
])
export const tests = defineFactTable<readonly [string], TestDimension>('mcq', 'tests', ['test_id'])
export const questions = defineFactTable<readonly [string], QuestionDimension>('mcq', 'questions', [
  'question_id',
])
export const itemStatistics = defineFactTable<readonly [string, string], ItemStatisticsFact>(
  'mcq',
  'item_statistics',
  ['test_id', 'question_id'],
)
