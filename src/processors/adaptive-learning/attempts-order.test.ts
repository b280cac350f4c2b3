/**
 * Attempts in any order of arrival and any batches: the rows, what they replace and what is dropped are those of a
 * plain reference, which replays each learner from the start at the end of each batch. And what that costs, in steps.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import * as facts from '../../facts/adaptive-learning.ts'
import { adaptiveLearning } from '../../../topologies/adaptive-learning.ts'
import { present } from '../../core/assert.ts'
import { attemptRow } from './attempt-rows.ts'
import { attemptOf, compareVersions, isSameAttempt } from './attempt.ts'
import type { PlacedAttempt } from './attempts-held.ts'
import type { UserAttempt } from './events.ts'
import {
  attempt,
  baseMs,
  dayMs,
  hourMs,
  minuteMs,
  open,
  pipe,
  rowsOf,
  send,
} from './feed.test-support.ts'
import { comparePlaces } from './kept-attempt.ts'
import {
  featuresBefore,
  newLearner,
  newLearnerItem,
  newLearnerTopic,
  step,
  type Position,
} from './learner.ts'
import { defaultParameters, type FeatureParameters } from './parameters.ts'

type Row = Readonly<Record<string, unknown>>

interface Told {
  readonly rows: ReadonlyMap<string, Row>
  readonly superseded: ReadonlyMap<string, Row>
  readonly duplicates: number
}

interface SentAttempt {
  readonly event: UserAttempt
  readonly sentMs: number
}

/** By user: in their order, and the rows that readers have. */
class Reference implements Told {
  readonly rows = new Map<string, Row>()
  readonly superseded = new Map<string, Row>()
  duplicates = 0
  readonly #placed = new Map<string, PlacedAttempt[]>()
  readonly #revisions = new Map<string, number>()

  take(batch: readonly SentAttempt[]): void {
    const firsts = new Map<string, Position>()
    for (const sent of batch) {
      const first = this.#place(sent)
      if (first === null) continue
      const { event } = sent
      const before = firsts.get(event.user_id)
      if (before === undefined || comparePlaces(first, before) < 0) firsts.set(event.user_id, first)
    }
    for (const [userId, first] of firsts) this.#replay(userId, first)
  }

  /** The first place that changes; null where the event is dropped. */
  #place({ event, sentMs }: SentAttempt): Position | null {
    const own = attemptOf(event, present(event.timestamp, 'the time of an event'), sentMs)
    const { userId, attemptId, timestampMs } = own
    const placed = this.#placed.get(userId) ?? []
    const former = placed.find((other) => other.attempt.attemptId === attemptId)
    if (former !== undefined && compareVersions(own, former.attempt) <= 0) {
      this.duplicates += 1
      return null
    }
    if (former !== undefined && isSameAttempt(own, former.attempt)) {
      this.duplicates += 1
      placed[placed.indexOf(former)] = { attempt: own, place: former.place }
      return null
    }
    const latest = placed.at(-1)?.place
    const isLate =
      latest !== undefined &&
      former?.place.rank !== 0 &&
      timestampMs < latest.orderMs - defaultParameters.horizonMs
    const place = isLate
      ? { orderMs: latest.orderMs, rank: latest.rank + 1, attemptId }
      : { orderMs: timestampMs, rank: 0, attemptId }
    const others = placed.filter((other) => other !== former)
    others.push({ attempt: own, place })
    others.sort((a, b) => comparePlaces(a.place, b.place))
    this.#placed.set(userId, others)
    return former !== undefined && comparePlaces(former.place, place) < 0 ? former.place : place
  }

  #replay(userId: string, first: Position): void {
    const learner = newLearner()
    const topics = new Map<string, ReturnType<typeof newLearnerTopic>>()
    const items = new Map<string, ReturnType<typeof newLearnerItem>>()
    for (const { attempt: own, place } of this.#placed.get(userId) ?? []) {
      const topic = topics.get(own.topic) ?? newLearnerTopic(defaultParameters)
      const item = items.get(own.itemId) ?? newLearnerItem()
      topics.set(own.topic, topic)
      items.set(own.itemId, item)
      const states = { learner, topic, item }
      const features = featuresBefore(states, own, place.orderMs)
      step(states, own, place, defaultParameters)
      const parts = { attempt: own, features, isLate: place.rank > 0, knownAtMs: 0 }
      const row = told(attemptRow(parts, defaultParameters))
      const id = `${userId} ${own.attemptId}`
      if (comparePlaces(place, first) < 0) assert.deepEqual(row, this.rows.get(id))
      else this.#tell(id, row)
    }
  }

  #tell(id: string, row: Row): void {
    const replaced = this.rows.get(id)
    if (replaced !== undefined) {
      const revision = this.#revisions.get(id) ?? 0
      this.superseded.set(`${id} ${revision}`, { ...replaced, revision })
      this.#revisions.set(id, revision + 1)
    }
    this.rows.set(id, row)
  }
}

/** Without what says when. */
function told(row: object): Row {
  const { known_at: _, superseded_at: __, ...told } = row as Record<string, unknown>
  return told
}

