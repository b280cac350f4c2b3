-- title: Learners' days unlike the others, the most unusual first, and what is unusual of them
-- seed: adaptive learning, anomaly detection by models
WITH latest AS (
  SELECT argMax(run_id, measured_at) AS run_id
  FROM tidemark.quality_results
  WHERE `table` = 'adaptive_learning.daily_aggregations' AND `check` = 'unusual_days'
)
SELECT round(score, 3) AS unusual, user_id, year, month, day, reasons, total_attempts, accuracy,
  avg_response_time_ms, total_study_time_minutes, unique_items_attempted, total_sessions, model
FROM tidemark.quality_unusual AS found
INNER JOIN adaptive_learning.daily_aggregations AS days
  ON found.row_key = cityHash64(days.user_id, days.year, days.month, days.day)
WHERE `table` = 'adaptive_learning.daily_aggregations' AND `check` = 'unusual_days'
  AND run_id IN (SELECT run_id FROM latest)
ORDER BY score DESC, user_id, year, month, day
