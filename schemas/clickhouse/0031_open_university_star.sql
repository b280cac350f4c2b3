-- OULAD: the star schema.

-- One row per result of a student in an assessment.
CREATE TABLE IF NOT EXISTS open_university.fact_assessments_versions (
  id_assessment Int64 COMMENT 'Which assessment.',
  id_student Int64 COMMENT 'Who.',
  code_module Nullable(String) COMMENT 'Of the assessment; null while it is unknown.',
  code_presentation Nullable(String) COMMENT 'Of the assessment; null while it is unknown.',
  assessment_type Nullable(String) COMMENT 'TMA (marked by a tutor), CMA (by a computer) or Exam.',
  date Nullable(Int32) COMMENT 'Day the assessment is due, from the start of the presentation.',
  weight Nullable(Float64) COMMENT 'Percent of the final mark.',
  days_late Nullable(Int32) COMMENT 'date_submitted − date: days after it was due, negative before; null for a banked result.',
  date_submitted Nullable(Int32) COMMENT 'Day of submission, from the start of the presentation.',
  is_banked Bool COMMENT 'The result comes from an earlier presentation.',
  score Nullable(Float64) COMMENT '0 to 100.',
  weighted_score Nullable(Float64) COMMENT 'score × weight / 100.',
  is_passed Nullable(Bool) COMMENT 'A score of 40 or more; null without a score.',
  event_time DateTime64(3, 'UTC') COMMENT 'When it happened: the start of the presentation plus the greatest day that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (id_assessment, id_student);

CREATE VIEW IF NOT EXISTS open_university.fact_assessments AS
SELECT id_assessment, id_student, code_module, code_presentation, assessment_type, date, weight, days_late, date_submitted, is_banked, score, weighted_score, is_passed, event_time, known_at, version
FROM open_university.fact_assessments_versions FINAL;

-- One row per module, presentation, student, page and day, its clicks summed.
CREATE TABLE IF NOT EXISTS open_university.fact_vle_interactions_versions (
  code_module String COMMENT 'Code of the module.',
  code_presentation String COMMENT 'Code of the presentation: its year, and the month it starts in as a letter (B February, J October).',
  id_student Int64 COMMENT 'Who.',
  id_site Int64 COMMENT 'Which page.',
  date Int32 COMMENT 'Day, from the start of the presentation.',
  sum_click Int64 COMMENT 'Clicks of all its rows.',
  click_rows Int32 COMMENT 'Rows that were summed.',
  event_time DateTime64(3, 'UTC') COMMENT 'When it happened: the start of the presentation plus the greatest day that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (code_module, code_presentation, id_student, id_site, date);

CREATE VIEW IF NOT EXISTS open_university.fact_vle_interactions AS
SELECT code_module, code_presentation, id_student, id_site, date, sum_click, click_rows, event_time, known_at, version
FROM open_university.fact_vle_interactions_versions FINAL;

-- Dimension: modules.
CREATE TABLE IF NOT EXISTS open_university.dim_module_versions (
  code_module String COMMENT 'Code of the module.',
  presentations Int32 COMMENT 'Known presentations of it.',
  event_time DateTime64(3, 'UTC') COMMENT 'When it happened: the start of the presentation plus the greatest day that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (code_module);

CREATE VIEW IF NOT EXISTS open_university.dim_module AS
SELECT code_module, presentations, event_time, known_at, version
FROM open_university.dim_module_versions FINAL;

-- Dimension: pages of the virtual learning environment.
CREATE TABLE IF NOT EXISTS open_university.dim_module_vle_versions (
  id_site Int64 COMMENT 'Which page.',
  code_module String COMMENT 'Code of the module.',
  code_presentation String COMMENT 'Code of the presentation: its year, and the month it starts in as a letter (B February, J October).',
  activity_type Nullable(String) COMMENT 'Its kind.',
  week_from Nullable(Int32) COMMENT 'First week it is meant for.',
  week_to Nullable(Int32) COMMENT 'Last week it is meant for.',
  event_time DateTime64(3, 'UTC') COMMENT 'When it happened: the start of the presentation plus the greatest day that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (id_site);

CREATE VIEW IF NOT EXISTS open_university.dim_module_vle AS
SELECT id_site, code_module, code_presentation, activity_type, week_from, week_to, event_time, known_at, version
FROM open_university.dim_module_vle_versions FINAL;

-- Dimension: a module in a presentation.
CREATE TABLE IF NOT EXISTS open_university.dim_presentation_versions (
  code_module String COMMENT 'Code of the module.',
  code_presentation String COMMENT 'Code of the presentation: its year, and the month it starts in as a letter (B February, J October).',
  module_presentation_length Nullable(Int32) COMMENT 'Length in days.',
  start_year Int32 COMMENT 'Year it starts in.',
  start_month Int32 COMMENT 'Month it starts in, 1 to 12.',
  event_time DateTime64(3, 'UTC') COMMENT 'When it happened: the start of the presentation plus the greatest day that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (code_module, code_presentation);

CREATE VIEW IF NOT EXISTS open_university.dim_presentation AS
SELECT code_module, code_presentation, module_presentation_length, start_year, start_month, event_time, known_at, version
FROM open_university.dim_presentation_versions FINAL;

-- Dimension: a student in a presentation, registered or described.
CREATE TABLE IF NOT EXISTS open_university.dim_registered_module_versions (
  code_module String COMMENT 'Code of the module.',
  code_presentation String COMMENT 'Code of the presentation: its year, and the month it starts in as a letter (B February, J October).',
  id_student Int64 COMMENT 'Who.',
  date_registration Nullable(Int32) COMMENT 'Day of registration, from the start of the presentation.',
  date_unregistration Nullable(Int32) COMMENT 'Day of unregistration; missing where the student stayed.',
  gender Nullable(String) COMMENT 'Gender.',
  region Nullable(String) COMMENT 'Where the student lived.',
  highest_education Nullable(String) COMMENT 'Highest education on entry.',
  imd_band Nullable(String) COMMENT 'Band of the Index of Multiple Deprivation of the place where the student lived.',
  age_band Nullable(String) COMMENT 'Band of age.',
  num_of_prev_attempts Nullable(Int32) COMMENT 'Earlier attempts at the module.',
  studied_credits Nullable(Int32) COMMENT 'Credits of all modules the student is studying.',
  disability Nullable(String) COMMENT 'Y where a disability was declared, else N.',
  final_result Nullable(String) COMMENT 'Pass, Fail, Distinction or Withdrawn.',
  event_time DateTime64(3, 'UTC') COMMENT 'When it happened: the start of the presentation plus the greatest day that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (code_module, code_presentation, id_student);

CREATE VIEW IF NOT EXISTS open_university.dim_registered_module AS
SELECT code_module, code_presentation, id_student, date_registration, date_unregistration, gender, region, highest_education, imd_band, age_band, num_of_prev_attempts, studied_credits, disability, final_result, event_time, known_at, version
FROM open_university.dim_registered_module_versions FINAL;

-- Dimension: students, as of their latest presentation.
CREATE TABLE IF NOT EXISTS open_university.dim_student_versions (
  id_student Int64 COMMENT 'Who.',
  code_module String COMMENT 'Of the latest presentation.',
  code_presentation String COMMENT 'The latest presentation.',
  gender Nullable(String) COMMENT 'Gender.',
  region Nullable(String) COMMENT 'Where the student lived.',
  highest_education Nullable(String) COMMENT 'Highest education on entry.',
  imd_band Nullable(String) COMMENT 'Band of the Index of Multiple Deprivation of the place where the student lived.',
  age_band Nullable(String) COMMENT 'Band of age.',
  num_of_prev_attempts Nullable(Int32) COMMENT 'Earlier attempts at the module.',
  studied_credits Nullable(Int32) COMMENT 'Credits of all modules the student is studying.',
  disability Nullable(String) COMMENT 'Y where a disability was declared, else N.',
  final_result Nullable(String) COMMENT 'Pass, Fail, Distinction or Withdrawn.',
  enrolments Int32 COMMENT 'Presentations that studentInfo has of the student.',
  event_time DateTime64(3, 'UTC') COMMENT 'When it happened: the start of the presentation plus the greatest day that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (id_student);

CREATE VIEW IF NOT EXISTS open_university.dim_student AS
SELECT id_student, code_module, code_presentation, gender, region, highest_education, imd_band, age_band, num_of_prev_attempts, studied_credits, disability, final_result, enrolments, event_time, known_at, version
FROM open_university.dim_student_versions FINAL;

-- Dimension: days from the start of a presentation that any row names.
CREATE TABLE IF NOT EXISTS open_university.dim_date_versions (
  date Int32 COMMENT 'Day; negative before the start.',
  week Int32 COMMENT 'date / 7, rounded down.',
  day_of_week Int32 COMMENT '0 to 6, from the start of the presentation.',
  is_before_start Bool COMMENT 'date is negative.',
  event_time DateTime64(3, 'UTC') COMMENT 'When it happened: the start of the presentation plus the greatest day that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (date);

CREATE VIEW IF NOT EXISTS open_university.dim_date AS
SELECT date, week, day_of_week, is_before_start, event_time, known_at, version
FROM open_university.dim_date_versions FINAL;
