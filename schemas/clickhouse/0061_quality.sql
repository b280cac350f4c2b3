-- What the checks of quality have found, run by run, and the scores that follow. Rows are written once; old ones go.

CREATE DATABASE IF NOT EXISTS tidemark;

-- One row per run and check.
CREATE TABLE IF NOT EXISTS tidemark.quality_results (
  run_id String COMMENT 'Which run.',
  measured_at DateTime64(3, 'UTC') COMMENT 'When the run began.',
  period_from DateTime64(3, 'UTC') COMMENT 'Rows that are looked at are not older.',
  period_to DateTime64(3, 'UTC') COMMENT 'Rows that are looked at are older.',
  topology String COMMENT 'Of which topology.',
  `table` String COMMENT 'Of which table, with its database; empty where it is about the topology as a whole.',
  `check` String COMMENT 'Which check.',
  dimension String COMMENT 'completeness, accuracy, consistency, timeliness or validity.',
  level String COMMENT 'Critical, Error, Warning or Info.',
  measured Nullable(Float64) COMMENT 'Percent of the rows that failed, or what the check says; null where there was nothing to measure.',
  threshold Nullable(Float64) COMMENT 'What measured may be at most; null where nothing is judged.',
  passed Nullable(Bool) COMMENT 'Null where there was nothing to measure or nothing is judged.',
  rows_looked_at UInt64 COMMENT 'Rows that the check was asked of.',
  rows_failed UInt64 COMMENT 'Of these, failed.',
  detail String COMMENT 'An example, or what else there is to say.'
) ENGINE = ReplacingMergeTree(measured_at)
ORDER BY (topology, `table`, `check`, run_id)
TTL toDateTime(measured_at) + INTERVAL 400 DAY;

-- One row per run, topology and dimension.
CREATE TABLE IF NOT EXISTS tidemark.quality_scores (
  run_id String COMMENT 'Which run.',
  measured_at DateTime64(3, 'UTC') COMMENT 'When the run began.',
  topology String COMMENT 'Of which topology; empty: over all that were looked at.',
  dimension String COMMENT 'Of which dimension; empty: over all.',
  score Nullable(Float64) COMMENT 'Null where there was nothing to measure.'
) ENGINE = ReplacingMergeTree(measured_at)
ORDER BY (topology, dimension, run_id)
TTL toDateTime(measured_at) + INTERVAL 400 DAY;
