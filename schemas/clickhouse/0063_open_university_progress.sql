-- How far each presentation is: the latest day on which anyone clicked. A day behind the presentation's end is a slip of the
-- pen, or a page that was looked up later: it says nothing of how far the others are. Without any click, the whole length.
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
  SELECT
    engagement.code_module AS code_module,
    engagement.code_presentation AS code_presentation,
    max(engagement.last_active_day) AS latest_day
  FROM open_university.student_engagement AS engagement
  LEFT JOIN open_university.dim_presentation AS own
    ON own.code_module = engagement.code_module
    AND own.code_presentation = engagement.code_presentation
  WHERE engagement.last_active_day <= ifNull(own.module_presentation_length, engagement.last_active_day)
  GROUP BY code_module, code_presentation
) AS latest
  ON latest.code_module = funnel.code_module
  AND latest.code_presentation = funnel.code_presentation
SETTINGS join_use_nulls = 1;
