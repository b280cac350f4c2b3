-- title: Engagement with the learning environment by gender
-- seed: Open University, gender engagement and VLE
SELECT
  code_module, code_presentation, attribute_value AS gender, students, active_students, sum_click,
  clicks_per_student, average_score
FROM open_university.engagement_by_attribute
WHERE attribute = 'gender'
ORDER BY code_module, code_presentation, gender
