-- title: All exams that have been recorded
-- seed: exam-score feed, analyst question 3
SELECT id, exam_identification
FROM exam_scores.exams
ORDER BY id
