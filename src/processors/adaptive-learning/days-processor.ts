/** What each learner did on each UTC day: whole numbers, added to and taken from, so that order does not matter. */
import { noHeaders } from '../../core/record.ts'
import type { DailyAggregation } from '../../facts/adaptive-learning.ts'
import { avroSerde } from '../../schema/avro-serde.ts'
import type { KeyValueStore } from '../../state/stores.ts'
import type { Prefetch, Processor, ProcessorContext, StreamRecord } from '../processor.ts'
import type { Attempt, AttemptChange } from './attempt.ts'
import type { UserId } from './attempts-processor.ts'
import { sessionEventMs, type Session, type SessionChange } from './session.ts'
import { dateOf, utcDay, utcDayStartMs } from './utc.ts'

/** Days since the epoch. */
export type DayId = readonly [userId: string, day: number]
/** An item of a day, with how often it was attempted. */
export type DayItemId = readonly [userId: string, day: number, itemId: string]

export interface Day {
  attempts: number
  correct: number
  timeTakenMs: number
  items: number
  sessions: number
  studyMs: number
  /** The greatest time of an event of the day that was seen. */
  eventTimeMs: number
}

/** Their inputs, by the names of the nodes. */
export const dayInputs = { attempts: 'attempts', sessions: 'sessions' } as const

type Change = AttemptChange | SessionChange

export class DaysProcessor implements Processor<UserId, Change> {
  #context!: ProcessorContext
  #days!: KeyValueStore<DayId, Day>
  #items!: KeyValueStore<DayItemId, number>
  readonly #touched = new Map<string, DayId>()

  init(context: ProcessorContext): void {
    this.#context = context
    this.#days = context.store('days')
    this.#items = context.store('day-items')
  }

  prefetch({ value }: StreamRecord<UserId, Change>, parent: string, prefetch: Prefetch): void {
    for (const known of [value.before, value.after, value.seen]) {
      if (known === null) continue
      prefetch.key('days', dayIdOf(known))
      if (parent === dayInputs.attempts) prefetch.key('day-items', dayItemIdOf(known as Attempt))
    }
  }

  process({ value }: StreamRecord<UserId, Change>, parent: string): void {
    if (parent === dayInputs.attempts) {
      const { before, after, seen } = value as AttemptChange
      if (before !== null) this.#addAttempt(before, -1)
      if (after !== null) this.#addAttempt(after, 1)
      this.#see(dayIdOf(seen), seen.timestampMs)
    } else {
      const { before, after, seen } = value as SessionChange
      if (before !== null) this.#addSession(before, -1)
      if (after !== null) this.#addSession(after, 1)
      this.#see(dayIdOf(seen), sessionEventMs(seen))
    }
  }

  flush(): void {
    const knownAtMs = this.#context.wallClockMs
    for (const [userId, day] of this.#touched.values()) {
      const value = dayRow([userId, day], this.#dayOf([userId, day]), knownAtMs)
      const { year, month, day: dayOfMonth } = dateOf(utcDayStartMs(day))
      this.#context.forward({
        key: [userId, year, month, dayOfMonth],
        value,
        timestampMs: value?.event_time ?? knownAtMs,
        headers: noHeaders,
      })
    }
    this.#touched.clear()
  }

  #addAttempt(attempt: Attempt, sign: 1 | -1): void {
    const id = dayIdOf(attempt)
    const day = this.#dayOf(id)
    day.attempts += sign
    if (attempt.correct) day.correct += sign
    day.timeTakenMs += sign * attempt.timeTakenMs
    const itemId = dayItemIdOf(attempt)
    const attempts = (this.#items.get(itemId) ?? 0) + sign
    if (attempts === 0) {
      this.#items.delete(itemId)
      day.items -= 1
    } else {
      this.#items.put(itemId, attempts)
      if (sign === 1 && attempts === 1) day.items += 1
    }
    this.#keep(id, day)
  }

  #addSession(session: Session, sign: 1 | -1): void {
    const id = dayIdOf(session)
    const day = this.#dayOf(id)
    day.sessions += sign
    if (session.endMs !== null) day.studyMs += sign * (session.endMs - session.startMs)
    this.#keep(id, day)
  }

  #see(id: DayId, eventTimeMs: number): void {
    const day = this.#dayOf(id)
    day.eventTimeMs = Math.max(day.eventTimeMs, eventTimeMs)
    this.#keep(id, day)
  }

  #dayOf(id: DayId): Day {
    return this.#days.get(id) ?? emptyDay()
  }

  #keep(id: DayId, day: Day): void {
    this.#days.put(id, day)
    this.#touched.set(`${id[1]}:${id[0]}`, id)
  }
}

function dayIdOf(known: Attempt | Session): DayId {
  return [known.userId, utcDay('startMs' in known ? known.startMs : known.timestampMs)]
}

function dayItemIdOf({ userId, timestampMs, itemId }: Attempt): DayItemId {
  return [userId, utcDay(timestampMs), itemId]
}

function emptyDay(): Day {
  return {
    attempts: 0,
    correct: 0,
    timeTakenMs: 0,
    items: 0,
    sessions: 0,
    studyMs: 0,
    eventTimeMs: Number.MIN_SAFE_INTEGER,
  }
}

/** Null where the day has no attempt and no session. */
function dayRow([userId, number]: DayId, day: Day, knownAtMs: number): DailyAggregation | null {
  const { attempts, correct, sessions } = day
  if (attempts === 0 && sessions === 0) return null
  return {
    user_id: userId,
    ...dateOf(utcDayStartMs(number)),
    total_attempts: attempts,
    correct_attempts: correct,
    accuracy: attempts === 0 ? null : correct / attempts,
    avg_response_time_ms: attempts === 0 ? null : day.timeTakenMs / attempts,
    total_study_time_minutes: day.studyMs / 60_000,
    unique_items_attempted: day.items,
    total_sessions: sessions,
    event_time: day.eventTimeMs,
    known_at: knownAtMs,
  }
}

export const daySerde = avroSerde<Day>('store days', 1, {
  type: 'record',
  name: 'Day',
  fields: [
    { name: 'attempts', type: 'long' },
    { name: 'correct', type: 'long' },
    { name: 'timeTakenMs', type: 'long' },
    { name: 'items', type: 'long' },
    { name: 'sessions', type: 'long' },
    { name: 'studyMs', type: 'long' },
    { name: 'eventTimeMs', type: 'long' },
  ],
})
