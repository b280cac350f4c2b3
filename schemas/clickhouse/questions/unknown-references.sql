-- title: Rows that name a presentation, an assessment or a page that no row describes
-- seed: Open University, one source of truth
SELECT source_table, missing, name, count() AS rows
FROM (
  SELECT 'student_info' AS source_table, 'courses' AS missing,
    concat(code_module, ' ', code_presentation) AS name
  FROM open_university.clean_student_info
  UNION ALL
  SELECT 'student_registration', 'courses', concat(code_module, ' ', code_presentation)
  FROM open_university.clean_student_registration
  UNION ALL
  SELECT 'student_vle', 'courses', concat(code_module, ' ', code_presentation)
  FROM open_university.clean_student_vle
  UNION ALL
  SELECT 'assessments', 'courses', concat(code_module, ' ', code_presentation)
  FROM open_university.clean_assessments
  UNION ALL
  SELECT 'vle', 'courses', concat(code_module, ' ', code_presentation)
  FROM open_university.clean_vle
  UNION ALL
  SELECT 'student_assessment', 'assessments', toString(id_assessment)
  FROM open_university.clean_student_assessment
  UNION ALL
  SELECT 'student_vle', 'vle', toString(id_site)
  FROM open_university.clean_student_vle
)
WHERE (missing, name) NOT IN (
  SELECT 'courses', concat(code_module, ' ', code_presentation) FROM open_university.clean_courses
  UNION ALL
  SELECT 'assessments', toString(id_assessment) FROM open_university.clean_assessments
  UNION ALL
  SELECT 'vle', toString(id_site) FROM open_university.clean_vle
)
GROUP BY source_table, missing, name
ORDER BY source_table, missing, rows DESC, name
