/**
 * The facts of adaptive learning, computed a second time: everything in memory, one loop a rule. The rules are those
 * of docs/adaptive-learning.md. Imports nothing from the product.
 *
 *   node test/golden/oracle-adaptive-learning.ts EDNET_DIRECTORY
 */
import { ednetAttempts } from './ednet-attempts.ts'
import {
  attemptRows,
  ymd,
  type Attempt,
  type AttemptEvent,
  type Row,
} from './oracle-adaptive-features.ts'
import { itemStatistics, type ItemRow, type Mark } from './oracle-item-statistics.ts'

export interface SessionEvent {
  session_id: string
  user_id: string
  start_time: number
  end_time: number | null
  items_attempted: number
  correct_count: number
  accuracy: number | null
  topics: string[]
  session_type: string
  /** The record's time. */
  at: number
}

export interface TrainingEvent {
  training_id: string
  algorithm: string
  model_version: string | null
  user_id: string | null
  item_id: string | null
  features: Record<string, number>
  label: number | null
  prediction: number | null
  timestamp: number | null
  at: number
}

export interface AdaptiveEvents {
  attempts: AttemptEvent[]
  sessions: SessionEvent[]
  training: TrainingEvent[]
}

export interface AdaptiveFacts {
  user_attempts: Row[]
  user_sessions: Row[]
  daily_aggregations: Row[]
  ml_training: Row[]
  item_statistics: Row[]
}

export function factsOf({ attempts, sessions, training }: AdaptiveEvents): AdaptiveFacts {
  const seen = attempts.filter(isGoodAttempt).map((event) => {
    const ms = event.timestamp ?? event.at
    return { ...event, id: event.attempt_id || `${event.item_id}/${ms}`, ms }
  })
  const kept = lastVersions(
    seen,
    (attempt) => [attempt.user_id, attempt.id],
    ({ ms, at }) => [ms, at],
    contentOfAttempt,
  )
  const seenSessions = sessions.filter(isGoodSession).map((event) => ({
    ...event,
    topics: [...new Set(event.topics)].sort(),
    ms: event.end_time ?? event.start_time,
  }))
  const keptSessions = lastVersions(
    seenSessions,
    (session) => [session.user_id, session.session_id],
    ({ ms, end_time, at }) => [ms, end_time === null ? 0 : 1, at],
    (session) => [
      session.items_attempted,
      session.correct_count,
      session.topics.length,
      session.topics,
      session.start_time,
      session.session_type,
    ],
  )
  const byUser = [...Map.groupBy(kept, (attempt) => attempt.user_id).values()]
  return {
    user_attempts: byUser.flatMap(attemptRows),
    user_sessions: keptSessions.map(sessionRow),
    daily_aggregations: dailyRows({ seen, kept, seenSessions, keptSessions }),
    ml_training: trainingRows(training),
    item_statistics: itemRows(seen, kept),
  }
}

function isGoodAttempt(event: AttemptEvent): boolean {
  const { quality, sm2_easiness_factor_before: factor, bkt_prob_knowledge_before: known } = event
  return (
    event.item_id !== '' &&
    event.time_taken_ms >= 0 &&
    (quality === null || (quality >= 0 && quality <= 5)) &&
    !(event.correct && !event.answered) &&
    (factor === null || (factor >= 1.3 && factor < Infinity)) &&
    (event.sm2_interval_before ?? 0) >= 0 &&
    (known === null || (known >= 0 && known <= 1)) &&
    Number.isFinite(event.item_difficulty ?? 0) &&
    Object.values(event.irt_ability_before ?? {}).every(Number.isFinite)
  )
}

function isGoodSession(event: SessionEvent): boolean {
  const { items_attempted: items, correct_count: correct, accuracy } = event
  return (
    event.session_id !== '' &&
    (event.end_time === null || event.end_time >= event.start_time) &&
    correct >= 0 &&
    correct <= items &&
    (accuracy === null || items === 0 || Math.abs(accuracy - correct / items) <= 0.005) &&
    ['practice', 'review', 'mock_test'].includes(event.session_type)
  )
}

/** Of each id the version with the greatest times, the first first, and at the same times with the greatest content. */
function lastVersions<E>(
  events: readonly E[],
  idOf: (event: E) => unknown[],
  timesOf: (event: E) => number[],
  contentOf: (event: E) => unknown[],
): E[] {
  const kept = new Map<string, E>()
  for (const event of events) {
    const id = JSON.stringify(idOf(event))
    const known = kept.get(id)
    const whole = (one: E) => [...timesOf(one), ...contentOf(one)]
    if (known === undefined || compare(whole(event), whole(known)) > 0) kept.set(id, event)
  }
  return [...kept.values()]
}

/** Lists by the first item in which they differ, or else the longer is greater; null is least. */
function compare(a: any, b: any): number {
  if (Array.isArray(a) && Array.isArray(b)) {
    for (const [index, item] of a.slice(0, b.length).entries()) {
      const order = compare(item, b[index])
      if (order !== 0) return order
    }
    return a.length - b.length
  }
  if (a === b) return 0
  if (a === null) return -1
  return b === null || a > b ? 1 : -1
}

function contentOfAttempt(attempt: Attempt): unknown[] {
  const abilities = attempt.irt_ability_before
  return [
    attempt.answered,
    attempt.correct,
    attempt.time_taken_ms,
    attempt.quality,
    attempt.item_difficulty,
    attempt.sm2_easiness_factor_before,
    attempt.sm2_interval_before,
    attempt.bkt_prob_knowledge_before,
    abilities === null ? null : sortedEntries(abilities),
    attempt.session_id,
    attempt.topic,
    attempt.item_id,
  ]
}

