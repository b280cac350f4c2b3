-- A row is a part of a file, some 14 KB in 34 arrays. Merged column by column, a merge holds the buffers of one column at
-- a time; the engine's own bound for that counts rows, and these are few and wide.
ALTER TABLE student_performance.student_data_versions
  MODIFY SETTING vertical_merge_algorithm_min_rows_to_activate = 1;
