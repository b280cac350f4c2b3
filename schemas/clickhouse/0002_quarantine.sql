-- Records that were refused, with their original bytes: kept for a look, and for being sent again.

CREATE DATABASE IF NOT EXISTS tidemark;

-- One row per record that was refused, with its original bytes.
CREATE TABLE IF NOT EXISTS tidemark.quarantine_versions (
  id String COMMENT 'Identity of the refused record: the same for the same record, however often it is met.',
  topic String COMMENT 'The topic that it was read from, or meant for.',
  `partition` Nullable(Int32) COMMENT 'Where it lies in the log; null where it never entered.',
  `offset` Nullable(Int64) COMMENT 'Where it lies in the log; null where it never entered.',
  `check` String COMMENT 'The check or rule that it failed.',
  level String COMMENT 'Critical or Error.',
  reason String COMMENT 'What was found, and what was expected.',
  source String COMMENT 'Who refused it: ingest, runtime, file or sse.',
  location Nullable(String) COMMENT 'Where it came from: file:line, or an address.',
  record_format String COMMENT 'What record_value holds: avro (framed, as in the log), json, csv or bytes.',
  record_key Nullable(String) COMMENT 'The record’s key, byte by byte.',
  record_value Nullable(String) COMMENT 'The record’s value, byte by byte as it came.',
  record_headers String COMMENT 'JSON: pairs of name and base64.',
  record_timestamp Nullable(DateTime64(3, 'UTC')) COMMENT 'The record’s own time.',
  status String COMMENT 'quarantined or redriven.',
  quarantined_at DateTime64(3, 'UTC') COMMENT 'When it was refused.',
  redriven_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was sent again.',
  event_time DateTime64(3, 'UTC') COMMENT 'The record’s own time, or when it was refused.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (id);

CREATE VIEW IF NOT EXISTS tidemark.quarantine AS
SELECT id, topic, `partition`, `offset`, `check`, level, reason, source, location, record_format, record_key, record_value, record_headers, record_timestamp, status, quarantined_at, redriven_at, event_time, known_at, version
FROM tidemark.quarantine_versions FINAL;
