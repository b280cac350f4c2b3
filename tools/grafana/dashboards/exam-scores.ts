import type { Dashboard } from '../dashboard.ts'

/** Seed 001: results of the feed, averages, and what the checks refused. */
export const examScores: Dashboard = {
  uid: 'tidemark-exam-scores',
  title: 'Tidemark: exam scores',
  description: 'Results of exams, of the topology exam-scores',
  since: '20y',
  panels: [
    {
      title: 'Results',
      kind: 'stat',
      width: 8,
      sql: 'SELECT count() AS results FROM exam_scores.events',
    },
    {
      title: 'Students',
      kind: 'stat',
      width: 8,
      sql: 'SELECT count() AS students FROM exam_scores.student_average_score',
    },
    {
      title: 'Exams',
      kind: 'stat',
      width: 8,
      sql: 'SELECT count() AS exams FROM exam_scores.exam_average_score',
    },
    {
      title: 'Results over time',
      kind: 'timeseries',
      width: 12,
      sql: `SELECT $__timeInterval(event_time) AS time, count() AS results
FROM exam_scores.events WHERE $__timeFilter(event_time) GROUP BY time ORDER BY time`,
    },
    {
      title: 'Students by their average',
      kind: 'barchart',
      width: 12,
      sql: `WITH (SELECT max(average_score) FROM exam_scores.student_average_score) AS highest
SELECT toString(floor(10 * average_score / greatest(highest, 0.000001)) / 10 * highest) AS from_average, count() AS students
FROM exam_scores.student_average_score WHERE average_score IS NOT NULL
GROUP BY from_average ORDER BY toFloat64(from_average)`,
    },
    {
      title: 'Exams, the hardest first',
      kind: 'table',
      width: 12,
      sql: `SELECT exam_id, length(scores_all) AS results, round(exam.average_score, 4) AS average
FROM exam_scores.exam_average_score AS exam WHERE exam.average_score IS NOT NULL
ORDER BY exam.average_score, exam_id LIMIT 100`,
    },
    {
      title: 'Records kept in quarantine, by check',
      description: 'Empty while nothing was refused',
      kind: 'table',
      width: 12,
      sql: `SELECT topic, check, level, count() AS records, max(quarantined_at) AS latest
FROM tidemark.quarantine WHERE topic = 'exam_score' AND status = 'quarantined'
GROUP BY topic, check, level ORDER BY records DESC`,
    },
  ],
}
