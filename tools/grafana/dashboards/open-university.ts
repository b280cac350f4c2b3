import type { Dashboard } from '../dashboard.ts'

/** Seed 002: cohorts, dropout risk and engagement. */
export const openUniversity: Dashboard = {
  uid: 'tidemark-open-university',
  title: 'Tidemark: Open University',
  description: 'Cohorts, dropout risk and engagement, of the topology open-university',
  since: '20y',
  panels: [
    {
      title: 'Enrolments',
      kind: 'stat',
      width: 6,
      sql: 'SELECT sum(enrolments) AS enrolments FROM open_university.enrolment_funnel',
    },
    {
      title: 'Withdrawn',
      kind: 'stat',
      width: 6,
      unit: 'percent',
      sql: `SELECT 100 * sum(withdrawn) / sum(enrolments) AS percent
FROM open_university.enrolment_funnel`,
    },
    {
      title: 'Passed, with distinctions',
      kind: 'stat',
      width: 6,
      unit: 'percent',
      sql: `SELECT 100 * sum(passed + distinctions) / sum(enrolments) AS percent
FROM open_university.enrolment_funnel`,
    },
    {
      title: 'Clicks',
      kind: 'stat',
      width: 6,
      unit: 'short',
      sql: 'SELECT sum(sum_click) AS clicks FROM open_university.weekly_engagement',
    },
    {
      title: 'How far enrolments come',
      kind: 'barchart',
      width: 12,
      sql: `SELECT concat(code_module, ' ', code_presentation) AS presentation,
  enrolments, active, submitted, passed + distinctions AS completed, withdrawn
FROM open_university.enrolment_funnel ORDER BY presentation LIMIT 30`,
    },
    {
      title: 'Students by risk',
      kind: 'barchart',
      width: 12,
      sql: `SELECT concat(code_module, ' ', code_presentation) AS presentation,
  countIf(risk_level = 'high') AS high, countIf(risk_level = 'medium') AS medium, countIf(risk_level = 'low') AS low
FROM open_university.at_risk GROUP BY presentation ORDER BY presentation LIMIT 30`,
    },
    {
      title: 'Active students by week of the presentation',
      kind: 'barchart',
      width: 12,
      sql: `SELECT toString(week.week) AS of_week, sum(active_students) AS active_students
FROM open_university.weekly_engagement AS week
GROUP BY week.week ORDER BY week.week LIMIT 60`,
    },
    {
      title: 'Clicks a student, by attribute',
      kind: 'table',
      width: 12,
      sql: `SELECT attribute, attribute_value, sum(students) AS students_all,
  round(sum(sum_click) / sum(students), 1) AS clicks_each, round(100 * sum(withdrawn) / sum(students), 1) AS withdrawn_percent
FROM open_university.engagement_by_attribute
GROUP BY attribute, attribute_value ORDER BY attribute, attribute_value`,
    },
    {
      title: 'Students at risk, and why',
      kind: 'table',
      width: 24,
      sql: `SELECT code_module, code_presentation, id_student, risk_level, round(risk_score, 1) AS score,
  round(points_inactivity, 1) AS inactivity, round(points_missing, 1) AS missing, round(points_late, 1) AS late,
  round(points_score, 1) AS low_score, round(points_attempts, 1) AS attempts
FROM open_university.at_risk WHERE risk_level IN ('high', 'medium')
ORDER BY risk_score DESC, id_student LIMIT 100`,
    },
  ],
}
