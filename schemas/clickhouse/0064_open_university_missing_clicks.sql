-- Where no row of a student, page and day says its clicks, nobody knows them: NULL, no longer 0.
ALTER TABLE open_university.fact_vle_interactions_versions
  MODIFY COLUMN sum_click Nullable(Int64) COMMENT 'Clicks of all its rows that say them; null where none does.';

ALTER TABLE open_university.fact_vle_interactions_versions
  COMMENT COLUMN click_rows 'Its rows, those without clicks among them.';

-- A view keeps the types that it was made with.
CREATE OR REPLACE VIEW open_university.fact_vle_interactions AS
SELECT code_module, code_presentation, id_student, id_site, date, sum_click, click_rows, event_time, known_at, version
FROM open_university.fact_vle_interactions_versions FINAL;
