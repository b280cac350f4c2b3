-- title: Submissions of a module that are late or missing
-- seed: Open University, dropout risk
-- param module: code of the module, as AAA
SELECT
  code_presentation, id_assessment, any(assessment_type) AS type, any(date) AS due,
  countIf(status = 'submitted') AS submitted, countIf(status = 'late') AS late,
  countIf(status = 'missing') AS missing, countIf(status = 'banked') AS banked
FROM open_university.assessment_submissions
WHERE code_module = {module:String}
GROUP BY code_presentation, id_assessment
ORDER BY code_presentation, due, id_assessment
