-- title: How complete and valid the attempts of each day are
-- seed: adaptive learning, quality metrics
SELECT toDate(event_time) AS date, count() AS attempts,
  100 * countIf(session_id IS NOT NULL) / attempts AS session_known_percent,
  100 * countIf(answered) / attempts AS answered_percent,
  100 * countIf(features_source = 'event') / attempts AS features_brought_percent,
  countIf(is_late) AS late
FROM adaptive_learning.user_attempts
GROUP BY date
ORDER BY date
