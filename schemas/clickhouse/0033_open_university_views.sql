-- OULAD: views over its tables. What depends on how far a presentation is (a day that passes changes it for everybody)
-- is computed when it is asked for, from rows that are current with each event.

-- All seven tables as one, as received: `_source_file` says which file a row came from.
CREATE VIEW IF NOT EXISTS open_university.raw_oulad AS
SELECT
  'courses' AS source_table,
  _source_file,
  CAST(code_module AS Nullable(String)) AS code_module,
  CAST(code_presentation AS Nullable(String)) AS code_presentation,
  CAST(module_presentation_length AS Nullable(String)) AS module_presentation_length,
  CAST(NULL AS Nullable(String)) AS id_assessment,
  CAST(NULL AS Nullable(String)) AS assessment_type,
  CAST(NULL AS Nullable(String)) AS date,
  CAST(NULL AS Nullable(String)) AS weight,
  CAST(NULL AS Nullable(String)) AS id_site,
  CAST(NULL AS Nullable(String)) AS activity_type,
  CAST(NULL AS Nullable(String)) AS week_from,
  CAST(NULL AS Nullable(String)) AS week_to,
  CAST(NULL AS Nullable(String)) AS id_student,
  CAST(NULL AS Nullable(String)) AS gender,
  CAST(NULL AS Nullable(String)) AS region,
  CAST(NULL AS Nullable(String)) AS highest_education,
  CAST(NULL AS Nullable(String)) AS imd_band,
  CAST(NULL AS Nullable(String)) AS age_band,
  CAST(NULL AS Nullable(String)) AS num_of_prev_attempts,
  CAST(NULL AS Nullable(String)) AS studied_credits,
  CAST(NULL AS Nullable(String)) AS disability,
  CAST(NULL AS Nullable(String)) AS final_result,
  CAST(NULL AS Nullable(String)) AS date_registration,
  CAST(NULL AS Nullable(String)) AS date_unregistration,
  CAST(NULL AS Nullable(String)) AS date_submitted,
  CAST(NULL AS Nullable(String)) AS is_banked,
  CAST(NULL AS Nullable(String)) AS score,
  CAST(NULL AS Nullable(String)) AS sum_click
FROM open_university.raw_courses
UNION ALL
SELECT
  'assessments' AS source_table,
  _source_file,
  CAST(code_module AS Nullable(String)) AS code_module,
  CAST(code_presentation AS Nullable(String)) AS code_presentation,
  CAST(NULL AS Nullable(String)) AS module_presentation_length,
  CAST(id_assessment AS Nullable(String)) AS id_assessment,
  CAST(assessment_type AS Nullable(String)) AS assessment_type,
  CAST(date AS Nullable(String)) AS date,
  CAST(weight AS Nullable(String)) AS weight,
  CAST(NULL AS Nullable(String)) AS id_site,
  CAST(NULL AS Nullable(String)) AS activity_type,
  CAST(NULL AS Nullable(String)) AS week_from,
  CAST(NULL AS Nullable(String)) AS week_to,
  CAST(NULL AS Nullable(String)) AS id_student,
  CAST(NULL AS Nullable(String)) AS gender,
  CAST(NULL AS Nullable(String)) AS region,
  CAST(NULL AS Nullable(String)) AS highest_education,
  CAST(NULL AS Nullable(String)) AS imd_band,
  CAST(NULL AS Nullable(String)) AS age_band,
  CAST(NULL AS Nullable(String)) AS num_of_prev_attempts,
  CAST(NULL AS Nullable(String)) AS studied_credits,
  CAST(NULL AS Nullable(String)) AS disability,
  CAST(NULL AS Nullable(String)) AS final_result,
  CAST(NULL AS Nullable(String)) AS date_registration,
  CAST(NULL AS Nullable(String)) AS date_unregistration,
  CAST(NULL AS Nullable(String)) AS date_submitted,
  CAST(NULL AS Nullable(String)) AS is_banked,
  CAST(NULL AS Nullable(String)) AS score,
  CAST(NULL AS Nullable(String)) AS sum_click
