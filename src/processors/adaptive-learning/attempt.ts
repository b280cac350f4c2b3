/** An attempt as the topology keeps it: one value an attempt id, and which of two versions of it stays. */
import type { UserAttempt } from './events.ts'
import { compareContents, entriesOf, type Content } from './version-order.ts'

export interface Attempt {
  readonly userId: string
  /** Identity within the user. */
  readonly attemptId: string
  readonly itemId: string
  readonly topic: string
  readonly sessionId: string | null
  readonly correct: boolean
  readonly answered: boolean
  readonly timeTakenMs: number
  readonly quality: number | null
  readonly timestampMs: number
  /** Logits. */
  readonly itemDifficulty: number | null
  readonly brought: BroughtFeatures
  /** When this version was sent. */
  readonly sentMs: number
}

/** What the event says was so before the attempt; null where it says nothing. */
export interface BroughtFeatures {
  readonly easinessFactor: number | null
  readonly intervalDays: number | null
  readonly known: number | null
  /** Logits, by topic. */
  readonly abilities: Readonly<Record<string, number>> | null
}

/** @param timestampMs the event's, or else the record's */
export function attemptIdOf({ attempt_id, item_id }: UserAttempt, timestampMs: number): string {
  return attempt_id === null || attempt_id === '' ? `${item_id}/${timestampMs}` : attempt_id
}

/** @param timestampMs the event's, or else the record's */
export function attemptOf(event: UserAttempt, timestampMs: number, sentMs: number): Attempt {
  return {
    userId: event.user_id,
    attemptId: attemptIdOf(event, timestampMs),
    itemId: event.item_id,
    topic: event.topic,
    sessionId: event.session_id,
    correct: event.correct,
    answered: event.answered,
    timeTakenMs: event.time_taken_ms,
    quality: event.quality,
    timestampMs,
    itemDifficulty: event.item_difficulty,
    brought: {
      easinessFactor: event.sm2_easiness_factor_before,
      intervalDays: event.sm2_interval_before,
      known: event.bkt_prob_knowledge_before,
      abilities: event.irt_ability_before,
    },
    sentMs,
  }
}

/** Above 0 where `a` stays: the later one; at the same time the one that was sent later; then the greater. */
export function compareVersions(a: Attempt, b: Attempt): number {
  return (
    a.timestampMs - b.timestampMs ||
    a.sentMs - b.sentMs ||
    compareContents(contentOf(a), contentOf(b))
  )
}

/** Whenever they were sent. */
export function isSameAttempt(a: Attempt, b: Attempt): boolean {
  return compareVersions(a, { ...b, sentMs: a.sentMs }) === 0
}

function contentOf(attempt: Attempt): Content {
  const { easinessFactor, intervalDays, known, abilities } = attempt.brought
  return [
    attempt.answered,
    attempt.correct,
    attempt.timeTakenMs,
    attempt.quality,
    attempt.itemDifficulty,
    easinessFactor,
    intervalDays,
    known,
    abilities === null ? null : entriesOf(abilities),
    attempt.sessionId,
    attempt.topic,
    attempt.itemId,
  ]
}

/** What a batch changes about one attempt: downstream takes `before` out and puts `after` in. */
export interface AttemptChange {
  readonly before: Attempt | null
  readonly after: Attempt | null
  /** The event at hand; where a later version is there already, all that it changes is what was seen when. */
  readonly seen: Attempt
}

/** Did not know when a version was sent. */
export const earlierAttemptSchema = {
  type: 'record',
  name: 'Attempt',
  fields: [
    { name: 'userId', type: 'string' },
    { name: 'attemptId', type: 'string' },
    { name: 'itemId', type: 'string' },
    { name: 'topic', type: 'string' },
    { name: 'sessionId', type: ['null', 'string'] },
    { name: 'correct', type: 'boolean' },
    { name: 'answered', type: 'boolean' },
    { name: 'timeTakenMs', type: 'long' },
    { name: 'quality', type: ['null', 'int'] },
    { name: 'timestampMs', type: 'long' },
    { name: 'itemDifficulty', type: ['null', 'double'] },
    {
      name: 'brought',
      type: {
        type: 'record',
        name: 'BroughtFeatures',
        fields: [
          { name: 'easinessFactor', type: ['null', 'double'] },
          { name: 'intervalDays', type: ['null', 'int'] },
          { name: 'known', type: ['null', 'double'] },
          { name: 'abilities', type: ['null', { type: 'map', values: 'double' }] },
        ],
      },
    },
  ],
} as const

export type EarlierAttempt = Omit<Attempt, 'sentMs'>

/** Sent at its event's time, as records have it that came in by a door. */
export function upgradeAttempt(earlier: EarlierAttempt): Attempt {
  return { ...earlier, sentMs: earlier.timestampMs }
}

export const attemptSchema = {
  ...earlierAttemptSchema,
  fields: [...earlierAttemptSchema.fields, { name: 'sentMs', type: 'long' }],
} as const
