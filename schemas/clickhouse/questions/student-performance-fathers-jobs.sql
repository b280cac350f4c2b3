-- title: The three most frequent jobs of fathers, by the parents’ cohabitation status
-- seed: student performance, question 3
SELECT pstatus, fjob, count() AS job_count
FROM student_performance.student_data
GROUP BY pstatus, fjob
ORDER BY toString(pstatus), job_count DESC, toString(fjob)
LIMIT 3 BY pstatus