FROM open_university.raw_assessments
UNION ALL
SELECT
  'vle' AS source_table,
  _source_file,
  CAST(code_module AS Nullable(String)) AS code_module,
  CAST(code_presentation AS Nullable(String)) AS code_presentation,
  CAST(NULL AS Nullable(String)) AS module_presentation_length,
  CAST(NULL AS Nullable(String)) AS id_assessment,
  CAST(NULL AS Nullable(String)) AS assessment_type,
  CAST(NULL AS Nullable(String)) AS date,
  CAST(NULL AS Nullable(String)) AS weight,
  CAST(id_site AS Nullable(String)) AS id_site,
  CAST(activity_type AS Nullable(String)) AS activity_type,
  CAST(week_from AS Nullable(String)) AS week_from,
  CAST(week_to AS Nullable(String)) AS week_to,
  CAST(NULL AS Nullable(String)) AS id_student,
  CAST(NULL AS Nullable(String)) AS gender,
  CAST(NULL AS Nullable(String)) AS region,
  CAST(NULL AS Nullable(String)) AS highest_education,
  CAST(NULL AS Nullable(String)) AS imd_band,
  CAST(NULL AS Nullable(String)) AS age_band,
  CAST(NULL AS Nullable(String)) AS num_of_prev_attempts,
  CAST(NULL AS Nullable(String)) AS studied_credits,
  CAST(NULL AS Nullable(String)) AS disability,
  CAST(NULL AS Nullable(String)) AS final_result,
  CAST(NULL AS Nullable(String)) AS date_registration,
  CAST(NULL AS Nullable(String)) AS date_unregistration,
  CAST(NULL AS Nullable(String)) AS date_submitted,
  CAST(NULL AS Nullable(String)) AS is_banked,
  CAST(NULL AS Nullable(String)) AS score,
  CAST(NULL AS Nullable(String)) AS sum_click
FROM open_university.raw_vle
UNION ALL
SELECT
  'student_info' AS source_table,
  _source_file,
  CAST(code_module AS Nullable(String)) AS code_module,
  CAST(code_presentation AS Nullable(String)) AS code_presentation,
  CAST(NULL AS Nullable(String)) AS module_presentation_length,
  CAST(NULL AS Nullable(String)) AS id_assessment,
  CAST(NULL AS Nullable(String)) AS assessment_type,
  CAST(NULL AS Nullable(String)) AS date,
  CAST(NULL AS Nullable(String)) AS weight,
  CAST(NULL AS Nullable(String)) AS id_site,
  CAST(NULL AS Nullable(String)) AS activity_type,
  CAST(NULL AS Nullable(String)) AS week_from,
  CAST(NULL AS Nullable(String)) AS week_to,
  CAST(id_student AS Nullable(String)) AS id_student,
  CAST(gender AS Nullable(String)) AS gender,
  CAST(region AS Nullable(String)) AS region,
  CAST(highest_education AS Nullable(String)) AS highest_education,
  CAST(imd_band AS Nullable(String)) AS imd_band,
  CAST(age_band AS Nullable(String)) AS age_band,
  CAST(num_of_prev_attempts AS Nullable(String)) AS num_of_prev_attempts,
  CAST(studied_credits AS Nullable(String)) AS studied_credits,
  CAST(disability AS Nullable(String)) AS disability,
  CAST(final_result AS Nullable(String)) AS final_result,
  CAST(NULL AS Nullable(String)) AS date_registration,
  CAST(NULL AS Nullable(String)) AS date_unregistration,
  CAST(NULL AS Nullable(String)) AS date_submitted,
  CAST(NULL AS Nullable(String)) AS is_banked,
  CAST(NULL AS Nullable(String)) AS score,
  CAST(NULL AS Nullable(String)) AS sum_click
FROM open_university.raw_student_info
UNION ALL
SELECT
  'student_registration' AS source_table,
  _source_file,
  CAST(code_module AS Nullable(String)) AS code_module,
  CAST(code_presentation AS Nullable(String)) AS code_presentation,
  CAST(NULL AS Nullable(String)) AS module_presentation_length,
  CAST(NULL AS Nullable(String)) AS id_assessment,
  CAST(NULL AS Nullable(String)) AS assessment_type,
  CAST(NULL AS Nullable(String)) AS date,
  CAST(NULL AS Nullable(String)) AS weight,
  CAST(NULL AS Nullable(String)) AS id_site,
  CAST(NULL AS Nullable(String)) AS activity_type,
  CAST(NULL AS Nullable(String)) AS week_from,
  CAST(NULL AS Nullable(String)) AS week_to,
  CAST(id_student AS Nullable(String)) AS id_student,
  CAST(NULL AS Nullable(String)) AS gender,
  CAST(NULL AS Nullable(String)) AS region,
  CAST(NULL AS Nullable(String)) AS highest_education,
  CAST(NULL AS Nullable(String)) AS imd_band,
  CAST(NULL AS Nullable(String)) AS age_band,
  CAST(NULL AS Nullable(String)) AS num_of_prev_attempts,
  CAST(NULL AS Nullable(String)) AS studied_credits,
  CAST(NULL AS Nullable(String)) AS disability,
  CAST(NULL AS Nullable(String)) AS final_result,
  CAST(date_registration AS Nullable(String)) AS date_registration,
  CAST(date_unregistration AS Nullable(String)) AS date_unregistration,
  CAST(NULL AS Nullable(String)) AS date_submitted,
  CAST(NULL AS Nullable(String)) AS is_banked,
  CAST(NULL AS Nullable(String)) AS score,
  CAST(NULL AS Nullable(String)) AS sum_click
