/** The rows of one student: of the star, and of engagement. */
import { present } from '../../core/assert.ts'
import type * as engagement from '../../facts/open-university-engagement.ts'
import type * as star from '../../facts/open-university-star.ts'
import { dayOfPresentationMs } from './presentation.ts'
import { activityOf, weekSums, weekShare } from './shares.ts'
import { clicksOf, type SiteClicks } from './site-day.ts'
import {
  daysLateOf,
  findEnrolment,
  resultsOf,
  type Enrolment,
  type Result,
  type Student,
} from './student.ts'

/** Which student, and in which presentation. */
export interface EnrolmentId {
  readonly id_student: number
  readonly code_module: string
  readonly code_presentation: string
}

const passedFrom = 40

export function resultRow(
  id_student: number,
  result: Result,
  known_at: number,
): star.AssessmentFact {
  const { of, score, submitted } = result
  const weight = of?.weight ?? null
  return {
    id_assessment: result.assessment,
    id_student,
    code_module: of?.module ?? null,
    code_presentation: of?.presentation ?? null,
    assessment_type: of?.type ?? null,
    date: of?.due ?? null,
    weight,
    days_late: daysLateOf(result),
    date_submitted: submitted,
    is_banked: result.isBanked,
    score,
    weighted_score: score === null || weight === null ? null : (score * weight) / 100,
    is_passed: score === null ? null : score >= passedFrom,
    event_time: of === null ? 0 : dayOfPresentationMs(of.presentation, submitted ?? 0),
    known_at,
  }
}

/** Null where the student is neither registered nor described. */
export function registeredModuleRow(
  id: EnrolmentId,
  student: Student,
  known_at: number,
): star.RegisteredModuleDimension | null {
  const enrolment = findEnrolment(student, id.code_module, id.code_presentation)
  const { info = null, registration = null } = enrolment ?? {}
  if (info === null && registration === null) return null
  const days = [registration?.date_registration, registration?.date_unregistration]
  return {
    ...id,
    date_registration: registration?.date_registration ?? null,
    date_unregistration: registration?.date_unregistration ?? null,
    ...(info ?? noAttributes),
    event_time: eventTimeMsOf(id.code_presentation, days),
    known_at,
  }
}

/** Null where there is no studentInfo of the student. */
export function studentRow(
  id_student: number,
  { enrolments }: Student,
  known_at: number,
): star.StudentDimension | null {
  const described = enrolments.filter(({ info }) => info !== null).sort(byTime)
  const latest = described.at(-1)
  if (latest === undefined) return null
  return {
    id_student,
    code_module: latest.module,
    code_presentation: latest.presentation,
    ...(latest.info ?? noAttributes),
    enrolments: described.length,
    event_time: eventTimeMsOf(latest.presentation, []),
    known_at,
  }
}

/** By the presentation's start, then the module. */
function byTime(a: Enrolment, b: Enrolment): number {
  const inTime = dayOfPresentationMs(a.presentation, 0) - dayOfPresentationMs(b.presentation, 0)
  return inTime === 0 ? (a.module < b.module ? -1 : 1) : inTime
}

/** Null where the student has nothing in the presentation. */
export function engagementRow(
  id: EnrolmentId,
  student: Student,
  known_at: number,
): engagement.StudentEngagement | null {
  const enrolment = findEnrolment(student, id.code_module, id.code_presentation)
  const results = resultsOf(student, id.code_module, id.code_presentation)
  if (enrolment === undefined && results.length === 0) return null
  const { registration = null, days = [] } = enrolment ?? {}
  const activity = activityOf(days, results)
  return {
    ...id,
    sum_click: activity.clicks,
    active_days: activity.activeDays,
    first_active_day: activity.firstDay,
    last_active_day: activity.lastDay,
    longest_inactivity_days: activity.longestInactivityDays,
    submissions: activity.submissions,
    submissions_late: activity.late,
    submissions_banked: activity.banked,
    average_score: activity.scored === 0 ? null : activity.scoreSum / activity.scored,
    event_time: eventTimeMsOf(id.code_presentation, [
      registration?.date_registration,
      registration?.date_unregistration,
      days.at(-1)?.day,
      ...results.map(({ submitted }) => submitted),
    ]),
    known_at,
  }
}

/** Null where the student has no row of clicks in the week. */
export function studentWeekRow(
  id: EnrolmentId,
  student: Student,
  week: number,
  known_at: number,
): engagement.StudentWeeklyEngagement | null {
  const days = findEnrolment(student, id.code_module, id.code_presentation)?.days ?? []
  const share = weekShare(days, week)
  if (share === null) return null
  const sumOf = (name: (typeof weekSums)[number]) =>
    present(share.sums[weekSums.indexOf(name)], 'a sum of a week')
  return {
    ...id,
    week,
    active_days: sumOf('active_days'),
    sum_click: sumOf('sum_click'),
    event_time: eventTimeMsOf(id.code_presentation, [share.day]),
    known_at,
  }
}

export function interactionRow(
  id: EnrolmentId,
  day: number,
  site: SiteClicks,
  known_at: number,
): star.VleInteractionFact {
  return {
    ...id,
    id_site: site.site,
    date: day,
    sum_click: clicksOf(site),
    click_rows: site.rows,
    event_time: dayOfPresentationMs(id.code_presentation, day),
    known_at,
  }
}

/** Of the greatest of the days; of the start where there is none. */
export function eventTimeMsOf(
  presentation: string,
  days: readonly (number | null | undefined)[],
): number {
  let latest: number | null = null
  for (const day of days) {
    if (day !== null && day !== undefined && (latest === null || day > latest)) latest = day
  }
  return dayOfPresentationMs(presentation, latest ?? 0)
}

const noAttributes: star.StudentAttributes = {
  gender: null,
  region: null,
  highest_education: null,
  imd_band: null,
  age_band: null,
  num_of_prev_attempts: null,
  studied_credits: null,
  disability: null,
  final_result: null,
}
