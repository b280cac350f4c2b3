-- title: The quality score of each topology and dimension, run by run
-- seed: adaptive learning, quality metrics and pipeline health
SELECT measured_at, topology, dimension, round(score, 2) AS score
FROM tidemark.quality_scores
WHERE score IS NOT NULL
ORDER BY measured_at DESC, topology, dimension
