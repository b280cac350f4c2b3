-- title: The median of absences for average and low family relationships, by sex
-- seed: student performance, question 5
SELECT sex, famrel, quantileExactInclusive(0.5)(absences) AS median_absences
FROM student_performance.student_data
WHERE famrel <= 3
GROUP BY sex, famrel
ORDER BY toString(sex), famrel
