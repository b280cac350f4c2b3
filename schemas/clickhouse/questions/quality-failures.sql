-- title: Checks of quality that failed in the latest run of their topology, the gravest first
-- seed: adaptive learning, quality reports and validation failure rates
WITH latest AS (
  SELECT topology, argMax(run_id, measured_at) AS run_id
  FROM tidemark.quality_results
  GROUP BY topology
)
SELECT measured_at, topology, `table`, `check`, dimension, level, measured, threshold,
  rows_looked_at, rows_failed, detail
FROM tidemark.quality_results
WHERE NOT ifNull(passed, true) AND (topology, run_id) IN (SELECT topology, run_id FROM latest)
ORDER BY indexOf(['Critical', 'Error', 'Warning', 'Info'], level), topology, `table`, `check`
