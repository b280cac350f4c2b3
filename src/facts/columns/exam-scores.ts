/** The columns of the exam-score feed. */
import type { TableNotes } from '../../core/fact-table.ts'
import type { NotesByTable } from './notes.ts'

const id = { unit: 'identifier' } as const
const scoreUnit = 'the exam’s own scale'

/** Of students and of exams alike. */
const averages = {
  scores_all: {
    unit: scoreUnit,
    formula: 'all `exam_score.score`, ordered by `exam_score.timestamp`, then by event id',
  },
  average_score: {
    unit: scoreUnit,
    formula: 'sum / number, over the values of `scores_all` that are not null',
  },
} as const satisfies TableNotes['columns']

const failedEvent = {
  event_id: {
    formula: '`exam_score.event_id`, or else `exam_score.exam`/`exam_score.studentId`',
  },
  check_name: {
    formula:
      'student_identified and score_finite, score_not_negative, exam_number_not_negative look at ' +
      '`exam_score.studentId`, `exam_score.score`, `exam_score.exam`; of what never was an event `tidemark.quarantine.check`',
  },
  level: { formula: 'that of `check_name`' },
  reason: { formula: 'what `check_name` found, in the words of the check' },
  payload: {
    formula: 'every field of `exam_score`; of what never was an event its bytes as they came',
  },
} as const satisfies TableNotes['columns']

export const examScoreNotes: NotesByTable = {
  'exam_scores.events': {
    columns: {
      id: { formula: '`exam_score.event_id`, or else `exam_score.exam`/`exam_score.studentId`' },
      event_type_id: { from: ['exam_score.event_type'] },
      student_id: { from: ['exam_score.studentId'] },
      exam_id: { ...id, from: ['exam_score.exam'] },
      score: { unit: scoreUnit },
    },
  },
  'exam_scores.event_type': { columns: { id: { from: ['exam_score.event_type'] } } },
  'exam_scores.students': {
    columns: {
      id: { from: ['exam_score.studentId'] },
      student_identification: { from: ['exam_score.studentId'] },
    },
  },
  'exam_scores.exams': {
    columns: {
      id: { ...id, from: ['exam_score.exam'] },
      exam_identification: { ...id, from: ['exam_score.exam'] },
    },
  },
  'exam_scores.student_average_score': {
    columns: { student_id: { from: ['exam_score.studentId'] }, ...averages },
  },
  'exam_scores.exam_average_score': {
    columns: { exam_id: { ...id, from: ['exam_score.exam'] }, ...averages },
  },
  'exam_scores.data_quality_checks_results': { columns: failedEvent },
}
