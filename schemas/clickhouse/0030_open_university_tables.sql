-- OULAD: its tables as received (raw) and with types (clean).

CREATE DATABASE IF NOT EXISTS open_university;

-- A module in a presentation. As received.
CREATE TABLE IF NOT EXISTS open_university.raw_courses_versions (
  code_module String COMMENT 'Code of the module.',
  code_presentation String COMMENT 'Code of the presentation: its year, and the month it starts in as a letter (B February, J October).',
  module_presentation_length Nullable(String) COMMENT 'Length in days.',
  _source_file Nullable(String) COMMENT 'Name of the file it came from, without its extension; null where it came from none.',
  event_time DateTime64(3, 'UTC') COMMENT 'When it happened: the start of the presentation plus the greatest day that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (code_module, code_presentation);

CREATE VIEW IF NOT EXISTS open_university.raw_courses AS
SELECT code_module, code_presentation, module_presentation_length, _source_file, event_time, known_at, version
FROM open_university.raw_courses_versions FINAL;

-- An assessment of a presentation. As received.
CREATE TABLE IF NOT EXISTS open_university.raw_assessments_versions (
  code_module Nullable(String) COMMENT 'Code of the module.',
  code_presentation Nullable(String) COMMENT 'Code of the presentation: its year, and the month it starts in as a letter (B February, J October).',
  id_assessment String COMMENT 'Which assessment.',
  assessment_type Nullable(String) COMMENT 'TMA (marked by a tutor), CMA (by a computer) or Exam.',
  date Nullable(String) COMMENT 'Day it is due, from the start of the presentation.',
  weight Nullable(String) COMMENT 'Percent of the final mark.',
  _source_file Nullable(String) COMMENT 'Name of the file it came from, without its extension; null where it came from none.',
  event_time DateTime64(3, 'UTC') COMMENT 'When it happened: the start of the presentation plus the greatest day that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (id_assessment);

CREATE VIEW IF NOT EXISTS open_university.raw_assessments AS
SELECT code_module, code_presentation, id_assessment, assessment_type, date, weight, _source_file, event_time, known_at, version
FROM open_university.raw_assessments_versions FINAL;

-- A page of the virtual learning environment. As received.
CREATE TABLE IF NOT EXISTS open_university.raw_vle_versions (
  id_site String COMMENT 'Which page.',
  code_module Nullable(String) COMMENT 'Code of the module.',
  code_presentation Nullable(String) COMMENT 'Code of the presentation: its year, and the month it starts in as a letter (B February, J October).',
  activity_type Nullable(String) COMMENT 'Its kind.',
  week_from Nullable(String) COMMENT 'First week it is meant for.',
  week_to Nullable(String) COMMENT 'Last week it is meant for.',
  _source_file Nullable(String) COMMENT 'Name of the file it came from, without its extension; null where it came from none.',
  event_time DateTime64(3, 'UTC') COMMENT 'When it happened: the start of the presentation plus the greatest day that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (id_site);

CREATE VIEW IF NOT EXISTS open_university.raw_vle AS
SELECT id_site, code_module, code_presentation, activity_type, week_from, week_to, _source_file, event_time, known_at, version
FROM open_university.raw_vle_versions FINAL;

-- A student in a presentation. As received.
CREATE TABLE IF NOT EXISTS open_university.raw_student_info_versions (
  code_module String COMMENT 'Code of the module.',
  code_presentation String COMMENT 'Code of the presentation: its year, and the month it starts in as a letter (B February, J October).',
  id_student String COMMENT 'Who.',
  gender Nullable(String) COMMENT 'Gender.',
  region Nullable(String) COMMENT 'Where the student lived.',
  highest_education Nullable(String) COMMENT 'Highest education on entry.',
  imd_band Nullable(String) COMMENT 'Band of the Index of Multiple Deprivation of the place where the student lived.',
  age_band Nullable(String) COMMENT 'Band of age.',
  num_of_prev_attempts Nullable(String) COMMENT 'Earlier attempts at the module.',
  studied_credits Nullable(String) COMMENT 'Credits of all modules the student is studying.',
  disability Nullable(String) COMMENT 'Y where a disability was declared, else N.',
  final_result Nullable(String) COMMENT 'Pass, Fail, Distinction or Withdrawn.',
  _source_file Nullable(String) COMMENT 'Name of the file it came from, without its extension; null where it came from none.',
  event_time DateTime64(3, 'UTC') COMMENT 'When it happened: the start of the presentation plus the greatest day that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (code_module, code_presentation, id_student);

CREATE VIEW IF NOT EXISTS open_university.raw_student_info AS
SELECT code_module, code_presentation, id_student, gender, region, highest_education, imd_band, age_band, num_of_prev_attempts, studied_credits, disability, final_result, _source_file, event_time, known_at, version
FROM open_university.raw_student_info_versions FINAL;

-- A registration of a student for a presentation. As received.
CREATE TABLE IF NOT EXISTS open_university.raw_student_registration_versions (
  code_module String COMMENT 'Code of the module.',
  code_presentation String COMMENT 'Code of the presentation: its year, and the month it starts in as a letter (B February, J October).',
  id_student String COMMENT 'Who.',
  date_registration Nullable(String) COMMENT 'Day of registration, from the start of the presentation.',
  date_unregistration Nullable(String) COMMENT 'Day of unregistration; missing where the student stayed.',
  _source_file Nullable(String) COMMENT 'Name of the file it came from, without its extension; null where it came from none.',
  event_time DateTime64(3, 'UTC') COMMENT 'When it happened: the start of the presentation plus the greatest day that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (code_module, code_presentation, id_student);

CREATE VIEW IF NOT EXISTS open_university.raw_student_registration AS
SELECT code_module, code_presentation, id_student, date_registration, date_unregistration, _source_file, event_time, known_at, version
FROM open_university.raw_student_registration_versions FINAL;

-- A result of a student in an assessment. As received.
CREATE TABLE IF NOT EXISTS open_university.raw_student_assessment_versions (
  id_assessment String COMMENT 'Which assessment.',
  id_student String COMMENT 'Who.',
  date_submitted Nullable(String) COMMENT 'Day of submission, from the start of the presentation.',
  is_banked Nullable(String) COMMENT '1 where the result comes from an earlier presentation, else 0.',
  score Nullable(String) COMMENT '0 to 100.',
  _source_file Nullable(String) COMMENT 'Name of the file it came from, without its extension; null where it came from none.',
  event_time DateTime64(3, 'UTC') COMMENT 'When it happened: the start of the presentation plus the greatest day that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (id_assessment, id_student);

CREATE VIEW IF NOT EXISTS open_university.raw_student_assessment AS
SELECT id_assessment, id_student, date_submitted, is_banked, score, _source_file, event_time, known_at, version
FROM open_university.raw_student_assessment_versions FINAL;

-- Clicks of a student on a page in a day. Rows repeat, and each counts. As received.
CREATE TABLE IF NOT EXISTS open_university.raw_student_vle_versions (
  event_id String COMMENT 'Identity of the row within its student.',
  code_module Nullable(String) COMMENT 'Code of the module.',
  code_presentation Nullable(String) COMMENT 'Code of the presentation: its year, and the month it starts in as a letter (B February, J October).',
  id_student String COMMENT 'Who.',
  id_site Nullable(String) COMMENT 'Which page.',
  date Nullable(String) COMMENT 'Day, from the start of the presentation.',
  sum_click Nullable(String) COMMENT 'Clicks.',
  _source_file Nullable(String) COMMENT 'Name of the file it came from, without its extension; null where it came from none.',
  event_time DateTime64(3, 'UTC') COMMENT 'When it happened: the start of the presentation plus the greatest day that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (id_student, event_id);

CREATE VIEW IF NOT EXISTS open_university.raw_student_vle AS
SELECT event_id, code_module, code_presentation, id_student, id_site, date, sum_click, _source_file, event_time, known_at, version
FROM open_university.raw_student_vle_versions FINAL;

-- A module in a presentation. With types; NULL where the value is missing.
CREATE TABLE IF NOT EXISTS open_university.clean_courses_versions (
  code_module String COMMENT 'Code of the module.',
  code_presentation String COMMENT 'Code of the presentation: its year, and the month it starts in as a letter (B February, J October).',
  module_presentation_length Nullable(Int32) COMMENT 'Length in days.',
  _source_file Nullable(String) COMMENT 'Name of the file it came from, without its extension; null where it came from none.',
  event_time DateTime64(3, 'UTC') COMMENT 'When it happened: the start of the presentation plus the greatest day that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (code_module, code_presentation);

CREATE VIEW IF NOT EXISTS open_university.clean_courses AS
SELECT code_module, code_presentation, module_presentation_length, _source_file, event_time, known_at, version
FROM open_university.clean_courses_versions FINAL;

-- An assessment of a presentation. With types; NULL where the value is missing.
CREATE TABLE IF NOT EXISTS open_university.clean_assessments_versions (
  code_module String COMMENT 'Code of the module.',
  code_presentation String COMMENT 'Code of the presentation: its year, and the month it starts in as a letter (B February, J October).',
  id_assessment Int64 COMMENT 'Which assessment.',
  assessment_type Nullable(String) COMMENT 'TMA (marked by a tutor), CMA (by a computer) or Exam.',
  date Nullable(Int32) COMMENT 'Day it is due, from the start of the presentation.',
  weight Nullable(Float64) COMMENT 'Percent of the final mark.',
  _source_file Nullable(String) COMMENT 'Name of the file it came from, without its extension; null where it came from none.',
  event_time DateTime64(3, 'UTC') COMMENT 'When it happened: the start of the presentation plus the greatest day that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (id_assessment);

CREATE VIEW IF NOT EXISTS open_university.clean_assessments AS
SELECT code_module, code_presentation, id_assessment, assessment_type, date, weight, _source_file, event_time, known_at, version
FROM open_university.clean_assessments_versions FINAL;

-- A page of the virtual learning environment. With types; NULL where the value is missing.
CREATE TABLE IF NOT EXISTS open_university.clean_vle_versions (
  id_site Int64 COMMENT 'Which page.',
  code_module String COMMENT 'Code of the module.',
  code_presentation String COMMENT 'Code of the presentation: its year, and the month it starts in as a letter (B February, J October).',
  activity_type Nullable(String) COMMENT 'Its kind.',
  week_from Nullable(Int32) COMMENT 'First week it is meant for.',
  week_to Nullable(Int32) COMMENT 'Last week it is meant for.',
  _source_file Nullable(String) COMMENT 'Name of the file it came from, without its extension; null where it came from none.',
  event_time DateTime64(3, 'UTC') COMMENT 'When it happened: the start of the presentation plus the greatest day that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (id_site);

CREATE VIEW IF NOT EXISTS open_university.clean_vle AS
SELECT id_site, code_module, code_presentation, activity_type, week_from, week_to, _source_file, event_time, known_at, version
FROM open_university.clean_vle_versions FINAL;

-- A student in a presentation. With types; NULL where the value is missing.
CREATE TABLE IF NOT EXISTS open_university.clean_student_info_versions (
  code_module String COMMENT 'Code of the module.',
  code_presentation String COMMENT 'Code of the presentation: its year, and the month it starts in as a letter (B February, J October).',
  id_student Int64 COMMENT 'Who.',
  gender Nullable(String) COMMENT 'Gender.',
  region Nullable(String) COMMENT 'Where the student lived.',
  highest_education Nullable(String) COMMENT 'Highest education on entry.',
  imd_band Nullable(String) COMMENT 'Band of the Index of Multiple Deprivation of the place where the student lived.',
  age_band Nullable(String) COMMENT 'Band of age.',
  num_of_prev_attempts Nullable(Int32) COMMENT 'Earlier attempts at the module.',
  studied_credits Nullable(Int32) COMMENT 'Credits of all modules the student is studying.',
  disability Nullable(String) COMMENT 'Y where a disability was declared, else N.',
  final_result Nullable(String) COMMENT 'Pass, Fail, Distinction or Withdrawn.',
  _source_file Nullable(String) COMMENT 'Name of the file it came from, without its extension; null where it came from none.',
  event_time DateTime64(3, 'UTC') COMMENT 'When it happened: the start of the presentation plus the greatest day that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (code_module, code_presentation, id_student);

CREATE VIEW IF NOT EXISTS open_university.clean_student_info AS
SELECT code_module, code_presentation, id_student, gender, region, highest_education, imd_band, age_band, num_of_prev_attempts, studied_credits, disability, final_result, _source_file, event_time, known_at, version
FROM open_university.clean_student_info_versions FINAL;

-- A registration of a student for a presentation. With types; NULL where the value is missing.
CREATE TABLE IF NOT EXISTS open_university.clean_student_registration_versions (
  code_module String COMMENT 'Code of the module.',
  code_presentation String COMMENT 'Code of the presentation: its year, and the month it starts in as a letter (B February, J October).',
  id_student Int64 COMMENT 'Who.',
  date_registration Nullable(Int32) COMMENT 'Day of registration, from the start of the presentation.',
  date_unregistration Nullable(Int32) COMMENT 'Day of unregistration; missing where the student stayed.',
  _source_file Nullable(String) COMMENT 'Name of the file it came from, without its extension; null where it came from none.',
  event_time DateTime64(3, 'UTC') COMMENT 'When it happened: the start of the presentation plus the greatest day that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (code_module, code_presentation, id_student);

CREATE VIEW IF NOT EXISTS open_university.clean_student_registration AS
SELECT code_module, code_presentation, id_student, date_registration, date_unregistration, _source_file, event_time, known_at, version
FROM open_university.clean_student_registration_versions FINAL;

-- A result of a student in an assessment. With types; NULL where the value is missing.
CREATE TABLE IF NOT EXISTS open_university.clean_student_assessment_versions (
  id_assessment Int64 COMMENT 'Which assessment.',
  id_student Int64 COMMENT 'Who.',
  date_submitted Nullable(Int32) COMMENT 'Day of submission, from the start of the presentation.',
  is_banked Nullable(Int32) COMMENT '1 where the result comes from an earlier presentation, else 0.',
  score Nullable(Float64) COMMENT '0 to 100.',
  _source_file Nullable(String) COMMENT 'Name of the file it came from, without its extension; null where it came from none.',
  event_time DateTime64(3, 'UTC') COMMENT 'When it happened: the start of the presentation plus the greatest day that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (id_assessment, id_student);

CREATE VIEW IF NOT EXISTS open_university.clean_student_assessment AS
SELECT id_assessment, id_student, date_submitted, is_banked, score, _source_file, event_time, known_at, version
FROM open_university.clean_student_assessment_versions FINAL;

-- Clicks of a student on a page in a day. Rows repeat, and each counts. With types; NULL where the value is missing.
CREATE TABLE IF NOT EXISTS open_university.clean_student_vle_versions (
  event_id String COMMENT 'Identity of the row within its student.',
  code_module String COMMENT 'Code of the module.',
  code_presentation String COMMENT 'Code of the presentation: its year, and the month it starts in as a letter (B February, J October).',
  id_student Int64 COMMENT 'Who.',
  id_site Int64 COMMENT 'Which page.',
  date Int32 COMMENT 'Day, from the start of the presentation.',
  sum_click Nullable(Int32) COMMENT 'Clicks.',
  _source_file Nullable(String) COMMENT 'Name of the file it came from, without its extension; null where it came from none.',
  event_time DateTime64(3, 'UTC') COMMENT 'When it happened: the start of the presentation plus the greatest day that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (id_student, event_id);

CREATE VIEW IF NOT EXISTS open_university.clean_student_vle AS
SELECT event_id, code_module, code_presentation, id_student, id_site, date, sum_click, _source_file, event_time, known_at, version
FROM open_university.clean_student_vle_versions FINAL;
