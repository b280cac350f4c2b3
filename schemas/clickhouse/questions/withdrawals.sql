-- title: Who withdraws, with and without a date, by education
-- seed: Open University, dropout risk
SELECT
  highest_education, count() AS enrolments, countIf(final_result = 'Withdrawn') AS withdrawn,
  countIf(final_result = 'Withdrawn' AND date_unregistration IS NULL) AS undated,
  withdrawn / enrolments AS withdrawal_rate
FROM open_university.dim_registered_module
GROUP BY highest_education
ORDER BY withdrawal_rate DESC, highest_education
