/** The star schema over OULAD. Days count from the start of the presentation; before it they are negative. */
import { defineFactTable, type FactMetadata } from './define.ts'

export interface AssessmentFact extends FactMetadata {
  readonly id_assessment: number
  readonly id_student: number
  /** This and the next five: null while the assessment is unknown. */
  readonly code_module: string | null
  readonly code_presentation: string | null
  readonly assessment_type: string | null
  /** When it is due. */
  readonly date: number | null
  readonly weight: number | null
  /** Days after it was due; negative: before. */
  readonly days_late: number | null
  readonly date_submitted: number | null
  readonly is_banked: boolean
  readonly score: number | null
  /** Score × weight / 100. */
  readonly weighted_score: number | null
  /** A score of 40 or more. */
  readonly is_passed: boolean | null
}

export interface VleInteractionFact extends FactMetadata {
  readonly code_module: string
  readonly code_presentation: string
  readonly id_student: number
  readonly id_site: number
  readonly date: number
  /** Of the rows that say their clicks; null where none does. */
  readonly sum_click: number | null
  /** Rows of it, with or without clicks. */
  readonly click_rows: number
}

export interface ModuleDimension extends FactMetadata {
  readonly code_module: string
  readonly presentations: number
}

export interface SiteDimension extends FactMetadata {
  readonly id_site: number
  readonly code_module: string
  readonly code_presentation: string
  readonly activity_type: string | null
  readonly week_from: number | null
  readonly week_to: number | null
}

export interface PresentationDimension extends FactMetadata {
  readonly code_module: string
  readonly code_presentation: string
  readonly module_presentation_length: number | null
  readonly start_year: number
  readonly start_month: number
}

/** What `studentInfo` says of a student in a presentation; null where it has no row or no value. */
export interface StudentAttributes {
  readonly gender: string | null
  readonly region: string | null
  readonly highest_education: string | null
  readonly imd_band: string | null
  readonly age_band: string | null
  readonly num_of_prev_attempts: number | null
  readonly studied_credits: number | null
  readonly disability: string | null
  readonly final_result: string | null
}

export interface RegisteredModuleDimension extends StudentAttributes, FactMetadata {
  readonly code_module: string
  readonly code_presentation: string
  readonly id_student: number
  readonly date_registration: number | null
  readonly date_unregistration: number | null
}

/** As of the student's latest presentation. */
export interface StudentDimension extends StudentAttributes, FactMetadata {
  readonly id_student: number
  readonly code_module: string
  readonly code_presentation: string
  readonly enrolments: number
}

export interface DateDimension extends FactMetadata {
  readonly date: number
  readonly week: number
  /** 0 to 6. */
  readonly day_of_week: number
  readonly is_before_start: boolean
}

const database = 'open_university'
type EnrolmentKey = readonly [module: string, presentation: string, student: number]

export const factAssessments = defineFactTable<
  readonly [assessment: number, student: number],
  AssessmentFact
>(database, 'fact_assessments', ['id_assessment', 'id_student'])
export const factVleInteractions = defineFactTable<
  readonly [...EnrolmentKey, site: number, day: number],
  VleInteractionFact
>(database, 'fact_vle_interactions', [
  'code_module',
  'code_presentation',
  'id_student',
  'id_site',
  'date',
])
export const dimModule = defineFactTable<readonly [string], ModuleDimension>(
  database,
  'dim_module',
  ['code_module'],
)
export const dimModuleVle = defineFactTable<readonly [number], SiteDimension>(
  database,
  'dim_module_vle',
  ['id_site'],
)
export const dimPresentation = defineFactTable<readonly [string, string], PresentationDimension>(
  database,
  'dim_presentation',
  ['code_module', 'code_presentation'],
)
export const dimRegisteredModule = defineFactTable<EnrolmentKey, RegisteredModuleDimension>(
  database,
  'dim_registered_module',
  ['code_module', 'code_presentation', 'id_student'],
)
export const dimStudent = defineFactTable<readonly [number], StudentDimension>(
  database,
  'dim_student',
  ['id_student'],
)
export const dimDate = defineFactTable<readonly [number], DateDimension>(database, 'dim_date', [
  'date',
])
