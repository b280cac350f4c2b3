import type { Dashboard } from '../dashboard.ts'

/** Seed 000: what the old system's dashboard showed of tests, and how it goes now. */
export const mcq: Dashboard = {
  uid: 'tidemark-mcq',
  title: 'Tidemark: MCQ tests',
  description: 'Students, tests and questions of the topology mcq',
  since: '24h',
  panels: [
    {
      title: 'Students with a test',
      kind: 'stat',
      width: 6,
      sql: 'SELECT uniqExact(student_id) AS students FROM mcq.test_summary_fact',
    },
    {
      title: 'Questions answered',
      kind: 'stat',
      width: 6,
      sql: 'SELECT count() AS questions FROM mcq.question_interaction_fact',
    },
    {
      title: 'Right, of those with a known answer',
      kind: 'stat',
      width: 6,
      unit: 'percent',
      sql: 'SELECT 100 * avg(is_correct) AS percent FROM mcq.question_interaction_fact WHERE is_correct IS NOT NULL',
    },
    {
      title: 'Submissions completed',
      kind: 'stat',
      width: 6,
      unit: 'percent',
      sql: `SELECT 100 * sum(completed_submissions) / sum(total_submissions) AS percent
FROM mcq.test_funnel_fact`,
    },
    {
      title: 'Questions answered over time',
      kind: 'timeseries',
      width: 12,
      sql: `SELECT $__timeInterval(last_answer_time) AS time, count() AS questions
FROM mcq.question_interaction_fact WHERE $__timeFilter(last_answer_time)
GROUP BY time ORDER BY time`,
    },
    {
      title: 'Accuracy over time',
      kind: 'timeseries',
      width: 12,
      unit: 'percent',
      sql: `SELECT $__timeInterval(last_answer_time) AS time, 100 * avg(is_correct) AS accuracy
FROM mcq.question_interaction_fact
WHERE $__timeFilter(last_answer_time) AND is_correct IS NOT NULL
GROUP BY time ORDER BY time`,
    },
    {
      title: 'Completion rate by test',
      kind: 'barchart',
      width: 12,
      unit: 'percentunit',
      sql: `SELECT funnel.test_id AS test, completion_rate
FROM mcq.test_funnel_fact AS funnel
ORDER BY total_submissions DESC, test LIMIT 20`,
    },
    {
      title: 'Tests',
      kind: 'table',
      width: 12,
      sql: `SELECT summary.test_id AS test, any(tests.test_name) AS name, count() AS students,
  round(avg(accuracy_percent), 1) AS accuracy_percent, round(avg(avg_time_per_question), 1) AS seconds_per_question,
  sum(questions_revisited) AS questions_revisited
FROM mcq.test_summary_fact AS summary LEFT JOIN mcq.tests AS tests ON tests.test_id = summary.test_id
GROUP BY test ORDER BY students DESC, test LIMIT 100`,
    },
    {
      title: 'Questions that tell good students from others least',
      kind: 'table',
      width: 24,
      sql: `SELECT test_id, question_id, learners, round(facility, 3) AS facility,
  round(discrimination_index, 1) AS discrimination_index, round(test_reliability, 1) AS test_reliability
FROM mcq.item_statistics WHERE discrimination_index IS NOT NULL
ORDER BY mcq.item_statistics.discrimination_index LIMIT 50`,
    },
  ],
}
