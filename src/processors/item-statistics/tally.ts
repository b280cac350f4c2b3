/**
 * A test and its items as the sums that their statistics rest on: whole numbers, added to and taken from, so that
 * order does not matter. A learner's paper says which items the learner answered, and which of them right.
 */
import { avroSerde } from '../../schema/avro-serde.ts'
import { compareText } from '../text-order.ts'
import {
  addItemSums,
  addTestSums,
  addToItem,
  addToTest,
  noItemSums,
  noTestSums,
  type ItemSums,
  type TestSums,
} from './item-statistics.ts'

export interface PaperItem {
  readonly itemId: string
  readonly isCorrect: boolean
}

export interface Paper {
  readonly items: readonly PaperItem[]
}

export interface ItemTally {
  readonly itemId: string
  /** Over the learners who answered the item. */
  readonly sums: ItemSums
  /** Over the same learners: their marks in the test. */
  readonly test: TestSums
}

export interface Tally {
  readonly testId: string
  readonly test: TestSums
  /** By item id, ascending. */
  readonly items: readonly ItemTally[]
  /** The greatest time of an event that was seen, milliseconds since the epoch. */
  readonly eventTimeMs: number
}

/** What a learner's paper changes: `before` is taken out, `after` put in; null where there is none. */
export function tallyChange(
  testId: string,
  before: Paper | null,
  after: Paper | null,
  eventTimeMs: number,
): Tally {
  const taken = tallyOf(before, -1)
  const put = tallyOf(after, 1)
  return {
    testId,
    test: addTestSums(taken.test, put.test),
    items: mergedItems(taken.items, put.items),
    eventTimeMs,
  }
}

export function sumTallies(a: Tally, b: Tally): Tally {
  return {
    testId: a.testId,
    test: addTestSums(a.test, b.test),
    items: mergedItems(a.items, b.items),
    eventTimeMs: Math.max(a.eventTimeMs, b.eventTimeMs),
  }
}

function tallyOf(paper: Paper | null, sign: 1 | -1): Pick<Tally, 'test' | 'items'> {
  if (paper === null) return { test: noTestSums, items: [] }
  const mark = paper.items.filter(({ isCorrect }) => isCorrect).length
  const test = addToTest(noTestSums, mark, sign)
  const items = paper.items
    .map(({ itemId, isCorrect }) => ({
      itemId,
      sums: addToItem(noItemSums, isCorrect ? 1 : 0, mark, sign),
      test,
    }))
    .sort((a, b) => compareText(a.itemId, b.itemId))
  return { test, items }
}

/** Both ascending. Items that nobody answers any more stay, with nothing in them, so that their rows are deleted. */
function mergedItems(a: readonly ItemTally[], b: readonly ItemTally[]): ItemTally[] {
  const merged: ItemTally[] = []
  let at = 0
  for (const added of b) {
    for (let next = a[at]; next !== undefined && next.itemId < added.itemId; next = a[at]) {
      merged.push(next)
      at += 1
    }
    const known = a[at]
    if (known?.itemId !== added.itemId) merged.push(added)
    else {
      const { itemId } = added
      const sums = addItemSums(known.sums, added.sums)
      merged.push({ itemId, sums, test: addTestSums(known.test, added.test) })
      at += 1
    }
  }
  for (const rest of a.slice(at)) merged.push(rest)
  return merged
}

const testSumsSchema = {
  type: 'record',
  name: 'TestSums',
  fields: [
    { name: 'learners', type: 'long' },
    { name: 't', type: 'long' },
    { name: 'tt', type: 'long' },
  ],
} as const

export const tallySerde = avroSerde<Tally>('item tallies', 1, {
  type: 'record',
  name: 'Tally',
  fields: [
    { name: 'testId', type: 'string' },
    { name: 'test', type: testSumsSchema },
    {
      name: 'items',
      type: {
        type: 'array',
        items: {
          type: 'record',
          name: 'ItemTally',
          fields: [
            { name: 'itemId', type: 'string' },
            {
              name: 'sums',
              type: {
                type: 'record',
                name: 'ItemSums',
                fields: [
                  { name: 'learners', type: 'long' },
                  { name: 'x', type: 'long' },
                  { name: 'xx', type: 'long' },
                  { name: 'xt', type: 'long' },
                ],
              },
            },
            { name: 'test', type: 'TestSums' },
          ],
        },
      },
    },
    { name: 'eventTimeMs', type: 'long' },
  ],
})
