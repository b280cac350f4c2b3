import type { Dashboard } from '../dashboard.ts'

/** Seed 003: its five questions, and what was found in the files. */
export const studentPerformance: Dashboard = {
  uid: 'tidemark-student-performance',
  title: 'Tidemark: student performance',
  description: 'Students of dropped files, of the topology student-performance',
  since: '90d',
  panels: [
    {
      title: 'Students',
      kind: 'stat',
      width: 8,
      sql: 'SELECT count() AS students FROM student_performance.student_data',
    },
    {
      title: 'Files',
      kind: 'stat',
      width: 8,
      sql: 'SELECT count() AS files FROM student_performance.files',
    },
    {
      title: 'Rows removed for a missing value',
      kind: 'stat',
      width: 8,
      sql: 'SELECT sum(rows_removed) AS removed FROM student_performance.files',
    },
    {
      title: 'Final grades',
      kind: 'barchart',
      width: 12,
      sql: `SELECT toString(g3) AS grade, count() AS students
FROM student_performance.student_data GROUP BY g3 ORDER BY g3`,
    },
    {
      title: 'Median absences, by sex and family relationship',
      kind: 'barchart',
      width: 12,
      sql: `SELECT concat(toString(sex), ' ', toString(famrel)) AS sex_and_relationship,
  quantileExactInclusive(0.5)(absences) AS median_absences
FROM student_performance.student_data GROUP BY sex, famrel ORDER BY sex_and_relationship`,
    },
    {
      title: 'Final grade by study time and failures',
      kind: 'table',
      width: 12,
      sql: `SELECT studytime, failures, count() AS students, round(avg(g3), 2) AS average_grade
FROM student_performance.student_data GROUP BY studytime, failures ORDER BY studytime, failures`,
    },
    {
      title: 'Parents’ jobs',
      kind: 'table',
      width: 12,
      sql: `SELECT toString(mjob) AS mothers_job, toString(fjob) AS fathers_job, count() AS students, round(avg(g3), 2) AS average_grade
FROM student_performance.student_data GROUP BY mjob, fjob ORDER BY students DESC, mothers_job, fathers_job`,
    },
    {
      title: 'What was found in the files',
      kind: 'table',
      width: 24,
      sql: `SELECT file_name, check_name, column_name, rows, detail
FROM student_performance.findings ORDER BY rows DESC, file_name, check_name LIMIT 100`,
    },
  ],
}