FROM open_university.raw_student_registration
UNION ALL
SELECT
  'student_assessment' AS source_table,
  _source_file,
  CAST(NULL AS Nullable(String)) AS code_module,
  CAST(NULL AS Nullable(String)) AS code_presentation,
  CAST(NULL AS Nullable(String)) AS module_presentation_length,
  CAST(id_assessment AS Nullable(String)) AS id_assessment,
  CAST(NULL AS Nullable(String)) AS assessment_type,
  CAST(NULL AS Nullable(String)) AS date,
  CAST(NULL AS Nullable(String)) AS weight,
  CAST(NULL AS Nullable(String)) AS id_site,
  CAST(NULL AS Nullable(String)) AS activity_type,
  CAST(NULL AS Nullable(String)) AS week_from,
  CAST(NULL AS Nullable(String)) AS week_to,
  CAST(id_student AS Nullable(String)) AS id_student,
  CAST(NULL AS Nullable(String)) AS gender,
  CAST(NULL AS Nullable(String)) AS region,
  CAST(NULL AS Nullable(String)) AS highest_education,
  CAST(NULL AS Nullable(String)) AS imd_band,
  CAST(NULL AS Nullable(String)) AS age_band,
  CAST(NULL AS Nullable(String)) AS num_of_prev_attempts,
  CAST(NULL AS Nullable(String)) AS studied_credits,
  CAST(NULL AS Nullable(String)) AS disability,
  CAST(NULL AS Nullable(String)) AS final_result,
  CAST(NULL AS Nullable(String)) AS date_registration,
  CAST(NULL AS Nullable(String)) AS date_unregistration,
  CAST(date_submitted AS Nullable(String)) AS date_submitted,
  CAST(is_banked AS Nullable(String)) AS is_banked,
  CAST(score AS Nullable(String)) AS score,
  CAST(NULL AS Nullable(String)) AS sum_click
FROM open_university.raw_student_assessment
UNION ALL
SELECT
  'student_vle' AS source_table,
  _source_file,
  CAST(code_module AS Nullable(String)) AS code_module,
  CAST(code_presentation AS Nullable(String)) AS code_presentation,
  CAST(NULL AS Nullable(String)) AS module_presentation_length,
  CAST(NULL AS Nullable(String)) AS id_assessment,
  CAST(NULL AS Nullable(String)) AS assessment_type,
  CAST(date AS Nullable(String)) AS date,
  CAST(NULL AS Nullable(String)) AS weight,
  CAST(id_site AS Nullable(String)) AS id_site,
  CAST(NULL AS Nullable(String)) AS activity_type,
  CAST(NULL AS Nullable(String)) AS week_from,
  CAST(NULL AS Nullable(String)) AS week_to,
  CAST(id_student AS Nullable(String)) AS id_student,
  CAST(NULL AS Nullable(String)) AS gender,
  CAST(NULL AS Nullable(String)) AS region,
  CAST(NULL AS Nullable(String)) AS highest_education,
  CAST(NULL AS Nullable(String)) AS imd_band,
  CAST(NULL AS Nullable(String)) AS age_band,
  CAST(NULL AS Nullable(String)) AS num_of_prev_attempts,
  CAST(NULL AS Nullable(String)) AS studied_credits,
  CAST(NULL AS Nullable(String)) AS disability,
  CAST(NULL AS Nullable(String)) AS final_result,
  CAST(NULL AS Nullable(String)) AS date_registration,
  CAST(NULL AS Nullable(String)) AS date_unregistration,
  CAST(NULL AS Nullable(String)) AS date_submitted,
  CAST(NULL AS Nullable(String)) AS is_banked,
  CAST(NULL AS Nullable(String)) AS score,
  CAST(sum_click AS Nullable(String)) AS sum_click
FROM open_university.raw_student_vle;

