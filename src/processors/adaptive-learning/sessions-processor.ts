/** Sessions: checked, one row each, of two versions the later. */
import { noHeaders } from '../../core/record.ts'
import type { KeyValueStore } from '../../state/stores.ts'
import type { Prefetch, Processor, ProcessorContext, StreamRecord } from '../processor.ts'
import { passes, sessionChecks } from './attempt-checks.ts'
import type { InUser, UserId } from './attempts-processor.ts'
import type { UserSession } from './events.ts'
import {
  compareSessions,
  isSameSession,
  sessionEventMs,
  sessionOf,
  sessionRow,
  type Session,
  type SessionChange,
} from './session.ts'
import { sentMsOf } from './version-order.ts'

/** The names by which the topology connects this processor. */
export const sessionPorts = { facts: 'user-session-facts', days: 'daily-aggregations' } as const

export class SessionsProcessor implements Processor<UserId, UserSession | null> {
  #context!: ProcessorContext
  #sessions!: KeyValueStore<InUser, Session>
  readonly #touched = new Map<string, Session>()
  #changes: SessionChange[] = []

  init(context: ProcessorContext): void {
    this.#context = context
    this.#sessions = context.store('sessions')
  }

  prefetch(
    { key, value }: StreamRecord<UserId, UserSession | null>,
    _parent: string,
    prefetch: Prefetch,
  ): void {
    if (value !== null) prefetch.key('sessions', [key[0], value.session_id])
  }

  process({ value: event, timestampMs }: StreamRecord<UserId, UserSession | null>): void {
    if (event === null) {
      this.#context.countDropped('null-value')
      return
    }
    if (!passes(sessionChecks, event, this.#context)) return
    const session = sessionOf(event, sentMsOf(this.#context, timestampMs))
    const id: InUser = [session.userId, session.sessionId]
    const known = this.#sessions.get(id)
    const order = known === undefined ? 1 : compareSessions(session, known)
    if (order <= 0) {
      this.#context.countDropped('duplicate')
      if (order < 0) this.#changes.push({ before: null, after: null, seen: session })
      return
    }
    this.#sessions.put(id, session)
    if (known !== undefined && isSameSession(session, known)) {
      this.#context.countDropped('duplicate')
      return
    }
    this.#touched.set(`${id[0].length}:${id[0]}${id[1]}`, session)
    this.#changes.push({ before: known ?? null, after: session, seen: session })
  }

  flush(): void {
    const knownAtMs = this.#context.wallClockMs
    for (const session of this.#touched.values()) {
      const value = sessionRow(session, knownAtMs)
      const key = [session.userId, session.sessionId]
      const timestampMs = value.event_time
      this.#context.forward({ key, value, timestampMs, headers: noHeaders }, sessionPorts.facts)
    }
    for (const change of this.#changes) {
      const { seen } = change
      const record = { key: [seen.userId], value: change, timestampMs: sessionEventMs(seen) }
      this.#context.forward({ ...record, headers: noHeaders }, sessionPorts.days)
    }
    this.#touched.clear()
    this.#changes = []
  }
}
