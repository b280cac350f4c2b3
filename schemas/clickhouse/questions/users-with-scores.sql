-- title: Users that have received at least one test score
-- seed: exam-score feed, analyst question 1
SELECT id, student_identification
FROM exam_scores.students
ORDER BY id
