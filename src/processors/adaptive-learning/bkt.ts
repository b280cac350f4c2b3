/**
 * Bayesian knowledge tracing (A. T. Corbett, J. R. Anderson, "Knowledge tracing", 1994): the probability that a
 * learner knows a topic, after each answer.
 */

export interface BktParameters {
  /** Which parameters these are; named in each row that rests on them. */
  readonly version: string
  /** Known before the first answer, P(L0). */
  readonly known: number
  /** Learned by one attempt, P(T). */
  readonly learn: number
  /** Right without knowing, P(G). */
  readonly guess: number
  /** Wrong in spite of knowing, P(S). */
  readonly slip: number
}

export const bktDefaults: BktParameters = {
  version: 'bkt-default-1',
  known: 0.25,
  learn: 0.1,
  guess: 0.25,
  slip: 0.1,
}

/** Probabilities of 0 and 1 would never move again. */
const leastProbability = 1e-6

export function clampProbability(probability: number): number {
  return Math.min(1 - leastProbability, Math.max(leastProbability, probability))
}

/** The probability of knowledge after one answer; `known` is the one before it. */
export function bktAfter(known: number, correct: boolean, parameters: BktParameters): number {
  const { learn, guess, slip } = parameters
  const ifKnown = known * (correct ? 1 - slip : slip)
  const ifUnknown = (1 - known) * (correct ? guess : 1 - guess)
  const seen = ifKnown / (ifKnown + ifUnknown)
  return clampProbability(seen + (1 - seen) * learn)
}
