/**
 * Which of two versions of an attempt, a session or a training example counts: it follows from the versions alone, and it
 * is the one that a producer would expect.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { FactTable } from '../../core/fact-table.ts'
import * as facts from '../../facts/adaptive-learning.ts'
import { compareText } from '../text-order.ts'
import type { UserAttempt, UserSession } from './events.ts'
import {
  attempt,
  baseMs,
  minuteMs,
  open,
  pipe,
  rowsOf,
  send,
  session,
  training,
  type Feed,
} from './feed.test-support.ts'

interface Sent {
  readonly feed: Feed
  readonly recordMs: number
}

/** The rows of each table, in any order but the same; each list of versions is a batch. */
async function rowsAfter(
  tables: readonly FactTable<any, any>[],
  batches: readonly (readonly Sent[])[],
): Promise<object[][]> {
  const driver = await open()
  try {
    for (const batch of batches) {
      for (const { feed, recordMs } of batch) await send(driver, feed, recordMs)
      await driver.run()
    }
    const rows: object[][] = []
    for (const table of tables) {
      const found: object[] = await rowsOf(driver, table)
      rows.push(found.sort((a, b) => compareText(JSON.stringify(a), JSON.stringify(b))))
    }
    return rows
  } finally {
    await driver.close()
  }
}

const ofAttempt = (change: Partial<UserAttempt>, recordMs = baseMs): Sent => ({
  feed: { 'user.attempts': [attempt(change)] },
  recordMs,
})
const ofSession = (change: Partial<UserSession>, recordMs = baseMs): Sent => ({
  feed: { 'user.sessions': [session(change)] },
  recordMs,
})
const ofTraining = (label: number | null, recordMs: number): Sent => ({
  feed: { 'ml.training': [training({ label })] },
  recordMs,
})

function orders<T>(all: readonly T[]): T[][] {
  if (all.length === 0) return [[]]
  return all.flatMap((first, index) =>
    orders(all.toSpliced(index, 1)).map((others) => [first, ...others]),
  )
}

/** In every order, one by one. */
async function assertCounts<Row>(
  table: FactTable<any, Row>,
  versions: readonly Sent[],
  wanted: Partial<Row>,
): Promise<void> {
  for (const order of orders(versions)) {
    const batches = order.map((version) => [version])
    const [[row, ...others] = []] = await rowsAfter([table], batches)
    assert.deepEqual(others, [])
    assert.deepEqual({ ...row, ...wanted }, row, JSON.stringify(order))
  }
}

describe('of two versions of a session', () => {
  const reports = (counts: readonly number[], recordMsOf: (index: number) => number) =>
    counts.map((items_attempted, index) =>
      ofSession({ end_time: null, items_attempted, correct_count: 1 }, recordMsOf(index)),
    )

  test('that is open and sent in one millisecond, the one with more items counts', async () => {
    const wanted = { items_attempted: 25, correct_count: 1 }
    const counts = reports([1, 5, 9, 10, 25], () => baseMs)
    await assertCounts(facts.userSessions, counts, wanted)
  })

  test('that is open, the one sent later counts, with fewer items too', async () => {
    const counts = reports([9, 25, 10], (index) => baseMs + index)
    await assertCounts(facts.userSessions, counts, { items_attempted: 10 })
  })

  test('the one that ends counts, in the millisecond in which it began too', async () => {
    for (const endedMs of [baseMs, baseMs + 1]) {
      const versions = [
        ofSession({ end_time: null, items_attempted: 21 }, baseMs),
        ofSession({ end_time: baseMs }, endedMs),
        ofSession({ end_time: null, items_attempted: 22 }, baseMs + 2),
      ]
      const wanted = { end_time: baseMs, duration_minutes: 0, items_attempted: 20 }
      await assertCounts(facts.userSessions, versions, wanted)
    }
  })

  test('that ended together, the one sent later counts, and of one millisecond the greater', async () => {
    const versions = [
      ofSession({ items_attempted: 100 }, baseMs),
      ofSession({ items_attempted: 99 }, baseMs + 1),
      ofSession({ items_attempted: 9, correct_count: 9 }, baseMs + 2),
      ofSession({ items_attempted: 10, correct_count: 8 }, baseMs + 2),
    ]
    const wanted = { items_attempted: 10, correct_count: 8 }
    await assertCounts(facts.userSessions, versions, wanted)
  })
})

