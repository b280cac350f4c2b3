/** Rows of `adaptive_learning.user_attempts` that keep to every expectation, unless a test says otherwise. */
import type { Row } from '../../sinks/sink.ts'
import { minuteMs, nowMs } from './quality.test-support.ts'

const windows = ['1h', '1d', '7d', '30d'].flatMap((window) =>
  ['user', 'topic'].flatMap((of) => [`${of}_attempts_${window}`, `${of}_wins_${window}`]),
)

export function attemptRow(number: number, changes: Row = {}): Row {
  const eventMs = nowMs - 61 * minuteMs
  return {
    user_id: `user-${number % 10}`,
    attempt_id: `attempt-${number}`,
    item_id: `item-${number}`,
    session_id: 'session-1',
    topic: 'algebra',
    correct: true,
    answered: true,
    time_taken_ms: 9000,
    quality: 5,
    response_time_seconds: 9,
    response_time_category: 'fast',
    hour_of_day: 10,
    day_of_week: 0,
    is_weekend: false,
    sm2_easiness_factor_before: 2.5,
    sm2_interval_before: 0,
    sm2_repetitions_before: 0,
    bkt_prob_knowledge_before: 0.25,
    irt_ability_before: { algebra: 0 },
    item_difficulty_before: 0,
    probability_correct_before: 0.5,
    ...Object.fromEntries(windows.map((name) => [name, 0])),
    features_source: 'computed',
    feature_differences: {},
    parameter_version: '1',
    is_late: false,
    year: 2026,
    month: 3,
    day: 2,
    event_time: eventMs,
    known_at: eventMs + 1000,
    ...changes,
  }
}

export function dayRow(user: string, changes: Row = {}): Row {
  return {
    user_id: user,
    year: 2026,
    month: 3,
    day: 2,
    total_attempts: 2,
    correct_attempts: 2,
    accuracy: 1,
    avg_response_time_ms: 9000,
    total_study_time_minutes: 0,
    unique_items_attempted: 2,
    total_sessions: 0,
    ...changes,
  }
}

/** A refused record of `user.attempts`. */
export function refusedRow(id: string, changes: Row = {}): Row {
  return {
    id,
    topic: 'user.attempts',
    partition: null,
    offset: null,
    check: 'json_invalid',
    level: 'Critical',
    reason: 'not JSON',
    source: 'ingest',
    location: null,
    record_format: 'bytes',
    record_key: null,
    record_value: '{',
    record_headers: '[]',
    record_timestamp: null,
    status: 'quarantined',
    quarantined_at: nowMs - 60 * minuteMs,
    redriven_at: null,
    ...changes,
  }
}
