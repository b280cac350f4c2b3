/** A session as the topology keeps it, and its fact row. */
import type { UserSessionFact } from '../../facts/adaptive-learning.ts'
import { avroSerde } from '../../schema/avro-serde.ts'
import { compareText } from '../text-order.ts'
import type { UserSession } from './events.ts'
import { dateOf, utcParts } from './utc.ts'

export interface Session {
  readonly userId: string
  readonly sessionId: string
  readonly startMs: number
  /** Null while it is open. */
  readonly endMs: number | null
  readonly itemsAttempted: number
  readonly correctCount: number
  /** Distinct, in order. */
  readonly topics: readonly string[]
  readonly sessionType: string
}

/** As `AttemptChange`, of sessions. */
export interface SessionChange {
  readonly before: Session | null
  readonly after: Session | null
  readonly seen: Session
}

const minuteMs = 60_000

export function sessionOf(event: UserSession): Session {
  return {
    userId: event.user_id,
    sessionId: event.session_id,
    startMs: event.start_time,
    endMs: event.end_time,
    itemsAttempted: event.items_attempted,
    correctCount: event.correct_count,
    topics: [...new Set(event.topics)].sort(compareText),
    sessionType: event.session_type,
  }
}

/** When the event happened: a session is reported at its start, and again at its end. */
export function sessionEventMs({ startMs, endMs }: Pick<Session, 'startMs' | 'endMs'>): number {
  return endMs ?? startMs
}

/** Above 0 where `a` stays: the later one, and at the same time the one with the greater content. */
export function compareSessions(a: Session, b: Session): number {
  return sessionEventMs(a) - sessionEventMs(b) || compareText(contentOf(a), contentOf(b))
}

function contentOf(session: Session): string {
  const { startMs, endMs, itemsAttempted, correctCount, topics, sessionType } = session
  return JSON.stringify([startMs, endMs, itemsAttempted, correctCount, topics, sessionType])
}

export function sessionRow(session: Session, knownAtMs: number): UserSessionFact {
  const { startMs, endMs, itemsAttempted, correctCount } = session
  const minutes = endMs === null ? null : (endMs - startMs) / minuteMs
  return {
    session_id: session.sessionId,
    user_id: session.userId,
    start_time: startMs,
    end_time: endMs,
    duration_minutes: minutes,
    items_attempted: itemsAttempted,
    correct_count: correctCount,
    accuracy: itemsAttempted === 0 ? null : correctCount / itemsAttempted,
    items_per_minute: minutes === null || minutes === 0 ? null : itemsAttempted / minutes,
    topics: session.topics,
    topics_count: session.topics.length,
    session_type: session.sessionType,
    start_hour: utcParts(startMs).hour,
    ...dateOf(startMs),
    event_time: sessionEventMs(session),
    known_at: knownAtMs,
  }
}

export const sessionSerde = avroSerde<Session>('store sessions', 1, {
  type: 'record',
  name: 'Session',
  fields: [
    { name: 'userId', type: 'string' },
    { name: 'sessionId', type: 'string' },
    { name: 'startMs', type: 'long' },
    { name: 'endMs', type: ['null', 'long'] },
    { name: 'itemsAttempted', type: 'int' },
    { name: 'correctCount', type: 'int' },
    { name: 'topics', type: { type: 'array', items: 'string' } },
    { name: 'sessionType', type: 'string' },
  ],
})
