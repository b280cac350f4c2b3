/**
 * The ability of each learner in each topic over all first attempts at once (expected a posteriori), for reports. The
 * difficulty of an item is calibrated by everyone's first attempts: the logit of its share of wrong answers, with half
 * an answer added on each side, so that an item that all or none got right has one too.
 */
import { TidemarkError } from '../core/errors.ts'
import {
  expectedAPosteriori,
  type Response as Answer,
} from '../processors/adaptive-learning/expected-a-posteriori.ts'

export interface LearnerAbility {
  readonly user_id: string
  readonly topic: string
  readonly items: number
  /** Logits. */
  readonly ability: number
  readonly standard_error: number
}

type AnswerRow = [userId: string, topic: string, correct: boolean, difficulty: number]

/** One line a first attempt; a learner's topic is one run of lines. */
const query = `
  WITH first AS (
    SELECT user_id, topic, item_id, argMin(correct, (event_time, attempt_id)) AS correct
    FROM adaptive_learning.user_attempts GROUP BY user_id, topic, item_id
  ), items AS (
    SELECT topic, item_id, log((countIf(NOT correct) + 0.5) / (countIf(correct) + 0.5)) AS difficulty
    FROM first GROUP BY topic, item_id
  )
  SELECT user_id, topic, correct, difficulty
  FROM first INNER JOIN items USING (topic, item_id)
  ORDER BY user_id, topic, item_id FORMAT JSONCompactEachRow`

/** By user, then topic. @throws TidemarkError QUERY_FAILED */
export async function learnerAbilities(
  clickhouse: (path: string, init?: RequestInit) => Promise<Response>,
): Promise<LearnerAbility[]> {
  const response = await clickhouse('/', { method: 'POST', body: query })
  const text = await response.text()
  if (!response.ok) throw new TidemarkError('QUERY_FAILED', text.trim())
  const abilities: LearnerAbility[] = []
  let answers: Answer[] = []
  let of: AnswerRow | null = null
  const finish = () => {
    if (of === null) return
    const { ability, standardError } = expectedAPosteriori(answers)
    const [user_id, topic] = of
    abilities.push({
      user_id,
      topic,
      items: answers.length,
      ability,
      standard_error: standardError,
    })
    answers = []
  }
  for (const line of text.split('\n')) {
    if (line === '') continue
    const row = JSON.parse(line) as AnswerRow
    if (of !== null && (of[0] !== row[0] || of[1] !== row[1])) finish()
    of = row
    const [, , correct, difficulty] = row
    answers.push({ discrimination: 1, difficulty, correct })
  }
  finish()
  return abilities
}
