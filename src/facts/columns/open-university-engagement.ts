/** The columns of engagement and risk. A student is active on a day with a click. */
import type { ColumnNote } from '../../core/fact-table.ts'
import type { NotesByTable } from './notes.ts'

const id = { unit: 'identifier' } as const
const day = { unit: 'day of the presentation' } as const
const days = { unit: 'days' } as const
const students = { unit: 'students' } as const
const results = { unit: 'results' } as const
const points = { unit: 'points of 100' } as const

const week: ColumnNote = { unit: 'week of the presentation', formula: '⌊`student_vle.date` / 7⌋' }
const clicks: ColumnNote = { unit: 'clicks', formula: 'sum of `student_vle.sum_click`' }
const activeStudents: ColumnNote = {
  ...students,
  formula: 'number of `student_vle.id_student` with `student_vle.sum_click` above 0',
}
const activeDays: ColumnNote = {
  ...days,
  formula: 'number of `student_vle.date` with `student_vle.sum_click` above 0, by student',
}
const submissions: ColumnNote = {
  ...results,
  formula: 'number of `student_assessment.id_assessment` with `student_assessment.is_banked` 0',
}
const late: ColumnNote = {
  ...results,
  formula: 'number of results whose `open_university.fact_assessments.days_late` is above 0',
}

function ofPresentation(table: string): Record<string, ColumnNote> {
  return {
    code_module: { from: [`${table}.code_module`] },
    code_presentation: { from: [`${table}.code_presentation`] },
  }
}

function endedIn(result: string): ColumnNote {
  return { ...students, formula: `number whose \`student_info.final_result\` is ${result}` }
}

/** Those who take part in any way: registered, described, with clicks or with results. */
const takesPart = {
  code_module: {
    from: [
      'student_info.code_module',
      'student_registration.code_module',
      'student_vle.code_module',
      'assessments.code_module',
    ],
  },
  code_presentation: {
    from: [
      'student_info.code_presentation',
      'student_registration.code_presentation',
      'student_vle.code_presentation',
      'assessments.code_presentation',
    ],
  },
} as const

export const engagementNotes: NotesByTable = {
  'open_university.enrolment_funnel': {
    columns: {
      ...takesPart,
      enrolments: {
        ...students,
        formula: 'number of distinct `student_info.id_student`, `student_registration.id_student`',
      },
      registered: { ...students, formula: 'number of `student_registration.id_student`' },
      unregistered_before_start: {
        ...students,
        formula: 'number whose `student_registration.date_unregistration` is below 0',
      },
      active: {
        ...students,
        formula: 'number of the `enrolments` with a `student_vle.sum_click` above 0',
      },
      submitted: {
        ...students,
        formula: 'number of the `enrolments` with a `student_assessment.is_banked` of 0',
      },
      passed: endedIn('Pass'),
      distinctions: endedIn('Distinction'),
      failed: endedIn('Fail'),
      withdrawn: endedIn('Withdrawn'),
      withdrawn_dated: {
        ...students,
        formula:
          'number whose `student_info.final_result` is Withdrawn and `student_registration.date_unregistration` is there',
      },
      withdrawn_undated: { ...students, formula: '`withdrawn` − `withdrawn_dated`' },
      without_result: {
        ...students,
        formula: '`enrolments` − `passed` − `distinctions` − `failed` − `withdrawn`',
      },
      completion_rate: {
        unit: '0 to 1',
        formula: '(`passed` + `distinctions`) / `enrolments`; null without enrolments',
      },
      latest_day: {
        ...day,
        formula: 'greatest `student_vle.date` with `student_vle.sum_click` above 0',
      },
    },
  },
  'open_university.weekly_engagement': {
    columns: {
      ...ofPresentation('student_vle'),
      week,
      active_students: activeStudents,
      active_days: activeDays,
      sum_click: clicks,
    },
  },
  'open_university.student_weekly_engagement': {
    sources: ['student_vle'],
    columns: { id_student: id, week, active_days: activeDays, sum_click: clicks },
  },
  'open_university.student_engagement': {
    columns: {
      ...takesPart,
      id_student: id,
      sum_click: clicks,
      active_days: activeDays,
      first_active_day: {
        ...day,
        formula: 'least `student_vle.date` with `student_vle.sum_click` above 0',
      },
      last_active_day: {
        ...day,
        formula: 'greatest `student_vle.date` with `student_vle.sum_click` above 0',
      },
      longest_inactivity_days: {
        ...days,
        formula: 'greatest gap − 1 between two neighbouring active `student_vle.date`',
      },
      submissions,
      submissions_late: late,
      submissions_banked: {
        ...results,
        formula:
          'number of `student_assessment.id_assessment` with `student_assessment.is_banked` 1',
      },
      average_score: { unit: '0 to 100', formula: 'mean of `student_assessment.score`' },
    },
  },
  'open_university.engagement_by_attribute': {
    columns: {
      ...ofPresentation('student_info'),
      attribute: {
        formula:
          'name of a column: `student_info.gender`, `student_info.region`, `student_info.highest_education`, `student_info.imd_band`, `student_info.age_band`, `student_info.num_of_prev_attempts`, `student_info.disability`, `student_info.final_result`',
      },
      attribute_value: { formula: 'value of `attribute`, or unknown' },
      students: { ...students, formula: 'number of `student_info.id_student`' },
      active_students: activeStudents,
      active_days: activeDays,
      sum_click: clicks,
      submissions,
      submissions_late: late,
      average_score: { unit: '0 to 100', formula: 'mean of `student_assessment.score`' },
      passed: endedIn('Pass or Distinction'),
      withdrawn: endedIn('Withdrawn'),
      clicks_per_student: { unit: 'clicks a student', formula: '`sum_click` / `students`' },
    },
  },
  'open_university.at_risk_rules': {
    columns: {
      weight_inactivity: points,
      weight_missing: points,
      weight_late: points,
      weight_score: points,
      weight_attempts: points,
      inactivity_days_full: days,
      score_enough: { unit: '0 to 100' },
      attempts_full: { unit: 'attempts' },
      medium_from: points,
      high_from: points,
    },
  },
}