test('a version that says the same as the one that counts, sent later, changes no row', async () => {
  for (const [table, feed] of [
    [facts.userSessions, { 'user.sessions': [session()] }],
    [facts.userAttempts, { 'user.attempts': [attempt()] }],
  ] as readonly [FactTable<any, any>, Feed][]) {
    const driver = await open()
    await pipe(driver, feed, baseMs)
    assert.equal((await rowsOf(driver, table)).length, 1)
    await pipe(driver, feed, baseMs + 1)
    assert.deepEqual(await rowsOf(driver, table), [])
    assert.deepEqual(await rowsOf(driver, facts.supersededUserAttempts), [])
    const drops = driver.counts().drops.map(({ reason, count }) => [reason, count])
    assert.deepEqual(drops, [['duplicate', 1]])
    await driver.close()
  }
})

describe('of two versions of an attempt', () => {
  test('at the same time the one sent later counts: a regrade goes both ways', async () => {
    for (const correct of [true, false]) {
      const versions = [
        ofAttempt({ correct: !correct }, baseMs),
        ofAttempt({ correct }, baseMs + 1000),
      ]
      await assertCounts(facts.userAttempts, versions, { correct })
      await assertCounts(facts.dailyAggregations, versions, { correct_attempts: Number(correct) })
      await assertCounts(facts.itemStatistics, versions, { facility: Number(correct) })
    }
  })

  test('that are sent in one millisecond, the right one counts, then the greater number', async () => {
    const versions = [
      ofAttempt({ correct: false, answered: false, time_taken_ms: 99_999 }),
      ofAttempt({ correct: false, time_taken_ms: 99_999 }),
      ofAttempt({ correct: true, time_taken_ms: 9000 }),
      ofAttempt({ correct: true, time_taken_ms: 10_000 }),
    ]
    await assertCounts(facts.userAttempts, versions, { correct: true, time_taken_ms: 10_000 })
  })

  test('the one with the later time counts, whenever it was sent', async () => {
    const versions = [
      ofAttempt({ correct: false, timestamp: baseMs + 1 }, baseMs),
      ofAttempt({ correct: true }, baseMs + minuteMs),
    ]
    await assertCounts(facts.userAttempts, versions, { correct: false })
  })

  test('the one that says again what an earlier one said counts by its last sending', async () => {
    const versions = [
      ofAttempt({ correct: false }, baseMs + 1000),
      ofAttempt({ correct: true }, baseMs + 2000),
      ofAttempt({ correct: false }, baseMs + 3000),
    ]
    await assertCounts(facts.userAttempts, versions, { correct: false })
  })

  test('the same holds while its learner is held back', async () => {
    const sooner = ofAttempt({ correct: false }, baseMs + 1000)
    const between = ofAttempt({ correct: true }, baseMs + 2000)
    const again = ofAttempt({ correct: false }, baseMs + 3000)
    const before = ofAttempt({ attempt_id: 'before', timestamp: baseMs - 1 })
    const behind = { attempt_id: 'behind', timestamp: baseMs + 1 }
    const [wrong, right] = [false, true].map((correct, index) =>
      ofAttempt({ ...behind, correct }, baseMs + index),
    ) as [Sent, Sent]
    for (const batch of [
      // It is taken back already; it stands below what is; it stands below, and then is taken back.
      [before, again],
      [right, again],
      [right, again, before],
    ]) {
      const batches = [[sooner, wrong], batch, [between]]
      const [rows = []] = await rowsAfter([facts.userAttempts], batches)
      const row = rows.find((row) => (row as UserAttempt).attempt_id === 'a1')
      assert.equal((row as UserAttempt).correct, false)
    }
  })

  test('a record’s time that is none is taken for the event’s own', async () => {
    for (const recordMs of [1_700_000_000_000_000, Number.MAX_SAFE_INTEGER]) {
      const versions = [ofAttempt({ correct: false }, recordMs), ofAttempt({ correct: true })]
      await assertCounts(facts.userAttempts, versions, { correct: true })
    }
  })
})

