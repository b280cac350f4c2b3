-- title: What a learner did on each day
-- seed: adaptive learning, daily aggregations
-- param user: the learner's identifier
SELECT year, month, day, total_attempts, correct_attempts, accuracy, avg_response_time_ms,
  total_study_time_minutes, unique_items_attempted, total_sessions
FROM adaptive_learning.daily_aggregations
WHERE user_id = {user:String}
ORDER BY year, month, day
