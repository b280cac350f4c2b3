/** An attempt as the topology keeps it: one value an attempt id, and which of two versions of it stays. */
import { compareText } from '../text-order.ts'
import type { UserAttempt } from './events.ts'

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
}

/** What the event says was so before the attempt; null where it says nothing. */
export interface BroughtFeatures {
  readonly easinessFactor: number | null
  readonly intervalDays: number | null
  readonly known: number | null
  /** Logits, by topic. */
  readonly abilities: Readonly<Record<string, number>> | null
}

/** @param timestampMs of the record: the event's, or else when it was sent */
export function attemptOf(event: UserAttempt, timestampMs: number): Attempt {
  const { attempt_id } = event
  return {
    userId: event.user_id,
    attemptId:
      attempt_id === null || attempt_id === '' ? `${event.item_id}/${timestampMs}` : attempt_id,
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
  }
}

/** Above 0 where `a` stays: the later one, and at the same time the one with the greater content. */
export function compareVersions(a: Attempt, b: Attempt): number {
  return a.timestampMs - b.timestampMs || compareText(contentOf(a), contentOf(b))
}

function contentOf(attempt: Attempt): string {
  const { easinessFactor, intervalDays, known, abilities } = attempt.brought
  const byTopic =
    abilities === null ? null : Object.entries(abilities).sort(([a], [b]) => compareText(a, b))
  return JSON.stringify([
    attempt.itemId,
    attempt.topic,
    attempt.sessionId,
    attempt.correct,
    attempt.answered,
    attempt.timeTakenMs,
    attempt.quality,
    attempt.itemDifficulty,
    easinessFactor,
    intervalDays,
    known,
    byTopic,
  ])
}

/** What a batch changes about one attempt: downstream takes `before` out and puts `after` in. */
export interface AttemptChange {
  readonly before: Attempt | null
  readonly after: Attempt | null
  /** The event at hand; where a later version is there already, all that it changes is what was seen when. */
  readonly seen: Attempt
}

export const attemptSchema = {
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
