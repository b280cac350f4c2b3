-- title: Engagement and results by any attribute of students
-- seed: Open University, engagement
-- param attribute: a column of studentInfo: gender, region, highest_education, imd_band, age_band, num_of_prev_attempts, disability or final_result
SELECT
  attribute_value, sum(own.students) AS students, sum(own.active_students) AS active_students,
  sum(own.sum_click) AS sum_click, sum_click / students AS clicks_per_student,
  sum(own.passed) AS passed, sum(own.withdrawn) AS withdrawn
FROM open_university.engagement_by_attribute AS own
WHERE own.attribute = {attribute:String}
GROUP BY attribute_value
ORDER BY attribute_value
