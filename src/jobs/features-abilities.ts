/**
 * The ability of each learner in each topic over all first attempts at once (expected a posteriori), for reports. The
 * difficulty of an item is calibrated by everyone's first attempts: the logit of its share of wrong answers, with half
 * an answer added on each side, so that an item that all or none got right has one too.
 *
 * The attempts are read twice, learner by learner as they lie in the table: for the items, then for the abilities. So
 * what is in memory is one learner's attempts, the items and the report, however many attempts there are.
 */
import { TidemarkError } from '../core/errors.ts'
import { textLiteral } from '../sinks/clickhouse/run-statement.ts'
import { queryTimeoutSeconds } from './features-columns.ts'
import { expectedAPosteriori } from '../processors/adaptive-learning/expected-a-posteriori.ts'

export interface LearnerAbility {
  readonly user_id: string
  readonly topic: string
  readonly items: number
  /** Logits. */
  readonly ability: number
  readonly standard_error: number
}

type Send = (path: string, init?: RequestInit) => Promise<Response>

type AttemptRow = [
  userId: string,
  topic: string,
  itemId: string,
  correct: boolean,
  eventTimeMs: string,
  attemptId: string,
]

interface FirstAttempt {
  readonly userId: string
  readonly topic: string
  readonly itemId: string
  readonly correct: boolean
}

/** How many first attempts at an item were right, and wrong. */
interface Marks {
  right: number
  wrong: number
}

/** One SELECT and rows in lines: such an answer is streamed, and has no limit. */
function attemptsQuery(after: string | null): string {
  return `
    SELECT user_id, topic, item_id, correct, toString(toUnixTimestamp64Milli(event_time)), attempt_id
    FROM adaptive_learning.user_attempts ${after === null ? '' : `WHERE user_id > ${textLiteral(after)}`}
    ORDER BY user_id FORMAT JSONCompactEachRow`
}

/** Of one answer: so it ends within the time that the door allows, however long the abilities take. */
const attemptsPerAnswer = 250_000

/** By user, then topic. @throws TidemarkError QUERY_FAILED */
export async function learnerAbilities(
  clickhouse: Send,
  attemptsMax = attemptsPerAnswer,
): Promise<LearnerAbility[]> {
  const items = new Map<string, Marks>()
  for await (const attempts of learners(clickhouse, attemptsMax)) {
    for (const attempt of attempts) {
      const key = itemKey(attempt)
      const marks = items.get(key) ?? { right: 0, wrong: 0 }
      items.set(key, marks)
      if (attempt.correct) marks.right += 1
      else marks.wrong += 1
    }
  }
  const abilities: LearnerAbility[] = []
  for await (const attempts of learners(clickhouse, attemptsMax)) {
    const byTopic = Map.groupBy(attempts, ({ topic }) => topic)
    for (const [topic, ofTopic] of [...byTopic].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      const answers = ofTopic.map((attempt) => ({
        discrimination: 1,
        difficulty: difficultyOf(items.get(itemKey(attempt))),
        correct: attempt.correct,
      }))
      const { ability, standardError } = expectedAPosteriori(answers)
      const user_id = ofTopic[0]?.userId ?? ''
      const row = { user_id, topic, items: answers.length, ability, standard_error: standardError }
      abilities.push(row)
    }
  }
  return abilities
}

/** An item that came between the two readings has no marks yet. */
function difficultyOf({ right, wrong }: Marks = { right: 0, wrong: 0 }): number {
  return Math.log((wrong + 0.5) / (right + 0.5))
}

function itemKey({ topic, itemId }: FirstAttempt): string {
  return JSON.stringify([topic, itemId])
}

/** The first attempts of one learner after another, by item. */
async function* learners(
  clickhouse: Send,
  attemptsMax: number,
): AsyncGenerator<readonly FirstAttempt[]> {
  let after: string | null = null
  let isCut: boolean
  do {
    isCut = false
    let read = 0
    let rows: AttemptRow[] = []
    for await (const row of attemptRows(clickhouse, after)) {
      if (rows[0] !== undefined && rows[0][0] !== row[0]) {
        yield firstAttempts(rows)
        after = rows[0][0]
        rows = []
        isCut = read >= attemptsMax
        if (isCut) break
      }
      rows.push(row)
      read += 1
    }
    if (rows.length > 0) yield firstAttempts(rows)
  } while (isCut)
}

function firstAttempts(rows: readonly AttemptRow[]): readonly FirstAttempt[] {
  const inTime = rows.toSorted(
    ([, , , , atA, idA], [, , , , atB, idB]) => Number(atA) - Number(atB) || (idA < idB ? -1 : 1),
  )
  const first = new Map<string, FirstAttempt>()
  for (const [userId, topic, itemId, correct] of inTime) {
    const attempt = { userId, topic, itemId, correct }
    const key = itemKey(attempt)
    if (!first.has(key)) first.set(key, attempt)
  }
  return [...first].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, attempt]) => attempt)
}

async function* attemptRows(clickhouse: Send, after: string | null): AsyncGenerator<AttemptRow> {
  const search = `max_execution_time=${queryTimeoutSeconds}&max_threads=1`
  const response = await clickhouse(`/?${search}`, { method: 'POST', body: attemptsQuery(after) })
  if (!response.ok) throw new TidemarkError('QUERY_FAILED', (await response.text()).trim())
  if (response.body === null) return
  let rest = ''
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) yield rowOf(line)
  }
  if (rest !== '') yield rowOf(rest)
}

/** A query that fails half-way has begun its answer already, and says so at the end of it. */
function rowOf(line: string): AttemptRow {
  if (line.startsWith('[')) return JSON.parse(line) as AttemptRow
  throw new TidemarkError('QUERY_FAILED', `the attempts could not be read to their end: ${line}`)
}
