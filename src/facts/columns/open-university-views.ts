/** The views over OULAD's tables: what depends on how far a presentation is, and the seven raw tables as one. */
import type { ColumnNote } from '../../core/fact-table.ts'
import type { NotesByTable } from './notes.ts'

const day = { unit: 'day of the presentation' } as const
const days = { unit: 'days' } as const
const assessments = { unit: 'assessments' } as const
const points = { unit: 'points' } as const

const asOfDay: ColumnNote = {
  ...day,
  meaning: 'How far the presentation is.',
  formula:
    '`open_university.presentation_progress.latest_day`, or else `open_university.dim_presentation.module_presentation_length`',
}

const withinPresentation =
  'with `open_university.fact_vle_interactions.sum_click` above 0 that is not above `open_university.dim_presentation.module_presentation_length`'

const lastActiveDay: ColumnNote = {
  ...day,
  meaning: 'Last day with a click, up to the end of the presentation.',
  formula: `greatest \`open_university.fact_vle_interactions.date\` ${withinPresentation}`,
}

const longestInactivityDays: ColumnNote = {
  ...days,
  meaning: 'Most days in a row without a click between two days with one, up to that end.',
  formula: `greatest gap − 1 between two neighbouring \`open_university.fact_vle_interactions.date\` ${withinPresentation}; 0 without`,
}

/** A weight of the rule that holds for the module. */
function ruled(column: string, shipped: number): ColumnNote {
  return {
    formula: `\`open_university.at_risk_rules.${column}\` of the module, or else of the empty module, or else ${shipped}`,
  }
}

function score(meaning: string, formula: string): ColumnNote {
  return { ...points, meaning, formula }
}

const rule = 'open_university.at_risk_rule_of_module'

export const openUniversityViewNotes: NotesByTable = {
  'open_university.raw_oulad': {
    meaning:
      'All seven raw tables as one, as received; a column that a table does not have is NULL in its rows.',
    columns: {
      source_table: {
        meaning: 'Which of the seven tables the row is of.',
        formula:
          'name of the topic that the row came by: `courses`, `assessments`, `vle`, `student_info`, `student_registration`, `student_assessment` or `student_vle`',
      },
      date: { meaning: 'Of an assessment the day it is due, of clicks their day; from the start.' },
    },
  },
  'open_university.student_activity': {
    meaning:
      'One row per student and presentation: days with a click up to the presentation’s end. Where its length is not known, all days.',
    columns: {
      last_active_day: lastActiveDay,
      longest_inactivity_days: longestInactivityDays,
    },
  },
  'open_university.presentation_progress': {
    meaning:
      'How far each presentation is: the latest day with a click; without any click, its whole length.',
    columns: {
      latest_day: {
        ...day,
        meaning: 'Latest day with a click of anyone, up to the end of the presentation.',
        formula: 'greatest `open_university.student_activity.last_active_day`',
      },
      as_of_day: {
        ...asOfDay,
        formula:
          '`latest_day`, or else `open_university.dim_presentation.module_presentation_length`',
      },
    },
  },
  'open_university.assessment_submissions': {
    meaning: 'One row per enrolled student and assessment of the presentation, handed in or not.',
    columns: {
      as_of_day: asOfDay,
      status: {
        meaning:
          'submitted, late, banked, missing (due and not handed in), pending (not due yet), undated (nobody knows when it is due) or left (the student unregistered before it was due).',
        formula:
          'the first that holds: banked by `open_university.fact_assessments.is_banked`; late where `days_late` > 0; submitted where there is a result; left where `open_university.dim_registered_module.date_unregistration` ≤ `date`; undated without `date`; missing where `date` < `as_of_day`; else pending',
      },
    },
  },
  'open_university.inactivity': {
    meaning: 'One row per enrolled student: days without a click up to the latest of anyone.',
    columns: {
      last_active_day: lastActiveDay,
      longest_inactivity_days: longestInactivityDays,
      inactivity_streak_days: {
        ...days,
        meaning: 'Days since the last click; since day 0 for who never clicked.',
        formula: '`latest_day` − `last_active_day`, at least 0',
      },
    },
  },
  [rule]: {
    meaning:
      'The rule that holds for each module: its own, else that of the empty module, else the one shipped.',
    columns: {
      weight_inactivity: ruled('weight_inactivity', 35),
      weight_missing: ruled('weight_missing', 30),
      weight_late: ruled('weight_late', 10),
      weight_score: ruled('weight_score', 15),
      weight_attempts: ruled('weight_attempts', 10),
      inactivity_days_full: ruled('inactivity_days_full', 28),
      score_enough: ruled('score_enough', 60),
      attempts_full: ruled('attempts_full', 3),
      medium_from: ruled('medium_from', 30),
      high_from: ruled('high_from', 60),
    },
  },
  'open_university.at_risk': {
    meaning: 'One row per enrolled student: points of risk, and what they are made of.',
    columns: {
      assessments_due: {
        ...assessments,
        meaning: 'Assessments that are due by now.',
        formula:
          'number with `open_university.assessment_submissions.date` < `as_of_day`, whose `open_university.assessment_submissions.status` is not left',
      },
      assessments_missing: {
        ...assessments,
        meaning: 'Of these, not handed in.',
        formula: 'number whose `open_university.assessment_submissions.status` is missing',
      },
      points_inactivity: score(
        'For days without a click.',
        `\`${rule}.weight_inactivity\` × min(1, \`inactivity_streak_days\` / \`${rule}.inactivity_days_full\`)`,
      ),
      points_missing: score(
        'For assessments that are missing.',
        `\`${rule}.weight_missing\` × \`assessments_missing\` / \`assessments_due\`; 0 where none is due`,
      ),
      points_late: score(
        'For late submissions.',
        `\`${rule}.weight_late\` × \`submissions_late\` / \`submissions\`; 0 without submissions`,
      ),
      points_score: score(
        'For a low average score.',
        `\`${rule}.weight_score\` × max(0, \`${rule}.score_enough\` − \`average_score\`) / \`${rule}.score_enough\`; 0 without scores`,
      ),
      points_attempts: score(
        'For earlier attempts.',
        `\`${rule}.weight_attempts\` × min(1, \`num_of_prev_attempts\` / \`${rule}.attempts_full\`)`,
      ),
      risk_score: score(
        'Points of risk, 0 to the sum of the weights.',
        '`points_inactivity` + `points_missing` + `points_late` + `points_score` + `points_attempts`',
      ),
      risk_level: {
        meaning: 'left (unregistered or withdrawn), high, medium or low.',
        formula: `left by \`open_university.dim_registered_module.date_unregistration\` and \`open_university.dim_registered_module.final_result\`; high where \`risk_score\` ≥ \`${rule}.high_from\`, medium where ≥ \`${rule}.medium_from\`, else low`,
      },
    },
  },
}
