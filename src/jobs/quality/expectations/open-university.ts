/** What is expected of OULAD’s tables. Days count from the start of a presentation, so no row can be late. */
import * as engagement from '../../../facts/open-university-engagement.ts'
import * as star from '../../../facts/open-university-star.ts'
import {
  cleanTables,
  rawTables,
  tableSpecs,
  type TableSpec,
} from '../../../facts/open-university-tables.ts'
import {
  agrees,
  atLeast,
  computed,
  oneOf,
  range,
  refersTo,
  type RowCheck,
  type TableExpectations,
  type TopologyExpectations,
} from '../expectation.ts'

/** The least values that the cleaning refuses rows by hold in what it lets through. */
function leastOf({ columns }: TableSpec, ...ranges: readonly RowCheck[]): readonly RowCheck[] {
  const ranged = new Set(ranges.map(({ name }) => name))
  const least = columns.flatMap((column) =>
    column.least === undefined ? [] : [atLeast(column.name, column.least)],
  )
  return [...least.filter(({ name }) => !ranged.has(name)), ...ranges]
}

/** Rows that came over HTTP are of no file. */
const ofNoFile = '_source_file'

const results = ['Pass', 'Fail', 'Distinction', 'Withdrawn']
const types = ['TMA', 'CMA', 'Exam']
const score = range('score', 0, 100)

const clean: readonly TableExpectations[] = [
  { fact: cleanTables.courses, mayBeNull: [ofNoFile], rows: leastOf(tableSpecs.courses) },
  {
    fact: cleanTables.assessments,
    // Of exams the day is often unknown: they are at the end.
    mayBeNull: [ofNoFile],
    nullPercentMax: { date: 30 },
    rows: [
      ...leastOf(tableSpecs.assessments, range('weight', 0, 100)),
      oneOf('assessment_type', types),
    ],
  },
  {
    fact: cleanTables.vle,
    // Most pages are meant for no week.
    mayBeNull: ['week_from', 'week_to', ofNoFile],
    rows: [...leastOf(tableSpecs.vle), agrees('weeks_in_order', 'week_from <= week_to')],
  },
  {
    fact: cleanTables.studentInfo,
    mayBeNull: [ofNoFile],
    isArrival: true,
    rows: [
      ...leastOf(tableSpecs.studentInfo),
      oneOf('final_result', results),
      oneOf('gender', ['M', 'F']),
      oneOf('disability', ['Y', 'N']),
    ],
  },
  {
    fact: cleanTables.studentRegistration,
    // NULL where the student stayed.
    mayBeNull: ['date_unregistration', ofNoFile],
    rows: [
      ...leastOf(tableSpecs.studentRegistration),
      {
        name: 'registered_before_unregistered',
        dimension: 'consistency',
        level: 'Warning',
        holds: 'date_registration <= date_unregistration',
        failedPercentMax: 1,
      },
    ],
  },
  {
    fact: cleanTables.studentAssessment,
    mayBeNull: [ofNoFile],
    isArrival: true,
    rows: leastOf(tableSpecs.studentAssessment, score, range('is_banked', 0, 1)),
  },
  // Rows repeat and each counts: there is no natural key.
  {
    fact: cleanTables.studentVle,
    mayBeNull: [ofNoFile],
    isArrival: true,
    rows: leastOf(tableSpecs.studentVle),
  },
]

const ofStudent = {
  code_module: 'code_module',
  code_presentation: 'code_presentation',
  id_student: 'id_student',
} as const
const ofPresentation = {
  code_module: 'code_module',
  code_presentation: 'code_presentation',
} as const

