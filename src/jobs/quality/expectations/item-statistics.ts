/** What is expected of `adaptive_learning.item_statistics` and `mcq.item_statistics` alike. */
import { agrees, atLeast, range, type RowCheck } from '../expectation.ts'

/** They are NULL where nobody differs or there are too few learners. */
export const undefinedStatistics: readonly string[] = [
  'standard_deviation',
  'discrimination_index',
  'test_standard_deviation',
  'test_reliability',
  'test_standard_error',
]

export const itemStatistics: readonly RowCheck[] = [
  atLeast('learners', 1),
  range('facility', 0, 1),
  range('mean', 0, 1),
  range('discrimination_index', -100.000001, 100.000001),
  agrees('item_learners_within_test', 'learners <= test_learners'),
  agrees('mean_within_test', 'test_mean <= test_items + 1e-6'),
]
