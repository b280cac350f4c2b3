-- title: Students of a presentation who are at risk, and why
-- seed: Open University, dropout risk
-- param module: code of the module, as AAA
-- param presentation: code of the presentation, as 2014J
SELECT
  id_student, risk_level, risk_score, points_inactivity, points_missing, points_late, points_score,
  points_attempts, inactivity_streak_days, assessments_due, assessments_missing, submissions,
  submissions_late, average_score, num_of_prev_attempts
FROM open_university.at_risk
WHERE code_module = {module:String} AND code_presentation = {presentation:String}
  AND risk_level IN ('high', 'medium')
ORDER BY risk_score DESC, id_student
