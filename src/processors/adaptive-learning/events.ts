/** The platform's events as decoded from Avro (`schemas/avro`). Times are milliseconds since the epoch. */

export interface UserAttempt {
  readonly attempt_id: string | null
  readonly user_id: string
  readonly item_id: string
  readonly session_id: string | null
  readonly topic: string
  readonly correct: boolean
  readonly answered: boolean
  readonly time_taken_ms: number
  readonly quality: number | null
  readonly timestamp: number | null
  /** Logits. */
  readonly item_difficulty: number | null
  readonly sm2_easiness_factor_before: number | null
  /** Days. */
  readonly sm2_interval_before: number | null
  readonly bkt_prob_knowledge_before: number | null
  /** Logits, by topic. */
  readonly irt_ability_before: Readonly<Record<string, number>> | null
}

export interface UserSession {
  readonly session_id: string
  readonly user_id: string
  readonly start_time: number
  readonly end_time: number | null
  readonly items_attempted: number
  readonly correct_count: number
  readonly accuracy: number | null
  readonly topics: readonly string[]
  readonly session_type: string
}

export interface MlTraining {
  readonly training_id: string
  readonly algorithm: string
  readonly model_version: string | null
  readonly user_id: string | null
  readonly item_id: string | null
  readonly features: Readonly<Record<string, number>>
  readonly label: number | null
  readonly prediction: number | null
  readonly timestamp: number | null
}
