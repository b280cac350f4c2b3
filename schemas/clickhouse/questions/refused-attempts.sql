-- title: Attempts, sessions and training examples that failed a check
-- seed: adaptive learning, validation failure rates and schema compliance
SELECT topic, `check`, level, count() AS records, max(event_time) AS latest
FROM tidemark.quarantine
WHERE topic IN ('user.attempts', 'user.sessions', 'ml.training')
GROUP BY topic, `check`, level
ORDER BY topic, records DESC, `check`, level
