-- title: Items that tell good learners from others least, by topic
-- seed: adaptive learning, statistics of items
SELECT topic, item_id, learners, facility, discrimination_index, test_reliability
FROM adaptive_learning.item_statistics
WHERE discrimination_index IS NOT NULL AND discrimination_index < 20
ORDER BY topic, discrimination_index, item_id
