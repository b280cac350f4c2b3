-- title: The most frequent number of class failures, by family size
-- seed: student performance, question 4
SELECT famsize, failures, count() AS class_fail_count
FROM student_performance.student_data
GROUP BY famsize, failures
ORDER BY toString(famsize), class_fail_count DESC, failures
LIMIT 1 BY famsize
