/** The facts of adaptive learning. Times are milliseconds since the epoch; days and hours are those of UTC. */
import type { FactTable } from '../core/fact-table.ts'
import { defineFactTable, type FactMetadata } from './define.ts'
import type { ItemStatisticsColumns } from './item-statistics.ts'

export interface UserAttemptFact extends FactMetadata {
  readonly user_id: string
  readonly attempt_id: string
  readonly item_id: string
  readonly session_id: string | null
  readonly topic: string
  readonly correct: boolean
  readonly answered: boolean
  readonly time_taken_ms: number
  readonly quality: number
  readonly response_time_seconds: number
  readonly response_time_category: string
  readonly hour_of_day: number
  readonly day_of_week: number
  readonly is_weekend: boolean
  readonly sm2_easiness_factor_before: number
  readonly sm2_interval_before: number
  readonly sm2_repetitions_before: number
  readonly bkt_prob_knowledge_before: number
  readonly irt_ability_before: Readonly<Record<string, number>>
  readonly item_difficulty_before: number
  readonly probability_correct_before: number
  readonly user_attempts_1h: number
  readonly user_wins_1h: number
  readonly user_attempts_1d: number
  readonly user_wins_1d: number
  readonly user_attempts_7d: number
  readonly user_wins_7d: number
  readonly user_attempts_30d: number
  readonly user_wins_30d: number
  readonly topic_attempts_1h: number
  readonly topic_wins_1h: number
  readonly topic_attempts_1d: number
  readonly topic_wins_1d: number
  readonly topic_attempts_7d: number
  readonly topic_wins_7d: number
  readonly topic_attempts_30d: number
  readonly topic_wins_30d: number
  readonly features_source: string
  readonly feature_differences: Readonly<Record<string, number>>
  readonly parameter_version: string
  readonly is_late: boolean
  readonly year: number
  readonly month: number
  readonly day: number
}

export interface UserSessionFact extends FactMetadata {
  readonly session_id: string
  readonly user_id: string
  readonly start_time: number
  readonly end_time: number | null
  readonly duration_minutes: number | null
  readonly items_attempted: number
  readonly correct_count: number
  readonly accuracy: number | null
  readonly items_per_minute: number | null
  readonly topics: readonly string[]
  readonly topics_count: number
  readonly session_type: string
  readonly start_hour: number
  readonly year: number
  readonly month: number
  readonly day: number
}

export interface DailyAggregation extends FactMetadata {
  readonly user_id: string
  readonly year: number
  readonly month: number
  readonly day: number
  readonly total_attempts: number
  readonly correct_attempts: number
  readonly accuracy: number | null
  readonly avg_response_time_ms: number | null
  readonly total_study_time_minutes: number
  readonly unique_items_attempted: number
  readonly total_sessions: number
}

export interface MlTrainingFact extends FactMetadata {
  readonly training_id: string
  readonly algorithm: string
  readonly model_version: string | null
  readonly user_id: string | null
  readonly item_id: string | null
  readonly features: Readonly<Record<string, number>>
  readonly label: number | null
  readonly prediction: number | null
  readonly error: number | null
  readonly year: number
  readonly month: number
  readonly day: number
}

/** A row of `user_attempts` that another one has replaced. */
export interface SupersededUserAttempt extends UserAttemptFact {
  readonly revision: number
  readonly superseded_at: number
}

export interface ItemStatisticsFact extends ItemStatisticsColumns {
  readonly topic: string
  readonly item_id: string
}

const database = 'adaptive_learning'

export const userAttempts = defineFactTable<readonly [string, string], UserAttemptFact>(
  database,
  'user_attempts',
  ['user_id', 'attempt_id'],
)
type SupersededKey = readonly [string, string, number]

export const supersededUserAttempts: FactTable<SupersededKey, SupersededUserAttempt> = {
  ...defineFactTable<SupersededKey, SupersededUserAttempt>(database, 'user_attempts_superseded', [
    'user_id',
    'attempt_id',
    'revision',
  ]),
  followsDelivery: true,
}
export const userSessions = defineFactTable<readonly [string, string], UserSessionFact>(
  database,
  'user_sessions',
  ['user_id', 'session_id'],
)
export const dailyAggregations = defineFactTable<
  readonly [string, number, number, number],
  DailyAggregation
>(database, 'daily_aggregations', ['user_id', 'year', 'month', 'day'])
export const mlTraining = defineFactTable<readonly [string], MlTrainingFact>(
  database,
  'ml_training',
  ['training_id'],
)
export const itemStatistics = defineFactTable<readonly [string, string], ItemStatisticsFact>(
  database,
  'item_statistics',
  ['topic', 'item_id'],
)
