-- OULAD: engagement and risk, current with each event.

-- One row per module and presentation: how far its students came, and how they ended.
CREATE TABLE IF NOT EXISTS open_university.enrolment_funnel_versions (
  code_module String COMMENT 'Code of the module.',
  code_presentation String COMMENT 'Code of the presentation: its year, and the month it starts in as a letter (B February, J October).',
  enrolments Int64 COMMENT 'Students who are registered or described.',
  registered Int64 COMMENT 'Students with a registration.',
  unregistered_before_start Int64 COMMENT 'Students who unregistered before day 0.',
  active Int64 COMMENT 'Students with a click.',
  submitted Int64 COMMENT 'Students with a result that is not banked.',
  passed Int64 COMMENT 'final_result Pass.',
  distinctions Int64 COMMENT 'final_result Distinction.',
  failed Int64 COMMENT 'final_result Fail.',
  withdrawn Int64 COMMENT 'final_result Withdrawn.',
  withdrawn_dated Int64 COMMENT 'Of these, with a day of unregistration.',
  withdrawn_undated Int64 COMMENT 'Of these, without.',
  without_result Int64 COMMENT 'Enrolments with none of these results.',
  completion_rate Nullable(Float64) COMMENT '(passed + distinctions) / enrolments.',
  latest_day Nullable(Int32) COMMENT 'Latest day with a click of anyone: how far the presentation is.',
  event_time DateTime64(3, 'UTC') COMMENT 'When it happened: the start of the presentation plus the greatest day that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (code_module, code_presentation);

CREATE VIEW IF NOT EXISTS open_university.enrolment_funnel AS
SELECT code_module, code_presentation, enrolments, registered, unregistered_before_start, active, submitted, passed, distinctions, failed, withdrawn, withdrawn_dated, withdrawn_undated, without_result, completion_rate, latest_day, event_time, known_at, version
FROM open_university.enrolment_funnel_versions FINAL;

-- One row per module, presentation and week.
CREATE TABLE IF NOT EXISTS open_university.weekly_engagement_versions (
  code_module String COMMENT 'Code of the module.',
  code_presentation String COMMENT 'Code of the presentation: its year, and the month it starts in as a letter (B February, J October).',
  week Int32 COMMENT 'date / 7, rounded down.',
  active_students Int64 COMMENT 'Students with a click.',
  active_days Int64 COMMENT 'Days with a click, summed over the students.',
  sum_click Int64 COMMENT 'Clicks.',
  event_time DateTime64(3, 'UTC') COMMENT 'When it happened: the start of the presentation plus the greatest day that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (code_module, code_presentation, week);

CREATE VIEW IF NOT EXISTS open_university.weekly_engagement AS
SELECT code_module, code_presentation, week, active_students, active_days, sum_click, event_time, known_at, version
FROM open_university.weekly_engagement_versions FINAL;

-- One row per module, presentation, student and week.
CREATE TABLE IF NOT EXISTS open_university.student_weekly_engagement_versions (
  code_module String COMMENT 'Code of the module.',
  code_presentation String COMMENT 'Code of the presentation: its year, and the month it starts in as a letter (B February, J October).',
  id_student Int64 COMMENT 'Who.',
  week Int32 COMMENT 'date / 7, rounded down.',
  active_days Int32 COMMENT 'Days with a click.',
  sum_click Int64 COMMENT 'Clicks.',
  event_time DateTime64(3, 'UTC') COMMENT 'When it happened: the start of the presentation plus the greatest day that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (code_module, code_presentation, id_student, week);

CREATE VIEW IF NOT EXISTS open_university.student_weekly_engagement AS
SELECT code_module, code_presentation, id_student, week, active_days, sum_click, event_time, known_at, version
FROM open_university.student_weekly_engagement_versions FINAL;

-- One row per student in a presentation.
CREATE TABLE IF NOT EXISTS open_university.student_engagement_versions (
  code_module String COMMENT 'Code of the module.',
  code_presentation String COMMENT 'Code of the presentation: its year, and the month it starts in as a letter (B February, J October).',
  id_student Int64 COMMENT 'Who.',
  sum_click Int64 COMMENT 'Clicks.',
  active_days Int32 COMMENT 'Days with a click.',
  first_active_day Nullable(Int32) COMMENT 'First day with a click.',
  last_active_day Nullable(Int32) COMMENT 'Last day with a click.',
  longest_inactivity_days Int32 COMMENT 'Most days in a row without a click between two days with one.',
  submissions Int32 COMMENT 'Results that are not banked.',
  submissions_late Int32 COMMENT 'Of these, handed in after the day they were due.',
  submissions_banked Int32 COMMENT 'Results that are banked.',
  average_score Nullable(Float64) COMMENT 'Mean score over all results that have one.',
  event_time DateTime64(3, 'UTC') COMMENT 'When it happened: the start of the presentation plus the greatest day that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (code_module, code_presentation, id_student);

CREATE VIEW IF NOT EXISTS open_university.student_engagement AS
SELECT code_module, code_presentation, id_student, sum_click, active_days, first_active_day, last_active_day, longest_inactivity_days, submissions, submissions_late, submissions_banked, average_score, event_time, known_at, version
FROM open_university.student_engagement_versions FINAL;

-- One row per module, presentation, attribute of students and value of it.
CREATE TABLE IF NOT EXISTS open_university.engagement_by_attribute_versions (
  code_module String COMMENT 'Code of the module.',
  code_presentation String COMMENT 'Code of the presentation: its year, and the month it starts in as a letter (B February, J October).',
  attribute String COMMENT 'Column of studentInfo.',
  attribute_value String COMMENT 'Value of it; unknown where it is missing.',
  students Int64 COMMENT 'Students who have it.',
  active_students Int64 COMMENT 'Of these, with a click.',
  active_days Int64 COMMENT 'Days with a click, summed over the students.',
  sum_click Int64 COMMENT 'Clicks.',
  submissions Int64 COMMENT 'Results that are not banked.',
  submissions_late Int64 COMMENT 'Of these, handed in after the day they were due.',
  average_score Nullable(Float64) COMMENT 'Mean over all results with a score; scores count to the sixth decimal.',
  passed Int64 COMMENT 'final_result Pass or Distinction.',
  withdrawn Int64 COMMENT 'final_result Withdrawn.',
  clicks_per_student Float64 COMMENT 'sum_click / students.',
  event_time DateTime64(3, 'UTC') COMMENT 'When it happened: the start of the presentation plus the greatest day that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (code_module, code_presentation, attribute, attribute_value);

CREATE VIEW IF NOT EXISTS open_university.engagement_by_attribute AS
SELECT code_module, code_presentation, attribute, attribute_value, students, active_students, active_days, sum_click, submissions, submissions_late, average_score, passed, withdrawn, clicks_per_student, event_time, known_at, version
FROM open_university.engagement_by_attribute_versions FINAL;

-- One row per rule of the at-risk score.
CREATE TABLE IF NOT EXISTS open_university.at_risk_rules_versions (
  code_module String COMMENT 'Module it holds for; empty: all that have none of their own.',
  weight_inactivity Float64 COMMENT 'Points for inactivity of inactivity_days_full days or more.',
  weight_missing Float64 COMMENT 'Points where every assessment that was due is missing.',
  weight_late Float64 COMMENT 'Points where every submission was late.',
  weight_score Float64 COMMENT 'Points for an average score of 0.',
  weight_attempts Float64 COMMENT 'Points for attempts_full earlier attempts or more.',
  inactivity_days_full Float64 COMMENT 'Days.',
  score_enough Float64 COMMENT 'From this average score on, no points.',
  attempts_full Float64 COMMENT 'Earlier attempts.',
  medium_from Float64 COMMENT 'Least points of level medium.',
  high_from Float64 COMMENT 'Least points of level high.',
  event_time DateTime64(3, 'UTC') COMMENT 'When it happened: the start of the presentation plus the greatest day that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (code_module);

CREATE VIEW IF NOT EXISTS open_university.at_risk_rules AS
SELECT code_module, weight_inactivity, weight_missing, weight_late, weight_score, weight_attempts, inactivity_days_full, score_enough, attempts_full, medium_from, high_from, event_time, known_at, version
FROM open_university.at_risk_rules_versions FINAL;
