-- What is usual of tables, learnt from them, and the rows that are not.

CREATE DATABASE IF NOT EXISTS tidemark;

-- One row per model that a check has learnt.
CREATE TABLE IF NOT EXISTS tidemark.quality_models (
  topology String COMMENT 'Of which topology.',
  `table` String COMMENT 'Of which table, with its database.',
  `check` String COMMENT 'Of which check.',
  model String COMMENT 'Which model: its kind, and a hash of what it has learnt.',
  trained_at DateTime64(3, 'UTC') COMMENT 'When it learnt.',
  learnt_from DateTime64(3, 'UTC') COMMENT 'Rows that it learnt from are not older.',
  learnt_to DateTime64(3, 'UTC') COMMENT 'Rows that it learnt from are older.',
  rows_learnt UInt64 COMMENT 'Rows that it learnt from.',
  seed UInt64 COMMENT 'Of its random numbers: the same rows and seed give the same model.',
  settings String COMMENT 'JSON: what was set when it learnt.',
  features String COMMENT 'JSON: each feature with its formula, its median and its deviation.',
  threshold Float64 COMMENT 'From this score on a row is unusual.',
  forest String COMMENT 'Its trees, compressed; empty when they are 40 days old.' TTL toDateTime(trained_at) + INTERVAL 40 DAY
) ENGINE = ReplacingMergeTree(trained_at)
ORDER BY (topology, `table`, `check`, trained_at, model)
TTL toDateTime(trained_at) + INTERVAL 400 DAY;

-- One row per run, check and row that was unusual, the most unusual ones.
CREATE TABLE IF NOT EXISTS tidemark.quality_unusual (
  run_id String COMMENT 'Which run.',
  measured_at DateTime64(3, 'UTC') COMMENT 'When the run began.',
  topology String COMMENT 'Of which topology.',
  `table` String COMMENT 'Of which table, with its database.',
  `check` String COMMENT 'Which check.',
  model String COMMENT 'By which model.',
  row_key UInt64 COMMENT 'cityHash64 of the key of the row.',
  score Float64 COMMENT 'How unusual it is.',
  reasons String COMMENT 'Features without which it would be less unusual: value, usual value, and how far it is.'
) ENGINE = ReplacingMergeTree(measured_at)
ORDER BY (topology, `table`, `check`, run_id, row_key)
TTL toDateTime(measured_at) + INTERVAL 90 DAY;
