import type { FactMetadata } from './define.ts'

/** What `adaptive_learning.item_statistics` and `mcq.item_statistics` share. */
export interface ItemStatisticsColumns extends FactMetadata {
  readonly learners: number
  readonly facility: number
  readonly mean: number
  readonly standard_deviation: number | null
  readonly discrimination_index: number | null
  readonly test_learners: number
  readonly test_items: number
  readonly test_mean: number
  readonly test_standard_deviation: number | null
  readonly test_reliability: number | null
  readonly test_standard_error: number | null
}
