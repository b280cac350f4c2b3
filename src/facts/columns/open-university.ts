/** The columns of OULAD. Days count from the start of the presentation; they are negative before it. */
import type { ColumnNote } from '../../core/fact-table.ts'
import type { NotesByTable } from './notes.ts'
import { engagementNotes } from './open-university-engagement.ts'

const id = { unit: 'identifier' } as const
const day = { unit: 'day of the presentation' } as const
const week = { unit: 'week of the presentation' } as const
const points = { unit: '0 to 100' } as const
const percent = { unit: '%' } as const
const attempts = { unit: 'attempts' } as const
const credits = { unit: 'credits' } as const
const site = { id_site: id, week_from: week, week_to: week } as const

const rawTables = [
  'courses',
  'assessments',
  'vle',
  'student_info',
  'student_registration',
  'student_assessment',
  'student_vle',
]

const cleanTables: NotesByTable = {
  'open_university.clean_courses': { columns: { module_presentation_length: { unit: 'days' } } },
  'open_university.clean_assessments': {
    columns: { id_assessment: id, date: day, weight: percent },
  },
  'open_university.clean_vle': { columns: site },
  'open_university.clean_student_info': {
    columns: { id_student: id, num_of_prev_attempts: attempts, studied_credits: credits },
  },
  'open_university.clean_student_registration': {
    columns: { id_student: id, date_registration: day, date_unregistration: day },
  },
  'open_university.clean_student_assessment': {
    columns: {
      id_assessment: id,
      id_student: id,
      date_submitted: day,
      is_banked: { unit: '0 or 1' },
      score: points,
    },
  },
  'open_university.clean_student_vle': {
    columns: { id_student: id, id_site: id, date: day, sum_click: { unit: 'clicks' } },
  },
}

/** Where another processor's table has a column of the same name, this one comes from these. */
function from(topic: string, columns: readonly string[]): Record<string, ColumnNote> {
  return Object.fromEntries(columns.map((column) => [column, { from: [`${topic}.${column}`] }]))
}

const attributes = {
  ...from('student_info', [
    'gender',
    'region',
    'highest_education',
    'imd_band',
    'age_band',
    'disability',
    'final_result',
  ]),
  num_of_prev_attempts: { ...attempts, from: ['student_info.num_of_prev_attempts'] },
  studied_credits: { ...credits, from: ['student_info.studied_credits'] },
}

const star: NotesByTable = {
  'open_university.fact_assessments': {
    sources: ['student_assessment', 'assessments'],
    columns: {
      id_assessment: id,
      id_student: id,
      ...from('assessments', ['code_module', 'code_presentation', 'assessment_type']),
      date: day,
      weight: percent,
      days_late: {
        unit: 'days',
        formula: '`date_submitted` − `date`; null where `is_banked` or one of them is missing',
      },
      date_submitted: day,
      is_banked: { formula: '`student_assessment.is_banked` is not 0' },
      score: points,
      weighted_score: { unit: '%', formula: '`score` × `weight` / 100' },
      is_passed: { formula: '`score` ≥ 40' },
    },
  },
  'open_university.fact_vle_interactions': {
    sources: ['student_vle'],
    columns: {
      id_student: id,
      id_site: id,
      date: day,
      sum_click: {
        unit: 'clicks',
        formula: 'sum of `student_vle.sum_click`; null where all are missing',
      },
      click_rows: { unit: 'rows', formula: 'number of distinct `student_vle.event_id`' },
    },
  },
  'open_university.dim_module': {
    columns: {
      presentations: {
        unit: 'presentations',
        formula: 'number of distinct `courses.code_presentation`',
      },
    },
  },
  'open_university.dim_module_vle': { columns: site },
  'open_university.dim_presentation': {
    columns: {
      module_presentation_length: { unit: 'days' },
      start_year: { unit: 'year', formula: 'the digits of `code_presentation`' },
      start_month: {
        unit: 'month, 1 to 12',
        formula: 'the letter of `code_presentation`: A is January, B February, J October',
      },
    },
  },
  'open_university.dim_registered_module': {
    sources: ['student_info', 'student_registration'],
    columns: { id_student: id, date_registration: day, date_unregistration: day, ...attributes },
  },
  'open_university.dim_student': {
    sources: ['student_info'],
    columns: {
      id_student: id,
      ...attributes,
      enrolments: {
        unit: 'presentations',
        formula: 'number of (`student_info.code_module`, `student_info.code_presentation`)',
      },
    },
  },
  'open_university.dim_date': {
    columns: {
      date: {
        ...day,
        formula:
          'each of `assessments.date`, `student_registration.date_registration`, `student_registration.date_unregistration`, `student_assessment.date_submitted`, `student_vle.date`, once',
      },
      week: { ...week, formula: '⌊`date` / 7⌋' },
      day_of_week: { unit: 'day, 0 to 6', formula: '`date` − 7 × `week`' },
      is_before_start: { formula: '`date` < 0' },
    },
  },
}

export const openUniversityNotes: NotesByTable = {
  ...Object.fromEntries(
    rawTables.map((table) => [`open_university.raw_${table}`, { columns: {} }] as const),
  ),
  ...cleanTables,
  ...star,
  ...engagementNotes,
}
