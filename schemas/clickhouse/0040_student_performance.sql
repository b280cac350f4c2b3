-- Files of student performance: the rows, the files they came in, and what was found in them.

CREATE DATABASE IF NOT EXISTS student_performance;

-- One row per part of a file: a column holds the values of all its rows, one byte a row.
CREATE TABLE IF NOT EXISTS student_performance.student_data_versions (
  file_hash String COMMENT 'Content of the file: SHA-256, first 16 bytes, hexadecimal.',
  batch Int32 COMMENT 'Which part of the file, from 0.',
  row_number Array(UInt32) COMMENT 'Of each row, its number in the file, from 1.',
  school Array(UInt8) COMMENT 'The student’s school: Gabriel Pereira or Mousinho da Silveira; as the place in gp, ms.',
  sex Array(UInt8) COMMENT 'The student’s sex; as the place in f, m.',
  age Array(UInt8) COMMENT 'The student’s age, years.',
  address Array(UInt8) COMMENT 'Home address: urban or rural; as the place in u, r.',
  famsize Array(UInt8) COMMENT 'Family size: up to three, or more; as the place in le3, gt3.',
  pstatus Array(UInt8) COMMENT 'The parents live together or apart; as the place in t, a.',
  medu Array(UInt8) COMMENT 'The mother’s education, 0 none to 4 higher.',
  fedu Array(UInt8) COMMENT 'The father’s education, 0 none to 4 higher.',
  mjob Array(UInt8) COMMENT 'The mother’s job; as the place in teacher, health, services, at_home, other.',
  fjob Array(UInt8) COMMENT 'The father’s job; as the place in teacher, health, services, at_home, other.',
  reason Array(UInt8) COMMENT 'Why this school was chosen; as the place in home, reputation, course, other.',
  guardian Array(UInt8) COMMENT 'The student’s guardian; as the place in mother, father, other.',
  traveltime Array(UInt8) COMMENT 'From home to school: 1 under 15 min, 2 to 30 min, 3 to 1 h, 4 longer.',
  studytime Array(UInt8) COMMENT 'Weekly study: 1 under 2 h, 2 to 5 h, 3 to 10 h, 4 more.',
  failures Array(UInt8) COMMENT 'Past class failures; 4 stands for four or more.',
  schoolsup Array(UInt8) COMMENT 'Extra educational support by the school; as the place in no, yes.',
  famsup Array(UInt8) COMMENT 'Educational support by the family; as the place in no, yes.',
  paid Array(UInt8) COMMENT 'Extra paid classes in the subject; as the place in no, yes.',
  activities Array(UInt8) COMMENT 'Extra-curricular activities; as the place in no, yes.',
  nursery Array(UInt8) COMMENT 'Attended nursery school; as the place in no, yes.',
  higher Array(UInt8) COMMENT 'Wants to take higher education; as the place in no, yes.',
  internet Array(UInt8) COMMENT 'Internet access at home; as the place in no, yes.',
  romantic Array(UInt8) COMMENT 'In a romantic relationship; as the place in no, yes.',
  famrel Array(UInt8) COMMENT 'Quality of family relationships, 1 very bad to 5 excellent.',
  freetime Array(UInt8) COMMENT 'Free time after school, 1 very low to 5 very high.',
  goout Array(UInt8) COMMENT 'Going out with friends, 1 very low to 5 very high.',
  dalc Array(UInt8) COMMENT 'Alcohol on workdays, 1 very low to 5 very high.',
  walc Array(UInt8) COMMENT 'Alcohol at weekends, 1 very low to 5 very high.',
  health Array(UInt8) COMMENT 'Current health, 1 very bad to 5 very good.',
  absences Array(UInt8) COMMENT 'School absences.',
  g1 Array(UInt8) COMMENT 'Grade of the first period.',
  g2 Array(UInt8) COMMENT 'Grade of the second period.',
  g3 Array(UInt8) COMMENT 'Final grade.',
  event_time DateTime64(3, 'UTC') COMMENT 'Greatest event time that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (file_hash, batch);

-- One row per student and file, values as the file has them, in lower case.
CREATE VIEW IF NOT EXISTS student_performance.student_data AS
SELECT
  school, sex, age, address, famsize, pstatus, medu, fedu, mjob, fjob, reason, guardian,
  traveltime, studytime, failures, schoolsup, famsup, paid, activities, nursery, higher,
  internet, romantic, famrel, freetime, goout, dalc, walc, health, absences, g1, g2, g3,
  file_hash, row_number, event_time, known_at, version
FROM (
  SELECT
    CAST(school AS Array(Enum8('gp' = 0, 'ms' = 1))) AS school,
    CAST(sex AS Array(Enum8('f' = 0, 'm' = 1))) AS sex,
    age,
    CAST(address AS Array(Enum8('u' = 0, 'r' = 1))) AS address,
    CAST(famsize AS Array(Enum8('le3' = 0, 'gt3' = 1))) AS famsize,
    CAST(pstatus AS Array(Enum8('t' = 0, 'a' = 1))) AS pstatus,
    medu,
    fedu,
    CAST(mjob AS Array(Enum8('teacher' = 0, 'health' = 1, 'services' = 2, 'at_home' = 3, 'other' = 4))) AS mjob,
    CAST(fjob AS Array(Enum8('teacher' = 0, 'health' = 1, 'services' = 2, 'at_home' = 3, 'other' = 4))) AS fjob,
    CAST(reason AS Array(Enum8('home' = 0, 'reputation' = 1, 'course' = 2, 'other' = 3))) AS reason,
    CAST(guardian AS Array(Enum8('mother' = 0, 'father' = 1, 'other' = 2))) AS guardian,
    traveltime,
    studytime,
    failures,
    CAST(schoolsup AS Array(Enum8('no' = 0, 'yes' = 1))) AS schoolsup,
    CAST(famsup AS Array(Enum8('no' = 0, 'yes' = 1))) AS famsup,
    CAST(paid AS Array(Enum8('no' = 0, 'yes' = 1))) AS paid,
    CAST(activities AS Array(Enum8('no' = 0, 'yes' = 1))) AS activities,
    CAST(nursery AS Array(Enum8('no' = 0, 'yes' = 1))) AS nursery,
    CAST(higher AS Array(Enum8('no' = 0, 'yes' = 1))) AS higher,
    CAST(internet AS Array(Enum8('no' = 0, 'yes' = 1))) AS internet,
    CAST(romantic AS Array(Enum8('no' = 0, 'yes' = 1))) AS romantic,
    famrel,
    freetime,
    goout,
    dalc,
    walc,
    health,
    absences,
    g1,
    g2,
    g3,
    file_hash, row_number, event_time, known_at, version
  FROM student_performance.student_data_versions FINAL
)
ARRAY JOIN
  school, sex, age, address, famsize, pstatus, medu, fedu, mjob, fjob, reason, guardian,
  traveltime, studytime, failures, schoolsup, famsup, paid, activities, nursery, higher,
  internet, romantic, famrel, freetime, goout, dalc, walc, health, absences, g1, g2, g3,
  row_number;

-- One row per file that was dropped; the same content under another name or time is another row.
CREATE TABLE IF NOT EXISTS student_performance.drops_versions (
  file_hash String COMMENT 'Content of the file: SHA-256, first 16 bytes, hexadecimal.',
  file_name String COMMENT 'As it was dropped.',
  modified_at Int64 COMMENT 'When the file was last changed, milliseconds since the epoch.',
  bytes Int64 COMMENT 'Size of the file.',
  batches Int32 COMMENT 'Parts of the file.',
  rows_read Int64 COMMENT 'Rows of the file.',
  rows_removed Int64 COMMENT 'Of them, removed for a missing value.',
  finding_check Array(String) COMMENT 'What was found: the name of each finding.',
  finding_column Array(String) COMMENT 'Of each finding, the column; empty where it concerns whole rows.',
  finding_rows Array(Int64) COMMENT 'Of each finding, how many rows.',
  finding_detail Array(String) COMMENT 'Of each finding, what exactly.',
  event_time DateTime64(3, 'UTC') COMMENT 'Greatest event time that the row rests on.',
  known_at DateTime64(3, 'UTC') COMMENT 'When the row was computed.',
  version UInt64 COMMENT 'Grows for each key: epoch << 48 | offset of the fact topic.',
  is_deleted UInt8 DEFAULT 0 COMMENT '1 where the row is gone.'
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (file_hash, file_name, modified_at);

CREATE VIEW IF NOT EXISTS student_performance.drops AS
SELECT file_hash, file_name, modified_at, bytes, batches, rows_read, rows_removed,
  finding_check, finding_column, finding_rows, finding_detail, event_time, known_at, version
FROM student_performance.drops_versions FINAL;

-- One row per content. Incomplete: parts of it are missing, or the file as a whole was never reported.
CREATE VIEW IF NOT EXISTS student_performance.files AS
SELECT
  if(dropped.times_dropped = 0, arrived.file_hash, dropped.file_hash) AS file_hash,
  dropped.first_name AS file_name,
  dropped.times_dropped AS times_dropped,
  dropped.rows_read AS rows_read,
  dropped.rows_removed AS rows_removed,
  arrived.rows AS rows_kept,
  dropped.batches AS batches,
  arrived.batches AS batches_arrived,
  times_dropped > 0 AND batches_arrived = batches AND rows_kept + rows_removed = rows_read AS is_complete
FROM (
  SELECT file_hash, argMin(file_name, (modified_at, file_name)) AS first_name, count() AS times_dropped,
    max(rows_read) AS rows_read, max(rows_removed) AS rows_removed, max(batches) AS batches
  FROM student_performance.drops
  GROUP BY file_hash
) AS dropped
FULL OUTER JOIN (
  SELECT file_hash, count() AS batches, sum(length(row_number)) AS rows
  FROM student_performance.student_data_versions FINAL
  GROUP BY file_hash
) AS arrived ON dropped.file_hash = arrived.file_hash;

-- Duplicates, outliers, removed rows and incomplete sets, one row each.
CREATE VIEW IF NOT EXISTS student_performance.findings AS
SELECT file_hash, file_name, finding_check AS check_name, finding_column AS column_name,
  finding_rows AS rows, finding_detail AS detail
FROM (
  SELECT * FROM student_performance.drops ORDER BY modified_at, file_name LIMIT 1 BY file_hash
)
ARRAY JOIN finding_check, finding_column, finding_rows, finding_detail
UNION ALL
SELECT file_hash, file_name, 'duplicate_file', '', toInt64(rows_kept),
  concat('dropped ', toString(times_dropped), ' times; its rows count once')
FROM student_performance.files WHERE times_dropped > 1
UNION ALL
SELECT file_hash, file_name, 'incomplete_set', '', toInt64(rows_kept),
  concat(toString(batches_arrived), ' of ', toString(batches), ' parts have arrived')
FROM student_performance.files WHERE NOT is_complete;
