-- title: Which kinds of pages students use, by presentation
-- seed: Open University, engagement
SELECT
  clicks.code_module AS code_module, clicks.code_presentation AS code_presentation,
  ifNull(site.activity_type, 'unknown') AS activity, sum(clicks.sum_click) AS sum_click,
  uniqExact(clicks.id_student) AS students
FROM open_university.fact_vle_interactions AS clicks
LEFT JOIN open_university.dim_module_vle AS site ON site.id_site = clicks.id_site
GROUP BY code_module, code_presentation, activity
ORDER BY code_module, code_presentation, sum_click DESC, activity
