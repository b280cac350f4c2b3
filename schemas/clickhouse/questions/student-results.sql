-- title: The test results of a student, and the average over all exams
-- seed: exam-score feed, analyst question 2
-- param student: the student's identifier, as the feed names it
SELECT student_id, scores_all, average_score
FROM exam_scores.student_average_score
WHERE student_id = {student:String}
