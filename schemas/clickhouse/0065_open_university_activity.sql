-- A click behind the end of its presentation (a mistyped day, a page that was looked up later) is no activity of its
-- student there: it neither ends a streak of days without a click, nor says how far the presentation is.

-- One row per student and presentation: the days with a click up to the presentation's end. Where its length is not known,
-- every day counts until it is. Pages and days are asked for nobody but those who have such a click.
CREATE OR REPLACE VIEW open_university.student_activity AS
SELECT
  engagement.code_module AS code_module,
  engagement.code_presentation AS code_presentation,
  engagement.id_student AS id_student,
  if(
    ifNull(engagement.last_active_day > presentation.module_presentation_length, false),
    within.last_active_day,
    engagement.last_active_day
  ) AS last_active_day,
  if(
    ifNull(engagement.last_active_day > presentation.module_presentation_length, false),
    ifNull(within.longest_inactivity_days, 0),
    engagement.longest_inactivity_days
  ) AS longest_inactivity_days
FROM open_university.student_engagement AS engagement
LEFT JOIN open_university.dim_presentation AS presentation
  ON presentation.code_module = engagement.code_module
  AND presentation.code_presentation = engagement.code_presentation
LEFT JOIN (
  SELECT
    click.code_module AS code_module,
    click.code_presentation AS code_presentation,
    click.id_student AS id_student,
    arraySort(groupUniqArray(click.date)) AS days,
    days[-1] AS last_active_day,
    toInt32(greatest(0, arrayMax(arrayDifference(days)) - 1)) AS longest_inactivity_days
  FROM (
    SELECT code_module, code_presentation, id_student, date
    FROM open_university.fact_vle_interactions
    WHERE sum_click > 0
      AND (code_module, code_presentation, id_student) IN (
        SELECT beyond.code_module, beyond.code_presentation, beyond.id_student
        FROM open_university.student_engagement AS beyond
        INNER JOIN open_university.dim_presentation AS ended
          ON ended.code_module = beyond.code_module
          AND ended.code_presentation = beyond.code_presentation
        WHERE beyond.last_active_day > ended.module_presentation_length
      )
  ) AS click
  INNER JOIN open_university.dim_presentation AS own
    ON own.code_module = click.code_module
    AND own.code_presentation = click.code_presentation
  WHERE click.date <= own.module_presentation_length
  GROUP BY code_module, code_presentation, id_student
) AS within
  ON within.code_module = engagement.code_module
  AND within.code_presentation = engagement.code_presentation
  AND within.id_student = engagement.id_student
SETTINGS join_use_nulls = 1;

-- How far each presentation is: the latest day of it on which anyone clicked. Without any click, its whole length.
CREATE OR REPLACE VIEW open_university.presentation_progress AS
SELECT
  funnel.code_module AS code_module,
  funnel.code_presentation AS code_presentation,
  latest.latest_day AS latest_day,
  coalesce(latest.latest_day, presentation.module_presentation_length) AS as_of_day
FROM open_university.enrolment_funnel AS funnel
LEFT JOIN open_university.dim_presentation AS presentation
  ON presentation.code_module = funnel.code_module
  AND presentation.code_presentation = funnel.code_presentation
LEFT JOIN (
  SELECT code_module, code_presentation, max(last_active_day) AS latest_day
  FROM open_university.student_activity
  GROUP BY code_module, code_presentation
) AS latest
  ON latest.code_module = funnel.code_module
  AND latest.code_presentation = funnel.code_presentation
SETTINGS join_use_nulls = 1;

-- One row per enrolled student: days without a click up to the latest day of the presentation; who never clicked is
-- inactive since day 0.
CREATE OR REPLACE VIEW open_university.inactivity AS
SELECT
  enrolment.code_module AS code_module,
  enrolment.code_presentation AS code_presentation,
  enrolment.id_student AS id_student,
  activity.last_active_day AS last_active_day,
  activity.longest_inactivity_days AS longest_inactivity_days,
  progress.latest_day AS latest_day,
  if(
    progress.latest_day IS NULL,
    NULL,
    greatest(0, progress.latest_day - ifNull(activity.last_active_day, 0))
  ) AS inactivity_streak_days
FROM open_university.dim_registered_module AS enrolment
LEFT JOIN open_university.student_activity AS activity
  ON activity.code_module = enrolment.code_module
  AND activity.code_presentation = enrolment.code_presentation
  AND activity.id_student = enrolment.id_student
LEFT JOIN open_university.presentation_progress AS progress
  ON progress.code_module = enrolment.code_module
  AND progress.code_presentation = enrolment.code_presentation
SETTINGS join_use_nulls = 1;
