-- title: The different jobs of the mothers of male students younger than 20
-- seed: student performance, question 1
SELECT DISTINCT mjob
FROM student_performance.student_data
WHERE sex = 'm' AND age < 20
ORDER BY toString(mjob)
