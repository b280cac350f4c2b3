-- title: Attempts whose response time lies far from the others of their topic (Tukey's fences)
-- seed: adaptive learning, anomaly detection
WITH fences AS (
  SELECT topic, quantileExact(0.25)(response_time_seconds) AS low,
    quantileExact(0.75)(response_time_seconds) AS high
  FROM adaptive_learning.user_attempts
  GROUP BY topic
)
SELECT user_id, attempt_id, topic, response_time_seconds, response_time_category
FROM adaptive_learning.user_attempts INNER JOIN fences USING (topic)
WHERE response_time_seconds > high + 1.5 * (high - low)
  OR response_time_seconds < low - 1.5 * (high - low)
ORDER BY topic, response_time_seconds DESC, user_id, attempt_id
