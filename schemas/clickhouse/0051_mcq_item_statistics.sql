-- Statistics of the questions of a test, in Moodle’s formulas.

CREATE DATABASE IF NOT EXISTS mcq;

-- One row per test and question: Moodle’s statistics over the students who completed the test.
CREATE TABLE IF NOT EXISTS mcq.item_statistics_versions (
  test_id String COMMENT 'Which test, taken as the test.',
  question_id String COMMENT 'Which question.',
  learners Int64 COMMENT 'Students who completed the test.',
  facility Float64 COMMENT 'Mean mark as a share of the greatest mark, 0 to 1.',
  mean Float64 COMMENT 'Mean mark; a right answer is 1.',
  standard_deviation Nullable(Float64) COMMENT 'Of the marks, over learners − 1; null below two learners.',
  discrimination_index Nullable(Float64) COMMENT 'Per cent: correlation of the item’s marks with the rest of the test; null where one of the two never differs.',
  test_learners Int64 COMMENT 'Learners of the test.',
  test_items Int64 COMMENT 'Items of the test with statistics.',
  test_mean Float64 COMMENT 'Mean mark in the test.',
  test_standard_deviation Nullable(Float64) COMMENT 'Of the marks in the test; null below two learners.',
  test_reliability Nullable(Float64) COMMENT 'Cronbach’s alpha, per cent; null below two items or two learners, or where nobody differs.',
  test_standard_error Nullable(Float64) COMMENT 'Standard error of a learner’s mark in the test, in marks; null where the reliability is.',
  event_time DateTime64(3, 'UTC') COMMENT 'Greatest event time that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (test_id, question_id);

CREATE VIEW IF NOT EXISTS mcq.item_statistics AS
SELECT test_id, question_id, learners, facility, mean, standard_deviation, discrimination_index, test_learners, test_items, test_mean, test_standard_deviation, test_reliability, test_standard_error, event_time, known_at, version
FROM mcq.item_statistics_versions FINAL;