function sortedEntries(numbers: Record<string, number>): [string, number][] {
  return Object.entries(numbers).sort(([a], [b]) => (a < b ? -1 : 1))
}

function sessionRow(session: SessionEvent & { ms: number }): Row {
  const { start_time, end_time, items_attempted, correct_count } = session
  const minutes = end_time === null ? null : (end_time - start_time) / 60_000
  return {
    session_id: session.session_id,
    user_id: session.user_id,
    start_time,
    end_time,
    duration_minutes: minutes,
    items_attempted,
    correct_count,
    accuracy: items_attempted > 0 ? correct_count / items_attempted : null,
    items_per_minute: minutes === null || minutes === 0 ? null : items_attempted / minutes,
    topics: session.topics,
    topics_count: session.topics.length,
    session_type: session.session_type,
    start_hour: new Date(start_time).getUTCHours(),
    ...ymd(start_time),
    event_time: session.ms,
  }
}

interface Days {
  seen: Attempt[]
  kept: Attempt[]
  seenSessions: (SessionEvent & { ms: number })[]
  keptSessions: (SessionEvent & { ms: number })[]
}

function dailyRows({ seen, kept, seenSessions, keptSessions }: Days): Row[] {
  const dayOf = (user: string, ms: number) => JSON.stringify([user, ymd(ms)])
  const attemptsOf = Map.groupBy(kept, ({ user_id, ms }) => dayOf(user_id, ms))
  const sessionsOf = Map.groupBy(keptSessions, ({ user_id, start_time }) =>
    dayOf(user_id, start_time),
  )
  return [...new Set([...attemptsOf.keys(), ...sessionsOf.keys()])].map((day) => {
    const attempts = attemptsOf.get(day) ?? []
    const sessions = sessionsOf.get(day) ?? []
    const right = attempts.filter(({ correct }) => correct).length
    const times = attempts.reduce((sum, { time_taken_ms }) => sum + time_taken_ms, 0)
    const studied = sessions.reduce(
      (sum, { start_time, end_time }) => sum + (end_time === null ? 0 : end_time - start_time),
      0,
    )
    const [user_id, date] = JSON.parse(day) as [string, Row]
    const all = [
      ...seen.filter((attempt) => dayOf(attempt.user_id, attempt.ms) === day),
      ...seenSessions.filter((session) => dayOf(session.user_id, session.start_time) === day),
    ]
    return {
      user_id,
      ...date,
      total_attempts: attempts.length,
      correct_attempts: right,
      accuracy: attempts.length > 0 ? right / attempts.length : null,
      avg_response_time_ms: attempts.length > 0 ? times / attempts.length : null,
      total_study_time_minutes: studied / 60_000,
      unique_items_attempted: new Set(attempts.map(({ item_id }) => item_id)).size,
      total_sessions: sessions.length,
      event_time: greatest(all),
    }
  })
}

function trainingRows(events: TrainingEvent[]): Row[] {
  const isGood = ({ features, label, prediction }: TrainingEvent) =>
    [...Object.values(features), label ?? 0, prediction ?? 0].every(Number.isFinite)
  const timed = events
    .filter(isGood)
    .map((event) => ({ ...event, ms: event.timestamp ?? event.at }))
  const kept = lastVersions(
    timed,
    (event) => [event.training_id],
    ({ ms, at }) => [ms, at],
    (event) => [
      event.label,
      event.prediction,
      sortedEntries(event.features),
      event.algorithm,
      event.model_version,
      event.user_id,
      event.item_id,
    ],
  )
  return kept.map(({ ms, timestamp: _, at: __, ...event }) => {
    const { label, prediction } = event
    const error = label === null || prediction === null ? null : prediction - label
    return { ...event, error, ...ymd(ms), event_time: ms }
  })
}

/** Each learner's first attempt at an item is the mark; items that a learner left out are no marks of the item. */
function itemRows(seen: Attempt[], kept: Attempt[]): Row[] {
  return [...Map.groupBy(kept, ({ topic }) => topic)].flatMap(([topic, attempts]) => {
    const sorted = attempts.toSorted((a, b) => a.ms - b.ms || (a.id < b.id ? -1 : 1))
    const first = new Map<string, Mark>()
    for (const { user_id, item_id, correct } of sorted) {
      const id = JSON.stringify([user_id, item_id])
      if (!first.has(id)) first.set(id, { learner: user_id, item: item_id, mark: Number(correct) })
    }
    const learners = new Set(attempts.map(({ user_id }) => user_id))
    const event_time = greatest(seen.filter((attempt) => attempt.topic === topic))
    return itemStatistics([...first.values()], learners, 'answered').map(
      ({ item, ...columns }: ItemRow) => ({ topic, item_id: item, ...columns, event_time }),
    )
  })
}

function greatest(events: readonly { ms: number }[]): number {
  return events.reduce((latest, { ms }) => Math.max(latest, ms), -Infinity)
}

if (import.meta.main) {
  const facts = factsOf(ednetAttempts(process.argv[2] ?? '../shared/data/ednet'))
  for (const [table, rows] of Object.entries({ ...facts }) as [string, object[]][]) {
    console.log(`\n${table}: ${rows.length} rows, the first`)
    console.table(rows.slice(0, 3))
  }
}
