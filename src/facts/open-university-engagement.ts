/** What OULAD says of engagement and risk beyond the star, current with each event. */
import { defineFactTable, type FactMetadata } from './define.ts'

interface OfPresentation extends FactMetadata {
  readonly code_module: string
  readonly code_presentation: string
}

/** How far the students of a presentation came, and how they ended. */
export interface EnrolmentFunnel extends OfPresentation {
  readonly enrolments: number
  readonly registered: number
  readonly unregistered_before_start: number
  readonly active: number
  readonly submitted: number
  readonly passed: number
  readonly distinctions: number
  readonly failed: number
  readonly withdrawn: number
  readonly withdrawn_dated: number
  readonly withdrawn_undated: number
  readonly without_result: number
  /** (passed + distinctions) / enrolments. */
  readonly completion_rate: number | null
  /** The latest day with a click of anyone: how far the presentation is. */
  readonly latest_day: number | null
}

export interface WeeklyEngagement extends OfPresentation {
  readonly week: number
  readonly active_students: number
  /** Days with a click, summed over the students. */
  readonly active_days: number
  readonly sum_click: number
}

export interface StudentWeeklyEngagement extends OfPresentation {
  readonly id_student: number
  readonly week: number
  readonly active_days: number
  readonly sum_click: number
}

export interface StudentEngagement extends OfPresentation {
  readonly id_student: number
  readonly sum_click: number
  readonly active_days: number
  readonly first_active_day: number | null
  readonly last_active_day: number | null
  /** Most days in a row without a click between two days with one. */
  readonly longest_inactivity_days: number
  readonly submissions: number
  readonly submissions_late: number
  readonly submissions_banked: number
  readonly average_score: number | null
}

/** The students of a presentation who have one value of an attribute. */
export interface EngagementByAttribute extends OfPresentation {
  readonly attribute: string
  readonly attribute_value: string
  readonly students: number
  readonly active_students: number
  readonly active_days: number
  readonly sum_click: number
  readonly submissions: number
  readonly submissions_late: number
  readonly average_score: number | null
  readonly passed: number
  readonly withdrawn: number
  readonly clicks_per_student: number
}

/** The weights of the at-risk score for one module; those of the empty module hold for all others. */
export interface AtRiskRule {
  readonly code_module: string
  readonly weight_inactivity: number
  readonly weight_missing: number
  readonly weight_late: number
  readonly weight_score: number
  readonly weight_attempts: number
  readonly inactivity_days_full: number
  readonly score_enough: number
  readonly attempts_full: number
  readonly medium_from: number
  readonly high_from: number
}

export type AtRiskRuleRow = AtRiskRule & FactMetadata

const database = 'open_university'
type PresentationKey = readonly [module: string, presentation: string]

export const enrolmentFunnel = defineFactTable<PresentationKey, EnrolmentFunnel>(
  database,
  'enrolment_funnel',
  ['code_module', 'code_presentation'],
)
export const weeklyEngagement = defineFactTable<
  readonly [...PresentationKey, week: number],
  WeeklyEngagement
>(database, 'weekly_engagement', ['code_module', 'code_presentation', 'week'])
export const studentWeeklyEngagement = defineFactTable<
  readonly [...PresentationKey, student: number, week: number],
  StudentWeeklyEngagement
>(database, 'student_weekly_engagement', ['code_module', 'code_presentation', 'id_student', 'week'])
export const studentEngagement = defineFactTable<
  readonly [...PresentationKey, student: number],
  StudentEngagement
>(database, 'student_engagement', ['code_module', 'code_presentation', 'id_student'])
export const engagementByAttribute = defineFactTable<
  readonly [...PresentationKey, attribute: string, value: string],
  EngagementByAttribute
>(database, 'engagement_by_attribute', [
  'code_module',
  'code_presentation',
  'attribute',
  'attribute_value',
])
export const atRiskRules = defineFactTable<readonly [string], AtRiskRuleRow>(
  database,
  'at_risk_rules',
  ['code_module'],
)
