/** All scores of one student, or of one exam, by event time, then event id. Values: every change is a copy. */
import { avroSerde } from '../../schema/avro-serde.ts'
import type { Score } from './score.ts'

export interface ListedScore {
  readonly eventId: string
  readonly eventTimeMs: number
  readonly score: number | null
}

export interface ScoreList {
  readonly scores: readonly ListedScore[]
}

export const noScores: ScoreList = { scores: [] }

export function addScore(list: ScoreList, { eventId, eventTimeMs, score }: Score): ScoreList {
  const added = { eventId, eventTimeMs, score }
  return { scores: list.scores.toSpliced(positionOf(list.scores, added), 0, added) }
}

/** Null when the last one is gone. */
export function removeScore(list: ScoreList, score: Score): ScoreList | null {
  const position = positionOf(list.scores, score)
  if (list.scores[position]?.eventId !== score.eventId) return list
  return list.scores.length === 1 ? null : { scores: list.scores.toSpliced(position, 1) }
}

/** Summed in the list's order, so that the same list always has the same mean; null where no score is. */
export function meanOf({ scores }: ScoreList): number | null {
  let sum = 0
  let count = 0
  for (const { score } of scores) {
    if (score === null) continue
    sum += score
    count += 1
  }
  return count === 0 ? null : sum / count
}

/** The first place that does not come before the score. */
function positionOf(
  scores: readonly ListedScore[],
  wanted: { readonly eventId: string; readonly eventTimeMs: number },
): number {
  let low = 0
  let high = scores.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const at = scores[middle]
    if (at !== undefined && isBefore(at, wanted)) low = middle + 1
    else high = middle
  }
  return low
}

function isBefore(
  a: ListedScore,
  b: { readonly eventId: string; readonly eventTimeMs: number },
): boolean {
  if (a.eventTimeMs !== b.eventTimeMs) return a.eventTimeMs < b.eventTimeMs
  return a.eventId < b.eventId
}

export const scoreListSerde = avroSerde<ScoreList>('score lists', 1, {
  type: 'record',
  name: 'ScoreList',
  fields: [
    {
      name: 'scores',
      type: {
        type: 'array',
        items: {
          type: 'record',
          name: 'ListedScore',
          fields: [
            { name: 'eventId', type: 'string' },
            { name: 'eventTimeMs', type: 'long' },
            { name: 'score', type: ['null', 'double'] },
          ],
        },
      },
    },
  ],
})
