-- What instances were asked to do besides their topologies, and what came of it.

CREATE DATABASE IF NOT EXISTS tidemark;

-- One row per run of a job: an import, a rebuild, a backfill, whatever an instance was asked to do.
CREATE TABLE IF NOT EXISTS tidemark.runs_versions (
  run_id String COMMENT 'Identity of the run.',
  job String COMMENT 'What was run: import.oulad, ingest, drops, rebuild, backfill and so on.',
  request String COMMENT 'JSON: what was asked for.',
  instance String COMMENT 'Which instance ran it.',
  started_at DateTime64(3, 'UTC') COMMENT 'When it began.',
  finished_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When it ended; null while it runs.',
  state String COMMENT 'running, succeeded, failed or interrupted.',
  result Nullable(String) COMMENT 'JSON: what it has found or done; null where it has not succeeded.',
  error Nullable(String) COMMENT 'What it has failed with; null where it has not failed.',
  event_time DateTime64(3, 'UTC') COMMENT 'When it ended, or else began.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (run_id);

CREATE VIEW IF NOT EXISTS tidemark.runs AS
SELECT run_id, job, request, instance, started_at, finished_at, state, result, error, event_time, known_at, version
FROM tidemark.runs_versions FINAL;
