import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import fc from 'fast-check'
import * as facts from '../../facts/adaptive-learning.ts'
import type { TopologyTestDriver } from '../../testing/topology-test-driver.ts'
import { attempt, baseMs, open, pipe, rowsOf } from '../adaptive-learning/feed.test-support.ts'
import type { KeyValueStore } from '../../state/stores.ts'
import type { Timestamped } from '../timestamped.ts'
import { tallyStores } from './tallies-processor.ts'
import { noTestSums } from './item-statistics.ts'
import { tallyItemsMax, type Tally } from './tally.ts'

const topic = 'general'
const items = 2 * tallyItemsMax + 100

function itemId(number: number): string {
  return `i${String(number).padStart(5, '0')}`
}

/** Three learners, who all answer some of the items. */
const attempts = Array.from({ length: items + items / 2 }, (_, number) =>
  attempt({
    attempt_id: `a${number}`,
    user_id: `u${number % 3}`,
    item_id: itemId(number % items),
    topic,
    correct: number % 7 < 4,
    timestamp: baseMs + number,
  }),
)

async function rowsAfter(t: TestContext, batches: readonly (typeof attempts)[]) {
  const driver = await open()
  t.after(() => driver.close())
  for (const batch of batches) await pipe(driver, { 'user.attempts': batch })
  const rows = await rowsOf(driver, facts.itemStatistics)
  const sorted = rows
    .map(({ known_at: _, ...row }) => row)
    .sort((a, b) => (a.item_id < b.item_id ? -1 : 1))
  return { driver, rows: sorted }
}

async function partsIn(driver: TopologyTestDriver) {
  const first = await driver.store<unknown, Timestamped<Tally>>(tallyStores.first).get([topic])
  const more = await driver.store<unknown, Timestamped<Tally>>(tallyStores.more).entries()
  return [first?.value, ...more.map(({ value }) => value.value)].map((part) => part?.items.length)
}

test('a topic of many items is kept in parts, and its rows are the same in any order', async (t) => {
  const { driver, rows } = await rowsAfter(t, [attempts])
  assert.deepEqual(await partsIn(driver), [tallyItemsMax, tallyItemsMax, 100])
  assert.equal(rows.length, items)
  assert.deepEqual([...new Set(rows.map((row) => row.test_items))], [items])
  const orders = fc.sample(fc.shuffledSubarray(attempts, { minLength: attempts.length }), 3)
  for (const order of orders) {
    const cut = order.length / 3
    const batches = [order.slice(0, cut), order.slice(cut, 2 * cut), order.slice(2 * cut)]
    assert.deepEqual((await rowsAfter(t, batches)).rows, rows)
  }
})

test('a topic of few items has no part but the first', async (t) => {
  const { driver } = await rowsAfter(t, [attempts.slice(0, tallyItemsMax - 1)])
  assert.deepEqual(await partsIn(driver), [tallyItemsMax - 1])
})

test('a value with more items than a part, of a version before, is split and goes on', async (t) => {
  const driver = await open()
  t.after(() => driver.close())
  const sums = { learners: 4, x: 2, xx: 2, xt: 2 }
  const before: Tally = {
    testId: topic,
    test: { ...noTestSums, learners: 4, t: 2, tt: 2 },
    items: Array.from({ length: items }, (_, number) => ({
      itemId: itemId(number),
      sums,
      test: { learners: 4, t: 2, tt: 2 },
    })),
    eventTimeMs: 1,
  }
  for (const store of driver.store(tallyStores.first).partitions) {
    const first = store as KeyValueStore<readonly [string], Timestamped<Tally>>
    first.put([topic], { value: before, timestampMs: 1 })
  }
  const added = attempt({ item_id: itemId(0), topic, correct: true })
  await pipe(driver, { 'user.attempts': [added] })
  assert.deepEqual(await partsIn(driver), [tallyItemsMax, tallyItemsMax, 100])
  const rows = await rowsOf(driver, facts.itemStatistics)
  assert.equal(rows.length, items)
  assert.deepEqual(
    rows
      .filter(({ learners }) => learners !== 4)
      .map((row) => [row.item_id, row.learners, row.mean]),
    [[itemId(0), 5, 0.6]],
  )
})
