import type { Dashboard } from '../dashboard.ts'

/** Seed 004: attempts, what learners know, items, and the figures of its section on monitoring. */
export const adaptiveLearning: Dashboard = {
  uid: 'tidemark-adaptive-learning',
  title: 'Tidemark: adaptive learning',
  description: 'Attempts, learners and items, of the topology adaptive-learning',
  since: '1y',
  panels: [
    {
      title: 'Attempts',
      kind: 'stat',
      width: 6,
      sql: 'SELECT count() AS attempts FROM adaptive_learning.user_attempts',
    },
    {
      title: 'Learners',
      kind: 'stat',
      width: 6,
      sql: 'SELECT uniqExact(user_id) AS learners FROM adaptive_learning.user_attempts',
    },
    {
      title: 'Right',
      kind: 'stat',
      width: 6,
      unit: 'percent',
      sql: 'SELECT 100 * avg(correct) AS percent FROM adaptive_learning.user_attempts',
    },
    {
      title: 'Predicted beforehand, mean error',
      description: 'Between the predicted probability of a right answer and what came, 0 to 1',
      kind: 'stat',
      width: 6,
      sql: `SELECT avg(abs(probability_correct_before - toFloat64(correct))) AS error
FROM adaptive_learning.user_attempts`,
    },
    {
      title: 'Attempts over time',
      kind: 'timeseries',
      width: 12,
      sql: `SELECT $__timeInterval(event_time) AS time, topic, count() AS attempts
FROM adaptive_learning.user_attempts WHERE $__timeFilter(event_time)
GROUP BY time, topic ORDER BY time, topic`,
    },
    {
      title: 'Learners and minutes of study a day',
      kind: 'timeseries',
      width: 12,
      sql: `SELECT toDateTime(makeDate(year, month, day)) AS time, uniqExact(user_id) AS learners,
  sum(total_study_time_minutes) AS minutes
FROM adaptive_learning.daily_aggregations WHERE $__timeFilter(event_time)
GROUP BY time ORDER BY time`,
    },
    {
      title: 'What learners know, by topic',
      kind: 'table',
      width: 12,
      sql: `SELECT topic, uniqExact(user_id) AS learners, round(100 * avg(correct), 1) AS right_percent,
  round(avg(bkt_prob_knowledge_before), 3) AS knowledge, round(avg(irt_ability_before[topic]), 3) AS ability
FROM adaptive_learning.user_attempts GROUP BY topic ORDER BY topic`,
    },
    {
      title: 'Response times',
      kind: 'barchart',
      width: 12,
      sql: `SELECT response_time_category AS category, count() AS attempts
FROM adaptive_learning.user_attempts GROUP BY category ORDER BY attempts DESC`,
    },
    {
      title: 'Items that tell good learners from others least',
      kind: 'table',
      width: 12,
      sql: `SELECT topic, item_id, learners, round(facility, 3) AS facility, round(discrimination_index, 1) AS discrimination
FROM adaptive_learning.item_statistics WHERE discrimination_index IS NOT NULL
ORDER BY discrimination_index, topic, item_id LIMIT 50`,
    },
    {
      title: 'Response times far from the others of their topic, by day',
      kind: 'timeseries',
      width: 12,
      sql: `WITH fences AS (
  SELECT topic, quantileExact(0.25)(response_time_seconds) AS low, quantileExact(0.75)(response_time_seconds) AS high
  FROM adaptive_learning.user_attempts GROUP BY topic
)
SELECT toStartOfDay(event_time) AS time,
  countIf(response_time_seconds > high + 1.5 * (high - low) OR response_time_seconds < low - 1.5 * (high - low)) AS outliers
FROM adaptive_learning.user_attempts INNER JOIN fences USING (topic)
WHERE $__timeFilter(event_time) GROUP BY time ORDER BY time`,
    },
  ],
}
