-- Adaptive learning: attempts with their features, sessions, days, training examples and statistics of items.

CREATE DATABASE IF NOT EXISTS adaptive_learning;

-- One row per user and attempt, with the features as they were before it.
CREATE TABLE IF NOT EXISTS adaptive_learning.user_attempts_versions (
  user_id String COMMENT 'Who.',
  attempt_id String COMMENT 'Identity of the attempt within its user.',
  item_id String COMMENT 'Which item.',
  session_id Nullable(String) COMMENT 'In which session; null where the event says none.',
  topic String COMMENT 'What the item is about.',
  correct Bool COMMENT 'Whether the answer was right.',
  answered Bool COMMENT 'False where the learner gave no answer.',
  time_taken_ms Int64 COMMENT 'Milliseconds from seeing the item to the answer.',
  quality Int32 COMMENT '0 to 5, for SM-2: the event’s, or derived from correctness and time.',
  response_time_seconds Float64 COMMENT 'time_taken_ms / 1000.',
  response_time_category String COMMENT 'very_fast, fast, normal, slow or very_slow.',
  hour_of_day Int32 COMMENT 'UTC hour of the attempt, 0 to 23.',
  day_of_week Int32 COMMENT 'UTC day of the week, 0 Monday to 6 Sunday.',
  is_weekend Bool COMMENT 'Saturday or Sunday, UTC.',
  sm2_easiness_factor_before Float64 COMMENT 'SM-2 factor of learner and item before the attempt.',
  sm2_interval_before Int32 COMMENT 'Days; SM-2 interval of learner and item before the attempt, 0 at the first.',
  sm2_repetitions_before Int32 COMMENT 'Good answers since the last lapse, before the attempt.',
  bkt_prob_knowledge_before Float64 COMMENT 'Probability that the learner knows the topic, before the attempt.',
  irt_ability_before Map(String, Float64) COMMENT 'Ability by topic before the attempt, logits: the topics met so far and this one.',
  item_difficulty_before Float64 COMMENT 'Difficulty of the item for this learner before the attempt, logits.',
  probability_correct_before Float64 COMMENT 'Of a right answer, by ability and difficulty before the attempt.',
  user_attempts_1h Int32 COMMENT 'Attempts of the learner in the hour before, in steps of a sixtieth.',
  user_wins_1h Int32 COMMENT 'Of these, right.',
  user_attempts_1d Int32 COMMENT 'Attempts of the learner in the day before, in steps of a sixtieth.',
  user_wins_1d Int32 COMMENT 'Of these, right.',
  user_attempts_7d Int32 COMMENT 'Attempts of the learner in the 7 days before, in steps of a sixtieth.',
  user_wins_7d Int32 COMMENT 'Of these, right.',
  user_attempts_30d Int32 COMMENT 'Attempts of the learner in the 30 days before, in steps of a sixtieth.',
  user_wins_30d Int32 COMMENT 'Of these, right.',
  topic_attempts_1h Int32 COMMENT 'Attempts of the learner in the topic in the hour before, in steps of a sixtieth.',
  topic_wins_1h Int32 COMMENT 'Of these, right.',
  topic_attempts_1d Int32 COMMENT 'Attempts of the learner in the topic in the day before, in steps of a sixtieth.',
  topic_wins_1d Int32 COMMENT 'Of these, right.',
  topic_attempts_7d Int32 COMMENT 'Attempts of the learner in the topic in the 7 days before, in steps of a sixtieth.',
  topic_wins_7d Int32 COMMENT 'Of these, right.',
  topic_attempts_30d Int32 COMMENT 'Attempts of the learner in the topic in the 30 days before, in steps of a sixtieth.',
  topic_wins_30d Int32 COMMENT 'Of these, right.',
  features_source String COMMENT 'event where the event brought features, which then stand here; else computed.',
  feature_differences Map(String, Float64) COMMENT 'Brought minus computed, by feature; empty where the event brought none.',
  parameter_version String COMMENT 'Which parameters and variants computed the features.',
  is_late Bool COMMENT 'Arrived beyond the horizon: applied after what was there.',
  year Int32 COMMENT 'UTC year of the attempt.',
  month Int32 COMMENT 'UTC month of the attempt, 1 to 12.',
  day Int32 COMMENT 'UTC day of the month of the attempt.',
  event_time DateTime64(3, 'UTC') COMMENT 'Greatest event time that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (user_id, attempt_id);

CREATE VIEW IF NOT EXISTS adaptive_learning.user_attempts AS
SELECT user_id, attempt_id, item_id, session_id, topic, correct, answered, time_taken_ms, quality, response_time_seconds, response_time_category, hour_of_day, day_of_week, is_weekend, sm2_easiness_factor_before, sm2_interval_before, sm2_repetitions_before, bkt_prob_knowledge_before, irt_ability_before, item_difficulty_before, probability_correct_before, user_attempts_1h, user_wins_1h, user_attempts_1d, user_wins_1d, user_attempts_7d, user_wins_7d, user_attempts_30d, user_wins_30d, topic_attempts_1h, topic_wins_1h, topic_attempts_1d, topic_wins_1d, topic_attempts_7d, topic_wins_7d, topic_attempts_30d, topic_wins_30d, features_source, feature_differences, parameter_version, is_late, year, month, day, event_time, known_at, version
FROM adaptive_learning.user_attempts_versions FINAL;

-- Rows of user_attempts that another one has replaced: what was known until then.
CREATE TABLE IF NOT EXISTS adaptive_learning.user_attempts_superseded_versions (
  user_id String COMMENT 'Who.',
  attempt_id String COMMENT 'Identity of the attempt within its user.',
  revision Int32 COMMENT 'Counts the rows of the attempt that were replaced, from 0.',
  item_id String COMMENT 'Which item.',
  session_id Nullable(String) COMMENT 'In which session; null where the event says none.',
  topic String COMMENT 'What the item is about.',
  correct Bool COMMENT 'Whether the answer was right.',
  answered Bool COMMENT 'False where the learner gave no answer.',
  time_taken_ms Int64 COMMENT 'Milliseconds from seeing the item to the answer.',
  quality Int32 COMMENT '0 to 5, for SM-2: the event’s, or derived from correctness and time.',
  response_time_seconds Float64 COMMENT 'time_taken_ms / 1000.',
  response_time_category String COMMENT 'very_fast, fast, normal, slow or very_slow.',
  hour_of_day Int32 COMMENT 'UTC hour of the attempt, 0 to 23.',
  day_of_week Int32 COMMENT 'UTC day of the week, 0 Monday to 6 Sunday.',
  is_weekend Bool COMMENT 'Saturday or Sunday, UTC.',
  sm2_easiness_factor_before Float64 COMMENT 'SM-2 factor of learner and item before the attempt.',
  sm2_interval_before Int32 COMMENT 'Days; SM-2 interval of learner and item before the attempt, 0 at the first.',
  sm2_repetitions_before Int32 COMMENT 'Good answers since the last lapse, before the attempt.',
  bkt_prob_knowledge_before Float64 COMMENT 'Probability that the learner knows the topic, before the attempt.',
  irt_ability_before Map(String, Float64) COMMENT 'Ability by topic before the attempt, logits: the topics met so far and this one.',
  item_difficulty_before Float64 COMMENT 'Difficulty of the item for this learner before the attempt, logits.',
  probability_correct_before Float64 COMMENT 'Of a right answer, by ability and difficulty before the attempt.',
  user_attempts_1h Int32 COMMENT 'Attempts of the learner in the hour before, in steps of a sixtieth.',
  user_wins_1h Int32 COMMENT 'Of these, right.',
  user_attempts_1d Int32 COMMENT 'Attempts of the learner in the day before, in steps of a sixtieth.',
  user_wins_1d Int32 COMMENT 'Of these, right.',
  user_attempts_7d Int32 COMMENT 'Attempts of the learner in the 7 days before, in steps of a sixtieth.',
  user_wins_7d Int32 COMMENT 'Of these, right.',
  user_attempts_30d Int32 COMMENT 'Attempts of the learner in the 30 days before, in steps of a sixtieth.',
  user_wins_30d Int32 COMMENT 'Of these, right.',
  topic_attempts_1h Int32 COMMENT 'Attempts of the learner in the topic in the hour before, in steps of a sixtieth.',
  topic_wins_1h Int32 COMMENT 'Of these, right.',
  topic_attempts_1d Int32 COMMENT 'Attempts of the learner in the topic in the day before, in steps of a sixtieth.',
  topic_wins_1d Int32 COMMENT 'Of these, right.',
  topic_attempts_7d Int32 COMMENT 'Attempts of the learner in the topic in the 7 days before, in steps of a sixtieth.',
  topic_wins_7d Int32 COMMENT 'Of these, right.',
  topic_attempts_30d Int32 COMMENT 'Attempts of the learner in the topic in the 30 days before, in steps of a sixtieth.',
  topic_wins_30d Int32 COMMENT 'Of these, right.',
  features_source String COMMENT 'event where the event brought features, which then stand here; else computed.',
  feature_differences Map(String, Float64) COMMENT 'Brought minus computed, by feature; empty where the event brought none.',
  parameter_version String COMMENT 'Which parameters and variants computed the features.',
  is_late Bool COMMENT 'Arrived beyond the horizon: applied after what was there.',
  year Int32 COMMENT 'UTC year of the attempt.',
  month Int32 COMMENT 'UTC month of the attempt, 1 to 12.',
  day Int32 COMMENT 'UTC day of the month of the attempt.',
  superseded_at DateTime64(3, 'UTC') COMMENT 'When the next row took its place.',
  event_time DateTime64(3, 'UTC') COMMENT 'Greatest event time that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (user_id, attempt_id, revision);

CREATE VIEW IF NOT EXISTS adaptive_learning.user_attempts_superseded AS
SELECT user_id, attempt_id, revision, item_id, session_id, topic, correct, answered, time_taken_ms, quality, response_time_seconds, response_time_category, hour_of_day, day_of_week, is_weekend, sm2_easiness_factor_before, sm2_interval_before, sm2_repetitions_before, bkt_prob_knowledge_before, irt_ability_before, item_difficulty_before, probability_correct_before, user_attempts_1h, user_wins_1h, user_attempts_1d, user_wins_1d, user_attempts_7d, user_wins_7d, user_attempts_30d, user_wins_30d, topic_attempts_1h, topic_wins_1h, topic_attempts_1d, topic_wins_1d, topic_attempts_7d, topic_wins_7d, topic_attempts_30d, topic_wins_30d, features_source, feature_differences, parameter_version, is_late, year, month, day, superseded_at, event_time, known_at, version
FROM adaptive_learning.user_attempts_superseded_versions FINAL;

-- One row per user and session.
CREATE TABLE IF NOT EXISTS adaptive_learning.user_sessions_versions (
  session_id String COMMENT 'Identity of the session within its user.',
  user_id String COMMENT 'Who.',
  start_time DateTime64(3, 'UTC') COMMENT 'When it began.',
  end_time Nullable(DateTime64(3, 'UTC')) COMMENT 'When it ended; null while it is open.',
  duration_minutes Nullable(Float64) COMMENT 'From start to end; null while it is open.',
  items_attempted Int32 COMMENT 'Items attempted.',
  correct_count Int32 COMMENT 'Of these, right.',
  accuracy Nullable(Float64) COMMENT 'correct_count / items_attempted; null where none was attempted.',
  items_per_minute Nullable(Float64) COMMENT 'items_attempted / duration_minutes; null while open or without duration.',
  topics Array(String) COMMENT 'What it was about: distinct, in order.',
  topics_count Int32 COMMENT 'Distinct topics.',
  session_type String COMMENT 'practice, review or mock_test.',
  start_hour Int32 COMMENT 'UTC hour of the start, 0 to 23.',
  year Int32 COMMENT 'UTC year of the start.',
  month Int32 COMMENT 'UTC month of the start, 1 to 12.',
  day Int32 COMMENT 'UTC day of the month of the start.',
  event_time DateTime64(3, 'UTC') COMMENT 'Greatest event time that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (user_id, session_id);

CREATE VIEW IF NOT EXISTS adaptive_learning.user_sessions AS
SELECT session_id, user_id, start_time, end_time, duration_minutes, items_attempted, correct_count, accuracy, items_per_minute, topics, topics_count, session_type, start_hour, year, month, day, event_time, known_at, version
FROM adaptive_learning.user_sessions_versions FINAL;

-- One row per user and UTC day with an attempt or a session.
CREATE TABLE IF NOT EXISTS adaptive_learning.daily_aggregations_versions (
  user_id String COMMENT 'Who.',
  year Int32 COMMENT 'UTC year of the activity.',
  month Int32 COMMENT 'UTC month of the activity, 1 to 12.',
  day Int32 COMMENT 'UTC day of the month of the activity.',
  total_attempts Int64 COMMENT 'Attempts of the day.',
  correct_attempts Int64 COMMENT 'Of these, right.',
  accuracy Nullable(Float64) COMMENT 'correct_attempts / total_attempts; null where there is none.',
  avg_response_time_ms Nullable(Float64) COMMENT 'Mean of time_taken_ms; null where there is no attempt.',
  total_study_time_minutes Float64 COMMENT 'Durations of the ended sessions that began on the day, added up.',
  unique_items_attempted Int64 COMMENT 'Distinct items attempted.',
  total_sessions Int64 COMMENT 'Sessions that began on the day.',
  event_time DateTime64(3, 'UTC') COMMENT 'Greatest event time that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (user_id, year, month, day);

CREATE VIEW IF NOT EXISTS adaptive_learning.daily_aggregations AS
SELECT user_id, year, month, day, total_attempts, correct_attempts, accuracy, avg_response_time_ms, total_study_time_minutes, unique_items_attempted, total_sessions, event_time, known_at, version
FROM adaptive_learning.daily_aggregations_versions FINAL;

-- One row per training example.
CREATE TABLE IF NOT EXISTS adaptive_learning.ml_training_versions (
  training_id String COMMENT 'Identity of the example.',
  algorithm String COMMENT 'sm2, bkt, irt or the name of another model.',
  model_version Nullable(String) COMMENT 'Which version of it.',
  user_id Nullable(String) COMMENT 'Whose attempt it rests on.',
  item_id Nullable(String) COMMENT 'Of which item.',
  features Map(String, Float64) COMMENT 'The inputs, by name.',
  label Nullable(Float64) COMMENT 'What was to be predicted.',
  prediction Nullable(Float64) COMMENT 'What was predicted.',
  error Nullable(Float64) COMMENT 'prediction − label; null where one of them is missing.',
  year Int32 COMMENT 'UTC year of the example.',
  month Int32 COMMENT 'UTC month of the example, 1 to 12.',
  day Int32 COMMENT 'UTC day of the month of the example.',
  event_time DateTime64(3, 'UTC') COMMENT 'Greatest event time that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (training_id);

CREATE VIEW IF NOT EXISTS adaptive_learning.ml_training AS
SELECT training_id, algorithm, model_version, user_id, item_id, features, label, prediction, error, year, month, day, event_time, known_at, version
FROM adaptive_learning.ml_training_versions FINAL;

-- One row per topic and item: Moodle’s statistics of first attempts.
CREATE TABLE IF NOT EXISTS adaptive_learning.item_statistics_versions (
  topic String COMMENT 'Which topic, taken as the test.',
  item_id String COMMENT 'Which item.',
  learners Int64 COMMENT 'Learners who attempted the item.',
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
ORDER BY (topic, item_id);

CREATE VIEW IF NOT EXISTS adaptive_learning.item_statistics AS
SELECT topic, item_id, learners, facility, mean, standard_deviation, discrimination_index, test_learners, test_items, test_mean, test_standard_deviation, test_reliability, test_standard_error, event_time, known_at, version
FROM adaptive_learning.item_statistics_versions FINAL;
