/** From an attempt and the features before it to its fact row. */
import type { UserAttemptFact } from '../../facts/adaptive-learning.ts'
import type { Attempt } from './attempt.ts'
import type { Features } from './learner.ts'
import type { FeatureParameters } from './parameters.ts'
import { qualityOf, responseTimeCategory } from './quality.ts'
import { dateOf, utcParts } from './utc.ts'

export interface AttemptRowParts {
  readonly attempt: Attempt
  readonly features: Features
  readonly isLate: boolean
  readonly knownAtMs: number
}

export function attemptRow(
  { attempt, features, isLate, knownAtMs }: AttemptRowParts,
  parameters: FeatureParameters,
): UserAttemptFact {
  const { brought, timestampMs } = attempt
  const { hour, dayOfWeek } = utcParts(timestampMs)
  const abilities = abilitiesByTopic(features)
  return {
    user_id: attempt.userId,
    attempt_id: attempt.attemptId,
    item_id: attempt.itemId,
    session_id: attempt.sessionId,
    topic: attempt.topic,
    correct: attempt.correct,
    answered: attempt.answered,
    time_taken_ms: attempt.timeTakenMs,
    quality: qualityOf(attempt, parameters),
    response_time_seconds: attempt.timeTakenMs / 1000,
    response_time_category: responseTimeCategory(attempt.timeTakenMs, parameters),
    hour_of_day: hour,
    day_of_week: dayOfWeek,
    is_weekend: dayOfWeek >= 5,
    sm2_easiness_factor_before: brought.easinessFactor ?? features.sm2.easinessFactor,
    sm2_interval_before: brought.intervalDays ?? features.sm2.intervalDays,
    sm2_repetitions_before: features.sm2.repetitions,
    bkt_prob_knowledge_before: brought.known ?? features.known,
    irt_ability_before: brought.abilities ?? abilities,
    item_difficulty_before: features.difficulty,
    probability_correct_before: features.probabilityCorrect,
    ...countColumns(features),
    features_source: Object.values(brought).some((value) => value !== null) ? 'event' : 'computed',
    feature_differences: differencesOf(attempt, features, abilities),
    parameter_version: parameters.version,
    is_late: isLate,
    ...dateOf(timestampMs),
    event_time: timestampMs,
    known_at: knownAtMs,
  }
}

/** Of a row without its abilities, and of each of these without its topic's name, about. */
const bareRowBytes = 600
const abilityBytes = 10

/** Of the row, serialized, about. */
export function attemptRowBytes({ attempt, features }: AttemptRowParts): number {
  const { abilities } = attempt.brought
  if (abilities !== null) {
    // They stand in the row in place of those that were computed, and the difference of each may stand beside them.
    const topics = Object.keys(abilities)
    const textBytes = topics.reduce((sum, topic) => sum + topic.length, 0)
    return bareRowBytes + 2 * (textBytes + topics.length * abilityBytes)
  }
  const { topics, textBytes } = features.abilities
  return bareRowBytes + textBytes + topics.length * abilityBytes
}

function abilitiesByTopic({ abilities: { topics, values } }: Features): Record<string, number> {
  const abilities: Record<string, number> = {}
  for (const [index, topic] of topics.entries()) {
    const value = values[index] ?? 0
    if (topic === '__proto__') define(abilities, topic, value)
    else abilities[topic] = value
  }
  return abilities
}

function define(abilities: Record<string, number>, topic: string, value: number): void {
  Object.defineProperty(abilities, topic, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  })
}

function countColumns({ userCounts: user, topicCounts: topic }: Features) {
  return {
    user_attempts_1h: user['1h'].attempts,
    user_wins_1h: user['1h'].wins,
    user_attempts_1d: user['1d'].attempts,
    user_wins_1d: user['1d'].wins,
    user_attempts_7d: user['7d'].attempts,
    user_wins_7d: user['7d'].wins,
    user_attempts_30d: user['30d'].attempts,
    user_wins_30d: user['30d'].wins,
    topic_attempts_1h: topic['1h'].attempts,
    topic_wins_1h: topic['1h'].wins,
    topic_attempts_1d: topic['1d'].attempts,
    topic_wins_1d: topic['1d'].wins,
    topic_attempts_7d: topic['7d'].attempts,
    topic_wins_7d: topic['7d'].wins,
    topic_attempts_30d: topic['30d'].attempts,
    topic_wins_30d: topic['30d'].wins,
  }
}

/** Brought minus computed; of abilities, where both know the topic. */
function differencesOf(
  { brought }: Attempt,
  { sm2, known }: Features,
  abilities: Readonly<Record<string, number>>,
): Record<string, number> {
  const differences: Record<string, number> = {}
  if (brought.easinessFactor !== null) {
    differences['sm2_easiness_factor_before'] = brought.easinessFactor - sm2.easinessFactor
  }
  if (brought.intervalDays !== null) {
    differences['sm2_interval_before'] = brought.intervalDays - sm2.intervalDays
  }
  if (brought.known !== null) differences['bkt_prob_knowledge_before'] = brought.known - known
  for (const [topic, ability] of Object.entries(brought.abilities ?? {})) {
    const computed = Object.hasOwn(abilities, topic) ? abilities[topic] : undefined
    if (computed !== undefined) differences[`irt_ability_${topic}_before`] = ability - computed
  }
  return differences
}
