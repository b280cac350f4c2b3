-- title: The results of an exam, and the average over all students
-- seed: exam-score feed, analyst question 4
-- param exam: the exam's number
SELECT exam_id, scores_all, average_score
FROM exam_scores.exam_average_score
WHERE exam_id = {exam:Int64}
