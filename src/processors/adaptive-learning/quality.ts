/** How fast and how good an answer was: the category of its time, and its quality for SM-2. */
import { present } from '../../core/assert.ts'
import type { Attempt } from './attempt.ts'
import type { FeatureParameters, ResponseTimeCategory } from './parameters.ts'
import type { Quality } from './sm2.ts'

export function responseTimeCategory(
  timeTakenMs: number,
  { responseTimes }: FeatureParameters,
): ResponseTimeCategory {
  const found = responseTimes.find(({ belowMs }) => timeTakenMs < belowMs)
  return present(found, 'a category of every response time').category
}

/** The event's own; or else right: 5 fast or quicker, 4 normal, 3 slower; wrong: 2 normal or slower, 1 quicker; 0
 * without an answer. */
export function qualityOf(attempt: Attempt, parameters: FeatureParameters): Quality {
  const { quality, answered, correct, timeTakenMs } = attempt
  // Checked at the door: a whole number from 0 to 5.
  if (quality !== null) return quality as Quality
  if (!answered) return 0
  const category = responseTimeCategory(timeTakenMs, parameters)
  const isQuick = category === 'very_fast' || category === 'fast'
  if (!correct) return isQuick ? 1 : 2
  if (isQuick) return 5
  return category === 'normal' ? 4 : 3
}
