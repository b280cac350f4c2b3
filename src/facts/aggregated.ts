/** The tables whose rows sum up many events, by `database.table`; every other has a row for what it tells of. A lake keeps
 * them apart, and for longer. */
export const aggregatedTables: ReadonlySet<string> = new Set([
  'adaptive_learning.daily_aggregations',
  'adaptive_learning.item_statistics',
  'exam_scores.exam_average_score',
  'exam_scores.student_average_score',
  'mcq.item_statistics',
  'mcq.test_funnel_fact',
  'mcq.test_summary_fact',
  'open_university.engagement_by_attribute',
  'open_university.enrolment_funnel',
  'open_university.student_engagement',
  'open_university.student_weekly_engagement',
  'open_university.weekly_engagement',
])
