/** A first few facts of each topology, as a newcomer would ask for them. */
import type { ClickHouse } from '../sinks/clickhouse/clickhouse.ts'

export const firstFacts: readonly {
  readonly topology: string
  readonly title: string
  readonly query: string
}[] = [
  {
    topology: 'mcq',
    title: 'mcq.test_summary_fact: how students do',
    query: `SELECT student_id, test_id, questions_attempted, correct_answers,
                   round(accuracy_percent, 1) AS accuracy_percent, completion_status, time_spent
            FROM mcq.test_summary_fact ORDER BY event_time DESC, student_id, test_id LIMIT 5`,
  },
  {
    topology: 'mcq',
    title: 'mcq.test_funnel_fact: how tests are taken',
    query: `SELECT test_id, total_submissions, completed_submissions,
                   round(completion_rate, 3) AS completion_rate, round(avg_submit_time, 1) AS avg_submit_time
            FROM mcq.test_funnel_fact ORDER BY total_submissions DESC, test_id LIMIT 3`,
  },
  {
    topology: 'exam-scores',
    title: 'exam_scores.exam_average_score: the results of real exams',
    query: `SELECT exam_id, length(scores_all) AS results, round(average_score, 2) AS average_score
            FROM exam_scores.exam_average_score ORDER BY exam_id LIMIT 3`,
  },
  {
    topology: 'student-performance',
    title: 'student_performance.student_data: hours of study a week, and the final grade',
    query: `SELECT studytime, count() AS students, round(avg(g3), 1) AS mean_g3
            FROM student_performance.student_data GROUP BY studytime ORDER BY studytime LIMIT 4`,
  },
  {
    topology: 'open-university',
    title: 'open_university.enrolment_funnel: how far students come',
    query: `SELECT code_module, code_presentation, enrolments, active, submitted, passed, withdrawn,
                   round(completion_rate, 2) AS completion_rate
            FROM open_university.enrolment_funnel ORDER BY code_module, code_presentation LIMIT 3`,
  },
  {
    topology: 'adaptive-learning',
    title:
      'adaptive_learning.user_attempts: what learners practise, and what was known of them before',
    query: `SELECT topic, uniqExact(user_id) AS learners, count() AS attempts, round(avg(correct), 2) AS right,
                   round(avg(bkt_prob_knowledge_before), 2) AS mean_knowledge_before
            FROM adaptive_learning.user_attempts GROUP BY topic ORDER BY topic LIMIT 4`,
  },
]

const resultBytesMax = 1024 * 1024

export async function printFirstFacts(
  clickhouse: ClickHouse,
  topologies: ReadonlySet<string>,
): Promise<void> {
  for (const { topology, title, query } of firstFacts) {
    if (!topologies.has(topology)) continue
    process.stdout.write(`\n${title}\n`)
    const { body } = await clickhouse.read({
      sql: query,
      format: 'PrettyCompactMonoBlock',
      settings: { output_format_pretty_row_numbers: '0' },
      parameters: {},
      resultBytesMax,
    })
    for await (const chunk of body) process.stdout.write(chunk)
  }
  process.stdout.write('\n')
}
