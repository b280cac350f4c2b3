-- title: How large each table was at the end of each day, and how much it has grown since the day before
-- seed: adaptive learning, storage growth rate and partition sizes
SELECT date, `table`, bytes, versions, bytes - lagInFrame(bytes, 1, bytes) OVER days AS bytes_grown
FROM (
  SELECT toDate(measured_at) AS date, `table`, argMax(measured, measured_at) AS bytes,
    argMax(rows_looked_at, measured_at) AS versions
  FROM tidemark.quality_results
  WHERE `check` = 'bytes_on_disk'
  GROUP BY date, `table`
)
WINDOW days AS (PARTITION BY `table` ORDER BY date ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
ORDER BY date DESC, bytes DESC, `table`
