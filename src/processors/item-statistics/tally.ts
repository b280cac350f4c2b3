/**
 * A test and its items as the sums that their statistics rest on: whole numbers, added to and taken from, so that
 * order does not matter. A learner's paper says which items the learner answered, and which of them right.
 */
import { noHeaders } from '../../core/record.ts'
import { avroSerde } from '../../schema/avro-serde.ts'
import type { ProcessorContext } from '../processor.ts'
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

/**
 * Of one record in a topic or store. A test may have any number of items, a record on Kafka has a size: with ids of 100
 * bytes these are about 60 KB.
 */
export const tallyItemsMax = 500

/** What the papers of a batch change in each test's sums: whole numbers, so that changes add up in any order. */
export class TallyChanges {
  #byTest = new Map<string, TestChange>()

  /**
   * Takes `before` out and puts `after` in; null where the learner has none.
   * @param eventTimeMs of the latest event that was seen
   */
  add(testId: string, before: Paper | null, after: Paper | null, eventTimeMs: number): void {
    let change = this.#byTest.get(testId)
    if (change === undefined) {
      change = { test: noTestSums, items: new Map(), eventTimeMs }
      this.#byTest.set(testId, change)
    }
    change.eventTimeMs = Math.max(change.eventTimeMs, eventTimeMs)
    if (isSame(before, after)) return
    addPaper(change, before, -1)
    addPaper(change, after, 1)
  }

  /** One record a test, and more where many of its items have changed; its id is the key. */
  forwardTo(context: ProcessorContext): void {
    for (const value of this.take()) {
      const { testId, eventTimeMs: timestampMs } = value
      context.forward({ key: [testId], value, timestampMs, headers: noHeaders })
    }
  }

  /** @param itemsMax of one change; what the test's own sums change by is in the first one of a test alone */
  take(itemsMax = tallyItemsMax): readonly Tally[] {
    const changes = [...this.#byTest].flatMap(([testId, { test, items, eventTimeMs }]) => {
      const changed = byItemId([...items.values()].filter(hasChanged))
      const parts: Tally[] = [{ testId, test, items: changed.slice(0, itemsMax), eventTimeMs }]
      for (let at = itemsMax; at < changed.length; at += itemsMax) {
        const part = changed.slice(at, at + itemsMax)
        parts.push({ testId, test: noTestSums, items: part, eventTimeMs })
      }
      return parts
    })
    this.#byTest = new Map()
    return changes
  }
}

/** Ascending. */
export function byItemId(items: readonly ItemTally[]): ItemTally[] {
  return items.toSorted((a, b) => compareText(a.itemId, b.itemId))
}

export function sumItemTallies(a: ItemTally, b: ItemTally): ItemTally {
  const { itemId } = a
  return { itemId, sums: addItemSums(a.sums, b.sums), test: addTestSums(a.test, b.test) }
}

interface TestChange {
  test: TestSums
  readonly items: Map<string, ItemTally>
  eventTimeMs: number
}

function isSame(before: Paper | null, after: Paper | null): boolean {
  if (before === null || after === null) return before === after
  if (before.items.length !== after.items.length) return false
  return before.items.every(({ itemId, isCorrect }, index) => {
    const item = after.items[index]
    return item?.itemId === itemId && item.isCorrect === isCorrect
  })
}

function addPaper(change: TestChange, paper: Paper | null, sign: 1 | -1): void {
  if (paper === null) return
  const mark = paper.items.reduce((sum, { isCorrect }) => sum + Number(isCorrect), 0)
  change.test = addToTest(change.test, mark, sign)
  for (const { itemId, isCorrect } of paper.items) {
    const { sums, test } = change.items.get(itemId) ?? { sums: noItemSums, test: noTestSums }
    change.items.set(itemId, {
      itemId,
      sums: addToItem(sums, Number(isCorrect), mark, sign),
      test: addToTest(test, mark, sign),
    })
  }
}

/** False where what came in is what went out: the sums of the item are as they were. */
function hasChanged({ sums, test }: ItemTally): boolean {
  return [sums.learners, sums.x, sums.xx, sums.xt, test.t, test.tt].some((sum) => sum !== 0)
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