test('of two versions of a training example the one sent later counts, then the greater number', async () => {
  const later = [ofTraining(2, baseMs), ofTraining(10, baseMs), ofTraining(1, baseMs + 1)]
  await assertCounts(facts.mlTraining, later, { label: 1 })
  const together = [ofTraining(2, baseMs), ofTraining(10, baseMs), ofTraining(null, baseMs)]
  await assertCounts(facts.mlTraining, together, { label: 10 })
})

/** Few, so that they meet; in another order as texts than as numbers. */
const number = fc.constantFrom(1, 9, 10, 25)
const recordMs = fc.constantFrom(baseMs, baseMs + 1, baseMs + 2)
const anyAttempt = fc
  .record({
    timestamp: fc.constantFrom(baseMs, baseMs, baseMs + 1),
    correct: fc.boolean(),
    time_taken_ms: fc.constantFrom(9, 9, 10),
    item_difficulty: fc.constantFrom(0, 0, -0),
    recordMs,
  })
  .map(({ recordMs: ms, ...change }) => ofAttempt(change, ms))
/** Stands after the attempt, so that the way back passes it. */
const anyOther = fc
  .record({ timestamp: fc.constantFrom(baseMs - 1, baseMs + 2), correct: fc.boolean(), recordMs })
  .map(({ recordMs: ms, ...change }) => ofAttempt({ attempt_id: 'other', ...change }, ms))
const anySession = fc
  .record({
    end_time: fc.constantFrom(null, baseMs, baseMs + 1),
    items_attempted: fc.constantFrom(9, 10),
    correct_count: fc.constantFrom(0, 1),
    topics: fc.constantFrom(['a'], ['b'], ['a', 'c']),
    recordMs,
  })
  .map(({ recordMs: ms, ...change }) => ofSession(change, ms))
const anyTraining = fc
  .record({ label: fc.option(number), recordMs })
  .map(({ label, recordMs: ms }) => ofTraining(label, ms))

/** A set of versions, and two ways in which they come: in any order, some again, in any batches. */
function waysOf(versions: fc.Arbitrary<Sent>): fc.Arbitrary<readonly Sent[][][]> {
  return fc
    .array(versions, { minLength: 2, maxLength: 7 })
    .chain((all) => fc.array(wayOf(all), { minLength: 2, maxLength: 2 }))
}

function wayOf(all: readonly Sent[]): fc.Arbitrary<Sent[][]> {
  const inOrder = fc.shuffledSubarray([...all], { minLength: all.length, maxLength: all.length })
  const again = fc.shuffledSubarray([...all])
  const cuts = fc.uniqueArray(fc.nat(all.length), { maxLength: 4 })
  return fc.tuple(inOrder, again, cuts).map(([first, second, at]) => {
    const sent = [...first, ...second]
    const ends = [...at.sort((a, b) => a - b), sent.length]
    return ends.map((end, index) => sent.slice(ends[index - 1] ?? 0, end))
  })
}

const kinds: readonly [string, fc.Arbitrary<Sent>, readonly FactTable<any, any>[]][] = [
  [
    'attempts',
    fc.oneof({ arbitrary: anyAttempt, weight: 4 }, anyOther),
    [facts.userAttempts, facts.dailyAggregations, facts.itemStatistics],
  ],
  ['sessions', anySession, [facts.userSessions, facts.dailyAggregations]],
  ['training examples', anyTraining, [facts.mlTraining]],
]
for (const [kind, versions, tables] of kinds) {
  test(`versions of ${kind} give the same rows in any order and any batches`, async () => {
    const property = fc.asyncProperty(waysOf(versions), async ([one = [], other = []]) => {
      assert.deepEqual(await rowsAfter(tables, other), await rowsAfter(tables, one))
    })
    await fc.assert(property, { numRuns: 150 })
  })
}
