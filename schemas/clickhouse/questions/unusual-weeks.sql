-- title: Students' weeks on a course unlike the others, the most unusual first, and what is unusual of them
-- seed: open university, engagement
WITH latest AS (
  SELECT argMax(run_id, measured_at) AS run_id
  FROM tidemark.quality_results
  WHERE `table` = 'open_university.student_weekly_engagement' AND `check` = 'unusual_weeks'
)
SELECT round(score, 3) AS unusual, code_module, code_presentation, id_student, week, reasons, sum_click,
  active_days, model
FROM tidemark.quality_unusual AS found
INNER JOIN open_university.student_weekly_engagement AS weeks
  ON found.row_key = cityHash64(weeks.code_module, weeks.code_presentation, weeks.id_student, weeks.week)
WHERE `table` = 'open_university.student_weekly_engagement' AND `check` = 'unusual_weeks'
  AND run_id IN (SELECT run_id FROM latest)
ORDER BY score DESC, code_module, code_presentation, id_student, week