const stars: readonly TableExpectations[] = [
  {
    fact: star.factAssessments,
    // Banked results have no lateness, and exams often no day.
    mayBeNull: ['days_late'],
    nullPercentMax: { date: 30 },
    rows: [
      score,
      range('weight', 0, 100),
      computed('weighted_score', 'score * weight / 100'),
      computed('days_late', 'date_submitted - date', 'NOT is_banked'),
      agrees('passed_from_40', 'is_passed = (score >= 40)'),
      refersTo('id_assessment', 'open_university.clean_assessments.id_assessment'),
    ],
  },
  {
    fact: star.factVleInteractions,
    rows: [
      atLeast('sum_click', 0),
      atLeast('click_rows', 1),
      refersTo('id_site', 'open_university.dim_module_vle.id_site'),
    ],
    totals: [
      {
        name: 'clicks_add_up',
        // NULL where no row says its clicks; 0 in rows of versions that did not tell the two apart.
        total: 'ifNull(sum_click, 0)',
        of: 'open_university.clean_student_vle',
        sum: 'sum(ifNull(sum_click, 0))',
        by: { ...ofStudent, id_site: 'id_site', date: 'date' },
      },
    ],
  },
  { fact: star.dimModule, rows: [atLeast('presentations', 1)] },
  { fact: star.dimModuleVle, mayBeNull: ['week_from', 'week_to'] },
  { fact: star.dimPresentation, rows: [range('start_month', 1, 12)] },
  {
    fact: star.dimRegisteredModule,
    mayBeNull: ['date_unregistration'],
    rows: [oneOf('final_result', results)],
  },
  { fact: star.dimStudent, rows: [atLeast('enrolments', 1), oneOf('final_result', results)] },
  {
    fact: star.dimDate,
    rows: [
      range('day_of_week', 0, 6),
      agrees('before_start', 'is_before_start = (date < 0)'),
      agrees('week_of_day', 'week = floor(date / 7)'),
    ],
  },
]

const engaged: readonly TableExpectations[] = [
  {
    fact: engagement.enrolmentFunnel,
    // Without a click of anyone.
    mayBeNull: ['latest_day', 'completion_rate'],
    rows: [
      range('completion_rate', 0, 1),
      computed('completion_rate', '(passed + distinctions) / enrolments', 'enrolments > 0'),
      agrees(
        'results_split',
        'enrolments = passed + distinctions + failed + withdrawn + without_result',
      ),
      agrees('withdrawn_split', 'withdrawn = withdrawn_dated + withdrawn_undated'),
    ],
  },
  {
    fact: engagement.weeklyEngagement,
    rows: [
      atLeast('sum_click', 0),
      agrees('students_within_days', 'active_students <= active_days'),
    ],
    totals: [
      {
        name: 'clicks_add_up',
        total: 'sum_click',
        of: 'open_university.student_weekly_engagement',
        sum: 'sum(sum_click)',
        by: { ...ofPresentation, week: 'week' },
      },
    ],
  },
  {
    fact: engagement.studentWeeklyEngagement,
    rows: [range('active_days', 0, 7)],
    unusual: [
      {
        name: 'unusual_weeks',
        features: [
          { name: 'sum_click', value: 'sum_click', scale: 'logarithmic' },
          { name: 'active_days', value: 'active_days', scale: 'even' },
          { name: 'clicks_per_active_day', value: 'sum_click / active_days', scale: 'logarithmic' },
        ],
      },
    ],
  },
  {
    fact: engagement.studentEngagement,
    // Of who never clicked, or has no score.
    mayBeNull: ['first_active_day', 'last_active_day', 'average_score'],
    rows: [
      range('average_score', 0, 100),
      agrees('late_within_submissions', 'submissions_late <= submissions'),
      agrees('active_days_in_order', 'first_active_day <= last_active_day'),
    ],
    totals: [
      {
        name: 'clicks_add_up',
        total: 'sum_click',
        of: 'open_university.student_weekly_engagement',
        sum: 'sum(sum_click)',
        by: ofStudent,
      },
    ],
  },
  {
    fact: engagement.engagementByAttribute,
    mayBeNull: ['average_score'],
    rows: [
      computed('clicks_per_student', 'sum_click / students', 'students > 0'),
      agrees('active_within_students', 'active_students <= students'),
    ],
  },
  { fact: engagement.atRiskRules, isKeyEmptiable: true },
]

const received = 'as received, text and all: what is expected is expected of the clean table'

export const openUniversity: TopologyExpectations = {
  topology: 'open-university',
  tables: [...clean, ...stars, ...engaged],
  unjudged: Object.fromEntries(
    Object.values(rawTables).map(({ database, table }) => [`${database}.${table}`, received]),
  ),
}
