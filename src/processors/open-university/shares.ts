/** What one student adds to the groups of a presentation. */
import type { StudentAttributes } from '../../facts/open-university-star.ts'
import type { Share } from './groups.ts'
import { weekOfDay } from './presentation.ts'
import {
  daysLateOf,
  findEnrolment,
  resultsOf,
  type Day,
  type Result,
  type Student,
} from './student.ts'

/** Columns of studentInfo that students are grouped by. */
export const groupedAttributes = [
  'gender',
  'region',
  'highest_education',
  'imd_band',
  'age_band',
  'num_of_prev_attempts',
  'disability',
  'final_result',
] as const satisfies readonly (keyof StudentAttributes)[]

export const funnelSums = [
  'participants',
  'enrolments',
  'registered',
  'unregistered_before_start',
  'active',
  'submitted',
  'passed',
  'distinctions',
  'failed',
  'withdrawn',
  'withdrawn_dated',
  'without_result',
] as const

export const attributeSums = [
  'students',
  'active_students',
  'active_days',
  'sum_click',
  'submissions',
  'submissions_late',
  'scored',
  'score_millionths',
  'passed',
  'withdrawn',
] as const

export const weekSums = ['rows', 'active_students', 'active_days', 'sum_click'] as const

/** What a student has done in a presentation. */
export interface Activity {
  readonly clickRows: number
  readonly clicks: number
  readonly activeDays: number
  readonly firstDay: number | null
  readonly lastDay: number | null
  readonly longestInactivityDays: number
  readonly submissions: number
  readonly late: number
  readonly banked: number
  readonly scored: number
  readonly scoreSum: number
  readonly scoreMillionths: number
}

/** A day is active where there was a click. */
export function activityOf(days: readonly Day[], results: readonly Result[]): Activity {
  const active = days.filter(({ clicks }) => clicks > 0)
  let longest = 0
  for (const [index, { day }] of active.entries()) {
    const before = active[index - 1]
    if (before !== undefined) longest = Math.max(longest, day - before.day - 1)
  }
  const scores = results.flatMap(({ score }) => (score === null ? [] : [score]))
  const own = results.filter(({ isBanked }) => !isBanked)
  return {
    clickRows: sum(days, ({ rows }) => rows),
    clicks: sum(days, ({ clicks }) => clicks),
    activeDays: active.length,
    firstDay: active[0]?.day ?? null,
    lastDay: active.at(-1)?.day ?? null,
    longestInactivityDays: longest,
    submissions: own.length,
    late: own.filter((result) => (daysLateOf(result) ?? 0) > 0).length,
    banked: results.length - own.length,
    scored: scores.length,
    scoreSum: sum(scores, (score) => score),
    scoreMillionths: sum(scores, (score) => Math.round(score * 1e6)),
  }
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0)
}

export interface EnrolmentShares {
  readonly funnel: Share
  /** In the order of `groupedAttributes`; none where there is no studentInfo. */
  readonly attributes: readonly { readonly value: string; readonly share: Share }[]
}

/** Null where the student has nothing in the presentation. */
export function enrolmentShares(
  student: Student,
  module: string,
  presentation: string,
): EnrolmentShares | null {
  const enrolment = findEnrolment(student, module, presentation)
  const results = resultsOf(student, module, presentation)
  if (enrolment === undefined && results.length === 0) return null
  const { info = null, registration = null, days = [] } = enrolment ?? {}
  const activity = activityOf(days, results)
  const result = info?.final_result ?? null
  const isEnrolled = info !== null || registration !== null
  const unregistered = registration?.date_unregistration ?? null
  const isKnown = ['Pass', 'Distinction', 'Fail', 'Withdrawn'].includes(result ?? '')
  const funnel = {
    participants: true,
    enrolments: isEnrolled,
    registered: registration !== null,
    unregistered_before_start: unregistered !== null && unregistered < 0,
    // Who is in no list of students may be a slip of the pen: of the enrolled, no more can be active than there are.
    active: isEnrolled && activity.activeDays > 0,
    submitted: isEnrolled && activity.submissions > 0,
    passed: result === 'Pass',
    distinctions: result === 'Distinction',
    failed: result === 'Fail',
    withdrawn: result === 'Withdrawn',
    withdrawn_dated: result === 'Withdrawn' && unregistered !== null,
    without_result: isEnrolled && !isKnown,
  } satisfies Record<(typeof funnelSums)[number], boolean>
  return {
    funnel: { sums: funnelSums.map((name) => Number(funnel[name])), day: activity.lastDay },
    attributes: info === null ? [] : attributeShares(info, activity),
  }
}

function attributeShares(
  info: StudentAttributes,
  activity: Activity,
): EnrolmentShares['attributes'] {
  const sums: Record<(typeof attributeSums)[number], number> = {
    students: 1,
    active_students: Number(activity.activeDays > 0),
    active_days: activity.activeDays,
    sum_click: activity.clicks,
    submissions: activity.submissions,
    submissions_late: activity.late,
    scored: activity.scored,
    score_millionths: activity.scoreMillionths,
    passed: Number(info.final_result === 'Pass' || info.final_result === 'Distinction'),
    withdrawn: Number(info.final_result === 'Withdrawn'),
  }
  const share = { sums: attributeSums.map((name) => sums[name]), day: activity.lastDay }
  return groupedAttributes.map((name) => ({ value: String(info[name] ?? 'unknown'), share }))
}

/** A student's week; null where it has no row of clicks. */
export function weekShare(days: readonly Day[], week: number): Share | null {
  const own = days.filter(({ day }) => weekOfDay(day) === week)
  if (own.length === 0) return null
  const active = own.filter(({ clicks }) => clicks > 0)
  const sums: Record<(typeof weekSums)[number], number> = {
    rows: sum(own, ({ rows }) => rows),
    active_students: Number(active.length > 0),
    active_days: active.length,
    sum_click: sum(own, ({ clicks }) => clicks),
  }
  return { sums: weekSums.map((name) => sums[name]), day: own.at(-1)?.day ?? null }
}