async function toldBy(batches: readonly (readonly SentAttempt[])[]): Promise<Told> {
  const driver = await open()
  try {
    for (const batch of batches) {
      for (const { event, sentMs } of batch)
        await send(driver, { 'user.attempts': [event] }, sentMs)
      await driver.run()
    }
    const rows = (await rowsOf(driver, facts.userAttempts)).map(told)
    const superseded = (await rowsOf(driver, facts.supersededUserAttempts)).map(told)
    const idOf = ({ user_id, attempt_id }: Row) => `${String(user_id)} ${String(attempt_id)}`
    return {
      rows: new Map(rows.map((row) => [idOf(row), row])),
      superseded: new Map(
        superseded.map((row) => [`${idOf(row)} ${String(row['revision'])}`, row]),
      ),
      duplicates: driver.counts().drops.find(({ reason }) => reason === 'duplicate')?.count ?? 0,
    }
  } finally {
    await driver.close()
  }
}

function reference(batches: readonly (readonly SentAttempt[])[]): Told {
  const reference = new Reference()
  for (const batch of batches) reference.take(batch)
  return reference
}

/** On both sides of the horizon, of one another's and of windows; few, so that they meet. */
const offsetsMs = [0, 1, minuteMs, hourMs, dayMs, 6 * dayMs, 7 * dayMs, 7 * dayMs + 1].concat(
  [8, 9, 14, 15, 16, 30].map((days) => days * dayMs),
)
const anyAttempt = fc
  .record({
    attempt_id: fc.option(fc.constantFrom('1', '2', '3', '4', '5', '6', '7', '8', '9')),
    user_id: fc.constantFrom('ann', 'ann', 'ann', 'bob'),
    item_id: fc.constantFrom('i1', 'i2', 'i3'),
    topic: fc.constantFrom('algebra', 'geometry'),
    correct: fc.boolean(),
    time_taken_ms: fc.constantFrom(1000, 9000, 20_000),
    timestamp: fc.constantFrom(...offsetsMs).map((offsetMs) => baseMs + offsetMs),
  })
  .map(attempt)
const anySent = fc.record({
  event: anyAttempt,
  sentMs: fc.constantFrom(0, 1, 2).map((offsetMs) => baseMs + offsetMs),
})
const anyBatches = (batchMax: number) =>
  fc.array(fc.array(anySent, { minLength: 1, maxLength: batchMax }), { maxLength: 8 })

describe('attempts in any order and any batches', () => {
  for (const [batchMax, numRuns] of [
    [2, 50],
    [12, 150],
    [80, 25],
  ] as const) {
    test(`of up to ${batchMax} have the rows of a replay, late ones and replaced rows included`, async () => {
      const property = fc.asyncProperty(anyBatches(batchMax), async (batches) => {
        assert.deepEqual(await toldBy(batches), { ...reference(batches) })
      })
      await fc.assert(property, { numRuns })
    })
  }
})

/** Forwards; each reads the parameters of knowledge once. */
async function stepsOf(
  history: readonly UserAttempt[],
  batch: readonly UserAttempt[],
): Promise<number> {
  let steps = 0
  const parameters: FeatureParameters = {
    ...defaultParameters,
    get bkt() {
      steps += 1
      return defaultParameters.bkt
    },
  }
  const driver = await open({}, adaptiveLearning('adaptive-learning', parameters))
  try {
    await pipe(driver, { 'user.attempts': history })
    const before = steps
    await pipe(driver, { 'user.attempts': batch })
    assert.equal(
      (await rowsOf(driver, facts.userAttempts)).length,
      new Set(history.concat(batch).map(({ attempt_id }) => attempt_id)).size,
    )
    return steps - before
  } finally {
    await driver.close()
  }
}

function minutes(count: number, change: Partial<UserAttempt> = {}, prefix = 'a'): UserAttempt[] {
  return Array.from({ length: count }, (_, index) =>
    attempt({ attempt_id: `${prefix}${index}`, timestamp: baseMs + index * minuteMs, ...change }),
  )
}

describe('a batch of attempts of one learner out of order', () => {
  const count = 1200

  test('costs a step for each, where they come in the reverse of their order', async () => {
    const steps = await stepsOf([], minutes(count).reverse())
    // The first was in order; and a topic that nobody has met begins with the parameters.
    assert.ok(steps <= count + 2, `${steps} steps for ${count} attempts`)
  })

  test('costs a step for each that stands after the first, where all are corrected', async () => {
    const corrections = minutes(count, { time_taken_ms: 20_000 })
    assert.equal(await stepsOf(minutes(count), corrections), count)
    assert.equal(await stepsOf(minutes(count), corrections.slice(count / 2)), count / 2)
    assert.equal(await stepsOf(minutes(count), corrections.slice(count / 2).reverse()), count / 2)
  })

  test('costs a step for each of them and of those after, where others stand in between', async () => {
    const between = minutes(count, {}, 'b').slice(count / 2)
    assert.equal(await stepsOf(minutes(count), between.reverse()), count)
  })

  test('costs a step for each, where late ones are corrected to be in time, the latest first', async () => {
    const late = minutes(count, { timestamp: baseMs - 30 * dayMs }, 'late')
    const inTime = minutes(count, {}, 'late')
    const history = [attempt({ attempt_id: 'first', timestamp: baseMs - 1 }), ...late]
    assert.equal(await stepsOf(history, inTime.reverse()), count)
  })
})