-- How far each presentation is: the latest day with a click; without any click, its whole length.
CREATE VIEW IF NOT EXISTS open_university.presentation_progress AS
SELECT
  funnel.code_module AS code_module,
  funnel.code_presentation AS code_presentation,
  funnel.latest_day AS latest_day,
  coalesce(funnel.latest_day, presentation.module_presentation_length) AS as_of_day
FROM open_university.enrolment_funnel AS funnel
LEFT JOIN open_university.dim_presentation AS presentation
  ON presentation.code_module = funnel.code_module
  AND presentation.code_presentation = funnel.code_presentation
SETTINGS join_use_nulls = 1;

-- One row per enrolled student and assessment of the presentation, handed in or not. status: submitted, late, banked,
-- missing (due and not handed in), pending (not due yet), undated (nobody knows when it is due), left (the student
-- unregistered before it was due).
CREATE VIEW IF NOT EXISTS open_university.assessment_submissions AS
SELECT
  enrolment.code_module AS code_module,
  enrolment.code_presentation AS code_presentation,
  enrolment.id_student AS id_student,
  assessment.id_assessment AS id_assessment,
  assessment.assessment_type AS assessment_type,
  assessment.date AS date,
  result.date_submitted AS date_submitted,
  result.days_late AS days_late,
  result.score AS score,
  progress.as_of_day AS as_of_day,
  multiIf(
    ifNull(result.is_banked, false), 'banked',
    ifNull(result.days_late, 0) > 0, 'late',
    result.id_student IS NOT NULL, 'submitted',
    enrolment.date_unregistration IS NOT NULL
      AND (assessment.date IS NULL OR enrolment.date_unregistration <= assessment.date), 'left',
    assessment.date IS NULL, 'undated',
    ifNull(assessment.date < progress.as_of_day, false), 'missing',
    'pending'
  ) AS status
FROM open_university.dim_registered_module AS enrolment
INNER JOIN open_university.clean_assessments AS assessment
  ON assessment.code_module = enrolment.code_module
  AND assessment.code_presentation = enrolment.code_presentation
LEFT JOIN open_university.presentation_progress AS progress
  ON progress.code_module = enrolment.code_module
  AND progress.code_presentation = enrolment.code_presentation
LEFT JOIN open_university.fact_assessments AS result
  ON result.id_assessment = assessment.id_assessment AND result.id_student = enrolment.id_student
SETTINGS join_use_nulls = 1;

-- One row per enrolled student: days without a click up to the latest day of the presentation; who never clicked is
-- inactive since day 0.
CREATE VIEW IF NOT EXISTS open_university.inactivity AS
SELECT
  enrolment.code_module AS code_module,
  enrolment.code_presentation AS code_presentation,
  enrolment.id_student AS id_student,
  engagement.last_active_day AS last_active_day,
  engagement.longest_inactivity_days AS longest_inactivity_days,
  progress.latest_day AS latest_day,
  if(
    progress.latest_day IS NULL,
    NULL,
    greatest(0, progress.latest_day - ifNull(engagement.last_active_day, 0))
  ) AS inactivity_streak_days
FROM open_university.dim_registered_module AS enrolment
LEFT JOIN open_university.student_engagement AS engagement
  ON engagement.code_module = enrolment.code_module
  AND engagement.code_presentation = enrolment.code_presentation
  AND engagement.id_student = enrolment.id_student
LEFT JOIN open_university.presentation_progress AS progress
  ON progress.code_module = enrolment.code_module
  AND progress.code_presentation = enrolment.code_presentation
SETTINGS join_use_nulls = 1;

-- The rule that holds for each module: its own, else that of the empty module, else the one shipped.
CREATE VIEW IF NOT EXISTS open_university.at_risk_rule_of_module AS
SELECT
  module.code_module AS code_module,
  coalesce(own.weight_inactivity, general.weight_inactivity, 35) AS weight_inactivity,
  coalesce(own.weight_missing, general.weight_missing, 30) AS weight_missing,
  coalesce(own.weight_late, general.weight_late, 10) AS weight_late,
  coalesce(own.weight_score, general.weight_score, 15) AS weight_score,
  coalesce(own.weight_attempts, general.weight_attempts, 10) AS weight_attempts,
  coalesce(own.inactivity_days_full, general.inactivity_days_full, 28) AS inactivity_days_full,
  coalesce(own.score_enough, general.score_enough, 60) AS score_enough,
  coalesce(own.attempts_full, general.attempts_full, 3) AS attempts_full,
  coalesce(own.medium_from, general.medium_from, 30) AS medium_from,
  coalesce(own.high_from, general.high_from, 60) AS high_from
