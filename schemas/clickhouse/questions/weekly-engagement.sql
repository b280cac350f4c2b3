-- title: Engagement of a module week by week
-- seed: Open University, engagement
-- param module: code of the module, as AAA
SELECT code_presentation, week, active_students, active_days, sum_click
FROM open_university.weekly_engagement
WHERE code_module = {module:String}
ORDER BY code_presentation, week
