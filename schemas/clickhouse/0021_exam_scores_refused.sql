-- The seed’s quarantine table holds every payload of the feed that was refused. What a quality check refused has its
-- own rows; what never was an exam score (invalid JSON, a wrong type, corrupt Avro) is read from the quarantine.

CREATE OR REPLACE VIEW exam_scores.data_quality_checks_results AS
SELECT event_id, check_name, level, reason, payload, event_time, known_at, version
FROM exam_scores.data_quality_checks_results_versions FINAL
UNION ALL
SELECT
  id AS event_id,
  `check` AS check_name,
  level,
  reason,
  ifNull(record_value, '') AS payload,
  event_time,
  known_at,
  version
FROM tidemark.quarantine_versions FINAL
WHERE topic = 'exam_score' AND status = 'quarantined'
  AND NOT match(`check`, 'student_identified|exam_number_not_negative|score_finite|score_not_negative');
