/** An attempt as its store keeps it: the event, where it stands, and how to take it back. */
import { avroSerde, type EarlierLayout } from '../../schema/avro-serde.ts'
import { compareAsKeys } from '../text-order.ts'
import {
  attemptSchema,
  earlierAttemptSchema,
  upgradeAttempt,
  type Attempt,
  type EarlierAttempt,
} from './attempt.ts'
import { undoSchema, type Position, type Undo } from './learner.ts'

export interface KeptAttempt {
  readonly attempt: Attempt
  /** The place among the learner's attempts: its own time, unless it came too late for that. */
  readonly orderMs: number
  readonly rank: number
  readonly undo: Undo
  /** How many of its rows were replaced. */
  readonly revision: number
  /** Of its present row. */
  readonly knownAtMs: number
}

/** [user, milliseconds, rank, attempt]: a learner's attempts in their order. */
export type PlaceId = readonly [userId: string, orderMs: number, rank: number, attemptId: string]

export function placeOf({ attempt, orderMs, rank }: KeptAttempt): Position {
  return { orderMs, rank, attemptId: attempt.attemptId }
}

export function placeId(userId: string, { orderMs, rank, attemptId }: Position): PlaceId {
  return [userId, orderMs, rank, attemptId]
}

/** The order of place ids in their store. */
export function comparePlaces(a: Position, b: Position): number {
  return a.orderMs - b.orderMs || a.rank - b.rank || compareAsKeys(a.attemptId, b.attemptId)
}

/** The schema of what is kept of an attempt, over the attempt's own. */
function schemaOf(attempt: object): object {
  return {
    type: 'record',
    name: 'KeptAttempt',
    fields: [
      { name: 'attempt', type: attempt },
      { name: 'orderMs', type: 'long' },
      { name: 'rank', type: 'long' },
      { name: 'undo', type: undoSchema },
      { name: 'revision', type: 'long' },
      { name: 'knownAtMs', type: 'long' },
    ],
  }
}

const earlierLayout: EarlierLayout<KeptAttempt> = {
  layout: 1,
  schema: schemaOf(earlierAttemptSchema),
  upgrade: (earlier: KeptAttempt & { readonly attempt: EarlierAttempt }) => ({
    ...earlier,
    attempt: upgradeAttempt(earlier.attempt),
  }),
}

export const keptAttemptSerde = avroSerde<KeptAttempt>(
  'store attempts',
  2,
  schemaOf(attemptSchema),
  [earlierLayout],
)
