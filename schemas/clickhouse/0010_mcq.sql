-- The multiple-choice test platform: fact tables and dimensions. A table ending in _versions keeps versioned
-- upserts; the view of the plain name is what readers query: the current row of each key.

CREATE DATABASE IF NOT EXISTS mcq;

-- One row per student, test and question.
CREATE TABLE IF NOT EXISTS mcq.question_interaction_fact_versions (
  student_id String COMMENT 'Who.',
  test_id String COMMENT 'Which test.',
  question_id String COMMENT 'Which question.',
  first_answer_time DateTime64(3, 'UTC') COMMENT 'Time of the first answer.',
  last_answer_time DateTime64(3, 'UTC') COMMENT 'Time of the last answer.',
  answer_count Int32 COMMENT 'Number of answers.',
  final_answer_option Nullable(String) COMMENT 'Option of the answer with the greatest (timestamp, answer_id).',
  is_correct Nullable(Bool) COMMENT 'Whether the final option is the correct one; null while the correct option is unknown.',
  revisited Bool COMMENT 'Answered more than once.',
  time_spent Float64 COMMENT 'Seconds between the first and the last answer.',
  event_time DateTime64(3, 'UTC') COMMENT 'Greatest event time that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (test_id, student_id, question_id);

CREATE VIEW IF NOT EXISTS mcq.question_interaction_fact AS
SELECT student_id, test_id, question_id, first_answer_time, last_answer_time, answer_count, final_answer_option, is_correct, revisited, time_spent, event_time, known_at, version
FROM mcq.question_interaction_fact_versions FINAL;

-- One row per student and test.
CREATE TABLE IF NOT EXISTS mcq.test_summary_fact_versions (
  student_id String COMMENT 'Who.',
  test_id String COMMENT 'Which test.',
  total_questions Nullable(Int32) COMMENT 'As the test says, or else the number of its known questions.',
  questions_attempted Int32 COMMENT 'Distinct questions answered.',
  questions_revisited Int32 COMMENT 'Of these, answered more than once.',
  correct_answers Int32 COMMENT 'Questions whose final option is correct.',
  avg_time_per_question Nullable(Float64) COMMENT 'Seconds: time_spent / questions_attempted.',
  accuracy_percent Nullable(Float64) COMMENT '100 × correct_answers / questions_attempted.',
  total_sessions Int32 COMMENT 'Distinct sessions.',
  test_start_time Nullable(DateTime64(3, 'UTC')) COMMENT 'The earlier of first session and first answer.',
  test_submit_time Nullable(DateTime64(3, 'UTC')) COMMENT 'Time of the submission that counts.',
  completion_status Nullable(String) COMMENT 'completed, incomplete, or null while not submitted.',
  time_spent Nullable(Float64) COMMENT 'Seconds from start to submission, or to the last answer while unsubmitted.',
  event_time DateTime64(3, 'UTC') COMMENT 'Greatest event time that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (test_id, student_id);

CREATE VIEW IF NOT EXISTS mcq.test_summary_fact AS
SELECT student_id, test_id, total_questions, questions_attempted, questions_revisited, correct_answers, avg_time_per_question, accuracy_percent, total_sessions, test_start_time, test_submit_time, completion_status, time_spent, event_time, known_at, version
FROM mcq.test_summary_fact_versions FINAL;

-- One row per test.
CREATE TABLE IF NOT EXISTS mcq.test_funnel_fact_versions (
  test_id String COMMENT 'Which test.',
  total_submissions Int64 COMMENT 'Students who submitted.',
  completed_submissions Int64 COMMENT 'Of these, completed.',
  incomplete_submissions Int64 COMMENT 'Of these, incomplete.',
  completion_rate Nullable(Float64) COMMENT 'completed_submissions / total_submissions.',
  avg_submit_time Nullable(Float64) COMMENT 'Mean seconds from start to submission, over completed submissions with a start.',
  event_time DateTime64(3, 'UTC') COMMENT 'Greatest event time that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (test_id);

CREATE VIEW IF NOT EXISTS mcq.test_funnel_fact AS
SELECT test_id, total_submissions, completed_submissions, incomplete_submissions, completion_rate, avg_submit_time, event_time, known_at, version
FROM mcq.test_funnel_fact_versions FINAL;

-- Dimension: the current row of each of the students.
CREATE TABLE IF NOT EXISTS mcq.students_versions (
  student_id String COMMENT 'Unique identifier.',
  student_name Nullable(String) COMMENT 'Full name.',
  email Nullable(String) COMMENT 'Contact address.',
  created_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the account was created.',
  event_time DateTime64(3, 'UTC') COMMENT 'Greatest event time that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (student_id);

CREATE VIEW IF NOT EXISTS mcq.students AS
SELECT student_id, student_name, email, created_at, event_time, known_at, version
FROM mcq.students_versions FINAL;

-- Dimension: the current row of each of the teachers.
CREATE TABLE IF NOT EXISTS mcq.teachers_versions (
  teacher_id String COMMENT 'Unique identifier.',
  teacher_name Nullable(String) COMMENT 'Full name.',
  email Nullable(String) COMMENT 'Contact address.',
  department Nullable(String) COMMENT 'Department.',
  event_time DateTime64(3, 'UTC') COMMENT 'Greatest event time that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (teacher_id);

CREATE VIEW IF NOT EXISTS mcq.teachers AS
SELECT teacher_id, teacher_name, email, department, event_time, known_at, version
FROM mcq.teachers_versions FINAL;

-- Dimension: the current row of each of the tests.
CREATE TABLE IF NOT EXISTS mcq.tests_versions (
  test_id String COMMENT 'Unique identifier.',
  teacher_id Nullable(String) COMMENT 'Its creator.',
  test_name Nullable(String) COMMENT 'Title.',
  created_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was created.',
  total_questions Nullable(Int32) COMMENT 'Number of questions.',
  event_time DateTime64(3, 'UTC') COMMENT 'Greatest event time that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (test_id);

CREATE VIEW IF NOT EXISTS mcq.tests AS
SELECT test_id, teacher_id, test_name, created_at, total_questions, event_time, known_at, version
FROM mcq.tests_versions FINAL;

-- Dimension: the current row of each of the questions.
CREATE TABLE IF NOT EXISTS mcq.questions_versions (
  question_id String COMMENT 'Unique identifier.',
  test_id String COMMENT 'The test it belongs to.',
  correct_option Nullable(String) COMMENT 'Key of the correct option.',
  question_text Nullable(String) COMMENT 'Text of the question.',
  event_time DateTime64(3, 'UTC') COMMENT 'Greatest event time that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (question_id);

CREATE VIEW IF NOT EXISTS mcq.questions AS
SELECT question_id, test_id, correct_option, question_text, event_time, known_at, version
FROM mcq.questions_versions FINAL;
