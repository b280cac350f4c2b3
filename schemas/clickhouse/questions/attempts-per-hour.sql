-- title: Attempts per hour, and how long after it happened the latest became known
-- seed: adaptive learning, data volume and timeliness
SELECT toStartOfHour(event_time) AS hour, count() AS attempts, countIf(is_late) AS late,
  max(date_diff('second', event_time, known_at)) AS known_after_seconds_max
FROM adaptive_learning.user_attempts
GROUP BY hour
ORDER BY hour
