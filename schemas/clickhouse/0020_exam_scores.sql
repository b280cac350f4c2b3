-- The exam-score feed: the star schema, the averages and the rows that failed a check.

CREATE DATABASE IF NOT EXISTS exam_scores;

-- One row per event of the feed.
CREATE TABLE IF NOT EXISTS exam_scores.events_versions (
  id String COMMENT 'Identity of the event.',
  event_type_id String COMMENT 'Its kind.',
  student_id String COMMENT 'Who.',
  exam_id Int64 COMMENT 'Which exam.',
  score Nullable(Float64) COMMENT 'The result on the exam’s own scale.',
  event_time DateTime64(3, 'UTC') COMMENT 'Greatest event time that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (id);

CREATE VIEW IF NOT EXISTS exam_scores.events AS
SELECT id, event_type_id, student_id, exam_id, score, event_time, known_at, version
FROM exam_scores.events_versions FINAL;

-- Dimension: the kinds of event seen.
CREATE TABLE IF NOT EXISTS exam_scores.event_type_versions (
  id String COMMENT 'The kind.',
  event_type String COMMENT 'The kind, as the feed names it.',
  event_time DateTime64(3, 'UTC') COMMENT 'Greatest event time that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (id);

CREATE VIEW IF NOT EXISTS exam_scores.event_type AS
SELECT id, event_type, event_time, known_at, version
FROM exam_scores.event_type_versions FINAL;

-- Dimension: students who have at least one result.
CREATE TABLE IF NOT EXISTS exam_scores.students_versions (
  id String COMMENT 'The student’s natural identifier.',
  student_identification String COMMENT 'The same, under the feed’s word.',
  event_time DateTime64(3, 'UTC') COMMENT 'Greatest event time that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (id);

CREATE VIEW IF NOT EXISTS exam_scores.students AS
SELECT id, student_identification, event_time, known_at, version
FROM exam_scores.students_versions FINAL;

-- Dimension: exams that have at least one result.
CREATE TABLE IF NOT EXISTS exam_scores.exams_versions (
  id Int64 COMMENT 'The exam’s natural identifier.',
  exam_identification Int64 COMMENT 'The same, under the feed’s word.',
  event_time DateTime64(3, 'UTC') COMMENT 'Greatest event time that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (id);

CREATE VIEW IF NOT EXISTS exam_scores.exams AS
SELECT id, exam_identification, event_time, known_at, version
FROM exam_scores.exams_versions FINAL;

-- One row per student.
CREATE TABLE IF NOT EXISTS exam_scores.student_average_score_versions (
  student_id String COMMENT 'Who.',
  scores_all Array(Nullable(Float64)) COMMENT 'All results, by event time, then event id; null where there is no score.',
  average_score Nullable(Float64) COMMENT 'Mean of the scores that are there; null where none is.',
  event_time DateTime64(3, 'UTC') COMMENT 'Greatest event time that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (student_id);

CREATE VIEW IF NOT EXISTS exam_scores.student_average_score AS
SELECT student_id, scores_all, average_score, event_time, known_at, version
FROM exam_scores.student_average_score_versions FINAL;

-- One row per exam.
CREATE TABLE IF NOT EXISTS exam_scores.exam_average_score_versions (
  exam_id Int64 COMMENT 'Which exam.',
  scores_all Array(Nullable(Float64)) COMMENT 'All results, by event time, then event id; null where there is no score.',
  average_score Nullable(Float64) COMMENT 'Mean of the scores that are there; null where none is.',
  event_time DateTime64(3, 'UTC') COMMENT 'Greatest event time that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (exam_id);

CREATE VIEW IF NOT EXISTS exam_scores.exam_average_score AS
SELECT exam_id, scores_all, average_score, event_time, known_at, version
FROM exam_scores.exam_average_score_versions FINAL;

-- One row per event and check that it failed.
CREATE TABLE IF NOT EXISTS exam_scores.data_quality_checks_results_versions (
  event_id String COMMENT 'Identity of the event.',
  check_name String COMMENT 'Name of the check.',
  level String COMMENT 'Critical, Error or Warning.',
  reason String COMMENT 'What was found, and what was expected.',
  payload String COMMENT 'The event as JSON.',
  event_time DateTime64(3, 'UTC') COMMENT 'Greatest event time that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (event_id, check_name);

CREATE VIEW IF NOT EXISTS exam_scores.data_quality_checks_results AS
SELECT event_id, check_name, level, reason, payload, event_time, known_at, version
FROM exam_scores.data_quality_checks_results_versions FINAL;