FROM (
  SELECT DISTINCT code_module, '' AS no_module FROM open_university.enrolment_funnel
) AS module
LEFT JOIN open_university.at_risk_rules AS own ON own.code_module = module.code_module
LEFT JOIN open_university.at_risk_rules AS general ON general.code_module = module.no_module
SETTINGS join_use_nulls = 1;

-- One row per enrolled student: points of risk, 0 to the sum of the weights, and what they are made of. The rule is in
-- docs/open-university.md. risk_level: left (unregistered or withdrawn), high, medium, low.
CREATE VIEW IF NOT EXISTS open_university.at_risk AS
WITH parts AS (
  SELECT
    enrolment.code_module AS code_module,
    enrolment.code_presentation AS code_presentation,
    enrolment.id_student AS id_student,
    progress.as_of_day AS as_of_day,
    ifNull(enrolment.date_unregistration <= progress.as_of_day, false)
      OR (enrolment.date_unregistration IS NULL
        AND ifNull(enrolment.final_result = 'Withdrawn', false)) AS has_left,
    inactivity.inactivity_streak_days AS inactivity_streak_days,
    ifNull(submissions.assessments_due, 0) AS assessments_due,
    ifNull(submissions.assessments_missing, 0) AS assessments_missing,
    ifNull(engagement.submissions, 0) AS submissions,
    ifNull(engagement.submissions_late, 0) AS submissions_late,
    engagement.average_score AS average_score,
    enrolment.num_of_prev_attempts AS num_of_prev_attempts,
    rule.medium_from AS medium_from,
    rule.high_from AS high_from,
    if(
      inactivity.inactivity_streak_days IS NULL,
      0,
      rule.weight_inactivity * least(1, inactivity.inactivity_streak_days / rule.inactivity_days_full)
    ) AS points_inactivity,
    if(assessments_due = 0, 0, rule.weight_missing * assessments_missing / assessments_due)
      AS points_missing,
    if(submissions = 0, 0, rule.weight_late * submissions_late / submissions) AS points_late,
    if(
      engagement.average_score IS NULL,
      0,
      rule.weight_score * greatest(0, rule.score_enough - engagement.average_score)
        / rule.score_enough
    ) AS points_score,
    if(
      enrolment.num_of_prev_attempts IS NULL,
      0,
      rule.weight_attempts * least(1, enrolment.num_of_prev_attempts / rule.attempts_full)
    ) AS points_attempts
  FROM open_university.dim_registered_module AS enrolment
  LEFT JOIN open_university.presentation_progress AS progress
    ON progress.code_module = enrolment.code_module
    AND progress.code_presentation = enrolment.code_presentation
  LEFT JOIN open_university.inactivity AS inactivity
    ON inactivity.code_module = enrolment.code_module
    AND inactivity.code_presentation = enrolment.code_presentation
    AND inactivity.id_student = enrolment.id_student
  LEFT JOIN open_university.student_engagement AS engagement
    ON engagement.code_module = enrolment.code_module
    AND engagement.code_presentation = enrolment.code_presentation
    AND engagement.id_student = enrolment.id_student
  LEFT JOIN (
    SELECT
      code_module,
      code_presentation,
      id_student,
      countIf(status != 'left' AND ifNull(date < as_of_day, false)) AS assessments_due,
      countIf(status = 'missing') AS assessments_missing
    FROM open_university.assessment_submissions
    GROUP BY code_module, code_presentation, id_student
  ) AS submissions
    ON submissions.code_module = enrolment.code_module
    AND submissions.code_presentation = enrolment.code_presentation
    AND submissions.id_student = enrolment.id_student
  LEFT JOIN open_university.at_risk_rule_of_module AS rule
    ON rule.code_module = enrolment.code_module
)
SELECT
  code_module,
  code_presentation,
  id_student,
  as_of_day,
  inactivity_streak_days,
  assessments_due,
  assessments_missing,
  submissions,
  submissions_late,
  average_score,
  num_of_prev_attempts,
  points_inactivity,
  points_missing,
  points_late,
  points_score,
  points_attempts,
  points_inactivity + points_missing + points_late + points_score + points_attempts AS risk_score,
  multiIf(
    has_left, 'left',
    risk_score >= high_from, 'high',
    risk_score >= medium_from, 'medium',
    'low'
  ) AS risk_level
FROM parts
SETTINGS join_use_nulls = 1;
