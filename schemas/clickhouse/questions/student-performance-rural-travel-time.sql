-- title: The most frequent travel time among students who live in rural areas
-- seed: student performance, question 2
SELECT traveltime, count() AS count
FROM student_performance.student_data
WHERE address = 'r'
GROUP BY traveltime
ORDER BY count DESC, traveltime
LIMIT 1
