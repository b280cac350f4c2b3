-- title: How far the features that events bring are from those computed
-- seed: adaptive learning, features of algorithm states
SELECT difference.1 AS feature, count() AS attempts, avg(difference.2) AS mean,
  max(abs(difference.2)) AS greatest
FROM adaptive_learning.user_attempts
ARRAY JOIN CAST(feature_differences, 'Array(Tuple(String, Float64))') AS difference
GROUP BY feature
ORDER BY feature
