-- title: How far students come in each presentation, and how they end
-- seed: Open University, cohorts
SELECT
  code_module, code_presentation, enrolments, registered, unregistered_before_start, active, submitted,
  passed, distinctions, failed, withdrawn, withdrawn_dated, withdrawn_undated, completion_rate
FROM open_university.enrolment_funnel
ORDER BY code_module, code_presentation
