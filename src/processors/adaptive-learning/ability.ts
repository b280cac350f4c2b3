/**
 * Ability and difficulty of the one-parameter logistic model, online: an Elo update whose step shrinks with the
 * number of answers (R. Pelánek, "Applications of the Elo rating system in adaptive educational systems", 2016).
 */

/** One side of the encounter: a learner's ability in a topic, or an item's difficulty. Logits. */
export interface Rating {
  readonly value: number
  /** Answers that it rests on. */
  readonly count: number
}

export const ratingStart: Rating = { value: 0, count: 0 }

/** Named in each row that rests on it. */
export const ratingVersion = 'elo-1pl-1'

const slope = 0.05
const stepMin = 0.1

export function probabilityCorrect(ability: number, difficulty: number): number {
  return 1 / (1 + Math.exp(difficulty - ability))
}

/** U(n) = 1 / (1 + 0.05 n), at least 0.1. */
export function stepOf(count: number): number {
  return Math.max(stepMin, 1 / (1 + slope * count))
}

export interface Encounter {
  readonly ability: Rating
  readonly difficulty: Rating
}

export function encounterAfter({ ability, difficulty }: Encounter, correct: boolean): Encounter {
  const surprise = (correct ? 1 : 0) - probabilityCorrect(ability.value, difficulty.value)
  return {
    ability: moved(ability, surprise),
    difficulty: moved(difficulty, -surprise),
  }
}

function moved({ value, count }: Rating, surprise: number): Rating {
  return { value: value + stepOf(count) * surprise, count: count + 1 }
}
