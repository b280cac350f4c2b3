/** What is expected of the tables of the exam-score feed. */
import * as facts from '../../../facts/exam-scores.ts'
import {
  agrees,
  atLeast,
  computed,
  oneOf,
  refersTo,
  type TableExpectations,
  type TopologyExpectations,
} from '../expectation.ts'

const events: TableExpectations = {
  fact: facts.events,
  isArrival: true,
  isTimed: true,
  naturalKey: ['student_id', 'exam_id', 'event_time'],
  rows: [
    atLeast('score', 0),
    atLeast('exam_id', 0),
    agrees('student_identified', "student_id != ''"),
    refersTo('student_id', 'exam_scores.students.id'),
    refersTo('exam_id', 'exam_scores.exams.id'),
    refersTo('event_type_id', 'exam_scores.event_type.id'),
  ],
}

/** The mean of the scores that are there; NULL where none is. */
const mean =
  'arrayAvg(arrayMap(x -> assumeNotNull(x), arrayFilter(x -> x IS NOT NULL, scores_all)))'
const hasScore = 'arrayExists(x -> x IS NOT NULL, scores_all)'

const averages: TableExpectations['rows'] = [
  computed('average_score', mean, hasScore),
  agrees('average_where_scores', `(average_score IS NOT NULL) = (${hasScore})`),
]

export const examScores: TopologyExpectations = {
  topology: 'exam-scores',
  tables: [
    events,
    { fact: facts.eventTypes, rows: [agrees('named', 'id = event_type')] },
    { fact: facts.students, rows: [agrees('named', 'id = student_identification')] },
    { fact: facts.exams, rows: [agrees('named', 'id = exam_identification')] },
    {
      fact: facts.studentAverageScores,
      // Of who has results without scores.
      mayBeNull: ['average_score'],
      rows: averages,
      totals: [
        {
          name: 'scores_add_up',
          total: 'length(scores_all)',
          of: 'exam_scores.events',
          sum: 'count()',
          by: { student_id: 'student_id' },
        },
      ],
    },
    {
      fact: facts.examAverageScores,
      mayBeNull: ['average_score'],
      rows: averages,
      totals: [
        {
          name: 'scores_add_up',
          total: 'length(scores_all)',
          of: 'exam_scores.events',
          sum: 'count()',
          by: { exam_id: 'exam_id' },
        },
      ],
    },
    {
      fact: facts.dataQualityCheckResults,
      rows: [oneOf('level', ['Critical', 'Error', 'Warning'])],
    },
  ],
  unjudged: {},
}
