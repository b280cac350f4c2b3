/** What is expected of the tables of the multiple-choice test platform. Times that were spent are seconds. */
import * as facts from '../../../facts/mcq.ts'
import {
  agrees,
  atLeast,
  computed,
  oneOf,
  range,
  refersTo,
  type TableExpectations,
  type TopologyExpectations,
} from '../expectation.ts'
import { itemStatistics, undefinedStatistics } from './item-statistics.ts'

const seconds = (from: string, to: string) =>
  `(toUnixTimestamp64Milli(assumeNotNull(${to})) - toUnixTimestamp64Milli(assumeNotNull(${from}))) / 1000`

const interactions: TableExpectations = {
  fact: facts.questionInteractions,
  isArrival: true,
  isTimed: true,
  // An answer may choose no option.
  mayBeNull: ['final_answer_option'],
  rows: [
    atLeast('answer_count', 1),
    atLeast('time_spent', 0),
    computed('time_spent', seconds('first_answer_time', 'last_answer_time')),
    agrees('answers_in_order', 'first_answer_time <= last_answer_time'),
    agrees('revisited_where_answers', 'revisited = (answer_count > 1)'),
    refersTo('question_id', 'mcq.questions.question_id'),
    {
      name: 'question_of_its_test',
      dimension: 'consistency',
      level: 'Warning',
      holds: '(question_id, test_id) IN (SELECT question_id, test_id FROM mcq.questions)',
      where: 'question_id IN (SELECT question_id FROM mcq.questions)',
    },
    refersTo('student_id', 'mcq.students.student_id'),
    refersTo('test_id', 'mcq.tests.test_id'),
  ],
}

const ofTest = { student_id: 'student_id', test_id: 'test_id' } as const

const summaries: TableExpectations = {
  fact: facts.testSummaries,
  isTimed: true,
  // Until a test is begun, answered or handed in.
  mayBeNull: [
    'avg_time_per_question',
    'accuracy_percent',
    'test_start_time',
    'test_submit_time',
    'completion_status',
    'time_spent',
  ],
  rows: [
    range('accuracy_percent', 0, 100),
    atLeast('questions_attempted', 0),
    oneOf('completion_status', ['completed', 'incomplete']),
    computed(
      'accuracy_percent',
      '100 * correct_answers / questions_attempted',
      'questions_attempted > 0',
    ),
    computed(
      'avg_time_per_question',
      'time_spent / questions_attempted',
      'questions_attempted > 0',
    ),
    computed(
      'time_spent',
      seconds('test_start_time', 'test_submit_time'),
      'test_start_time IS NOT NULL AND test_submit_time IS NOT NULL',
    ),
    agrees('correct_within_attempted', 'correct_answers <= questions_attempted'),
    agrees('revisited_within_attempted', 'questions_revisited <= questions_attempted'),
    agrees('attempted_within_test', 'questions_attempted <= total_questions'),
    agrees('submitted_after_start', 'test_submit_time >= test_start_time'),
    agrees('status_where_submitted', '(completion_status IS NULL) = (test_submit_time IS NULL)'),
  ],
  totals: [
    {
      name: 'questions_add_up',
      total: 'questions_attempted',
      of: 'mcq.question_interaction_fact',
      sum: 'count()',
      by: ofTest,
    },
    {
      name: 'correct_answers_add_up',
      total: 'correct_answers',
      of: 'mcq.question_interaction_fact',
      sum: 'countIf(ifNull(is_correct, false))',
      by: ofTest,
    },
  ],
}

const funnels: TableExpectations = {
  fact: facts.testFunnels,
  isTimed: true,
  // Without a submission, or without a completed one whose start is known.
  mayBeNull: ['completion_rate', 'avg_submit_time'],
  rows: [
    range('completion_rate', 0, 1),
    computed(
      'completion_rate',
      'completed_submissions / total_submissions',
      'total_submissions > 0',
    ),
    agrees(
      'submissions_split',
      'total_submissions = completed_submissions + incomplete_submissions',
    ),
  ],
  totals: [
    {
      name: 'submissions_add_up',
      total: 'total_submissions',
      of: 'mcq.test_summary_fact',
      sum: 'countIf(test_submit_time IS NOT NULL)',
      by: { test_id: 'test_id' },
    },
    {
      name: 'completed_add_up',
      total: 'completed_submissions',
      of: 'mcq.test_summary_fact',
      sum: "countIf(ifNull(completion_status = 'completed', false))",
      by: { test_id: 'test_id' },
    },
  ],
}

export const mcq: TopologyExpectations = {
  topology: 'mcq',
  tables: [
    interactions,
    summaries,
    funnels,
    {
      fact: facts.students,
      rows: [
        {
          name: 'format:email',
          dimension: 'validity',
          level: 'Warning',
          holds: "match(email, '^[^@ ]+@[^@ ]+$')",
          failedPercentMax: 1,
        },
      ],
    },
    { fact: facts.teachers },
    {
      fact: facts.tests,
      rows: [atLeast('total_questions', 0), refersTo('teacher_id', 'mcq.teachers.teacher_id')],
    },
    { fact: facts.questions, rows: [refersTo('test_id', 'mcq.tests.test_id')] },
    { fact: facts.itemStatistics, mayBeNull: undefinedStatistics, rows: itemStatistics },
  ],
  unjudged: {},
}
