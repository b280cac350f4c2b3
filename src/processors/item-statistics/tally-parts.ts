/**
 * A test's tally in parts that each fit in a record: the first has the test's own sums, and all have items.
 *
 * Invariants:
 *  1. An item is in one part, and stays there.
 *  2. A part is begun when all before it are full. So a test of few items has one.
 */
import { addTestSums, noTestSums } from './item-statistics.ts'
import { byItemId, sumItemTallies, tallyItemsMax, type ItemTally, type Tally } from './tally.ts'

export type TallyPartList = readonly [first: Tally, ...more: Tally[]]

export interface TallyParts {
  readonly parts: TallyPartList
  /** Those that differ from what they were, by index: the first among them. */
  readonly changed: ReadonlyMap<number, Tally>
}

/**
 * @param parts of the test as they are; none of a new one. A first part with more items than a part may have, as
 *   versions that knew no other wrote it, is split
 * @param changes of the same test, in any order
 */
export function addToParts(
  parts: readonly Tally[],
  changes: readonly [Tally, ...Tally[]],
  itemsMax = tallyItemsMax,
): TallyParts {
  const [known = emptyPart(changes[0]), ...later] = parts
  const own = known.items.slice(0, itemsMax)
  // A version that knows one part alone may have worked in between, and begun an item again that is in a later part.
  const ids = new Set(own.map(({ itemId }) => itemId))
  const isOwn = ({ itemId }: ItemTally) => ids.has(itemId)
  const twice = later.flatMap(({ items }) => items.filter(isOwn))
  const more =
    twice.length === 0
      ? later
      : later.map((part) => ({ ...part, items: part.items.filter((item) => !isOwn(item)) }))
  const first: Tally = {
    ...known,
    test: changes.reduce((test, change) => addTestSums(test, change.test), known.test),
    items: twice.length === 0 ? own : sumOfItems([own, twice]),
    eventTimeMs: Math.max(known.eventTimeMs, ...changes.map(({ eventTimeMs }) => eventTimeMs)),
  }
  const next: [Tally, ...Tally[]] = [first, ...more]
  const added = sumOfItems([known.items.slice(itemsMax), ...changes.map(({ items }) => items)])
  const changed = new Map([[0, first]])
  if (twice.length > 0) for (const [index, part] of more.entries()) changed.set(index + 1, part)
  for (const [index, items] of placed(next, added, itemsMax)) {
    const part = next[index] ?? emptyPart(first)
    const sums = { ...part, items: sumOfItems([part.items, items]) }
    next[index] = sums
    changed.set(index, sums)
  }
  return { parts: next, changed }
}

/** The test's tally with the items of all parts. */
export function joinedParts(parts: TallyPartList): Tally {
  return { ...parts[0], items: parts.flatMap(({ items }) => items) }
}

/** Which items go to which part: to that which has the item, or to the last one. */
function placed(
  parts: readonly Tally[],
  items: readonly ItemTally[],
  itemsMax: number,
): ReadonlyMap<number, readonly ItemTally[]> {
  const partOf = new Map<string, number>()
  for (const [index, part] of parts.entries()) {
    for (const { itemId } of part.items) partOf.set(itemId, index)
  }
  let last = parts.length - 1
  let room = itemsMax - (parts[last]?.items.length ?? 0)
  const places = new Map<number, ItemTally[]>()
  for (const item of items) {
    let index = partOf.get(item.itemId)
    if (index === undefined) {
      if (room <= 0) {
        last += 1
        room = itemsMax
      }
      index = last
      room -= 1
    }
    const inPart = places.get(index)
    if (inPart === undefined) places.set(index, [item])
    else inPart.push(item)
  }
  return places
}

/** By item id, ascending. Items that nobody answers any more stay, with nothing in them, so that their rows are deleted. */
function sumOfItems(lists: readonly (readonly ItemTally[])[]): readonly ItemTally[] {
  const sums = new Map<string, ItemTally>()
  for (const items of lists) {
    for (const item of items) {
      const known = sums.get(item.itemId)
      sums.set(item.itemId, known === undefined ? item : sumItemTallies(known, item))
    }
  }
  return byItemId([...sums.values()])
}

function emptyPart({ testId, eventTimeMs }: Tally): Tally {
  return { testId, test: noTestSums, items: [], eventTimeMs }
}
