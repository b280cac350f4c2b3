/** A session as the topology keeps it, and its fact row. */
import type { UserSessionFact } from '../../facts/adaptive-learning.ts'
import { avroSerde, type EarlierLayout } from '../../schema/avro-serde.ts'
import { compareText } from '../text-order.ts'
import type { UserSession } from './events.ts'
import { dateOf, utcParts } from './utc.ts'
import { compareContents, type Content } from './version-order.ts'

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
  /** When this version was sent. */
  readonly sentMs: number
}

/** As `AttemptChange`, of sessions. */
export interface SessionChange {
  readonly before: Session | null
  readonly after: Session | null
  readonly seen: Session
}

const minuteMs = 60_000

export function sessionOf(event: UserSession, sentMs: number): Session {
  return {
    userId: event.user_id,
    sessionId: event.session_id,
    startMs: event.start_time,
    endMs: event.end_time,
    itemsAttempted: event.items_attempted,
    correctCount: event.correct_count,
    topics: [...new Set(event.topics)].sort(compareText),
    sessionType: event.session_type,
    sentMs,
  }
}

/** When the event happened: a session is reported at its start, and again at its end. */
export function sessionEventMs({ startMs, endMs }: Pick<Session, 'startMs' | 'endMs'>): number {
  return endMs ?? startMs
}

/** Above 0 where `a` stays: the later one, the end above the start in the same millisecond too; then the one that was sent
 * later; then the greater. */
export function compareSessions(a: Session, b: Session): number {
  return (
    sessionEventMs(a) - sessionEventMs(b) ||
    Number(a.endMs !== null) - Number(b.endMs !== null) ||
    a.sentMs - b.sentMs ||
    compareContents(contentOf(a), contentOf(b))
  )
}

/** Whenever they were sent. */
export function isSameSession(a: Session, b: Session): boolean {
  return compareSessions(a, { ...b, sentMs: a.sentMs }) === 0
}

function contentOf(session: Session): Content {
  const { startMs, itemsAttempted, correctCount, topics, sessionType } = session
  return [itemsAttempted, correctCount, topics.length, topics, startMs, sessionType]
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

const earlierFields = [
  { name: 'userId', type: 'string' },
  { name: 'sessionId', type: 'string' },
  { name: 'startMs', type: 'long' },
  { name: 'endMs', type: ['null', 'long'] },
  { name: 'itemsAttempted', type: 'int' },
  { name: 'correctCount', type: 'int' },
  { name: 'topics', type: { type: 'array', items: 'string' } },
  { name: 'sessionType', type: 'string' },
]

/** Did not know when a version was sent: at its event's time, as records have it that came in by a door. */
const earlierLayout: EarlierLayout<Session> = {
  layout: 1,
  schema: { type: 'record', name: 'Session', fields: earlierFields },
  upgrade: (earlier: Omit<Session, 'sentMs'>) => ({ ...earlier, sentMs: sessionEventMs(earlier) }),
}

const schema = {
  type: 'record',
  name: 'Session',
  fields: [...earlierFields, { name: 'sentMs', type: 'long' }],
}

export const sessionSerde = avroSerde<Session>('store sessions', 2, schema, [earlierLayout])
