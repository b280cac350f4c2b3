/**
 * Expected-a-posteriori ability (R. D. Bock, R. J. Mislevy, 1982) under the two-parameter logistic model with a
 * standard normal prior: for reports, over all answers at once.
 */
import { present } from '../../core/assert.ts'

export interface Response {
  /** Discrimination a and difficulty b of the item. */
  readonly discrimination: number
  readonly difficulty: number
  readonly correct: boolean
}

export interface AbilityEstimate {
  readonly ability: number
  readonly standardError: number
}

/** Equally spaced over the prior's mass: for smooth, quickly falling functions this rule converges faster than
 * any polynomial in the spacing. */
const pointCount = 161
const range = 8
const points = Array.from(
  { length: pointCount },
  (_, index) => -range + (2 * range * index) / (pointCount - 1),
)

export function expectedAPosteriori(responses: readonly Response[]): AbilityEstimate {
  const logDensities = points.map((ability) => logPosterior(ability, responses))
  const greatest = Math.max(...logDensities)
  let mass = 0
  let first = 0
  let second = 0
  for (const [index, ability] of points.entries()) {
    // Relative to the greatest: a thousand answers must not underflow.
    const weight = Math.exp(present(logDensities[index], 'a density') - greatest)
    mass += weight
    first += weight * ability
    second += weight * ability * ability
  }
  const ability = first / mass
  return { ability, standardError: Math.sqrt(second / mass - ability * ability) }
}

function logPosterior(ability: number, responses: readonly Response[]): number {
  let sum = -(ability * ability) / 2
  for (const { discrimination, difficulty, correct } of responses) {
    const logit = discrimination * (ability - difficulty)
    // log of the logistic function, without overflow on either side.
    sum += -softplus(correct ? -logit : logit)
  }
  return sum
}

function softplus(value: number): number {
  return value > 0 ? value + Math.log1p(Math.exp(-value)) : Math.log1p(Math.exp(value))
}
