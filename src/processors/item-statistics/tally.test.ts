import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { noTestSums } from './item-statistics.ts'
import { addToParts, joinedParts } from './tally-parts.ts'
import {
  byItemId,
  tallyItemsMax,
  TallyChanges,
  type ItemTally,
  type Paper,
  type Tally,
} from './tally.ts'

const paper = fc.option(
  fc
    .uniqueArray(
      fc.record({ itemId: fc.constantFrom('i1', 'i2', 'i3'), isCorrect: fc.boolean() }),
      {
        selector: ({ itemId }) => itemId,
      },
    )
    .map((items): Paper => ({ items })),
)
/** A learner's paper becomes this one. */
const step = fc.record({ learner: fc.constantFrom('a', 'b', 'c'), paper, ms: fc.nat(9) })
type Step = typeof step extends fc.Arbitrary<infer Of> ? Of : never

const empty: Tally = { testId: 't', test: noTestSums, items: [], eventTimeMs: 0 }

/** How many items a change has, and a part that is kept. */
interface Sizes {
  readonly change: number
  readonly part: number
}
const sizes = fc.record({
  change: fc.integer({ min: 1, max: 4 }),
  part: fc.integer({ min: 1, max: 4 }),
})
const large: Sizes = { change: tallyItemsMax, part: tallyItemsMax }

/** The changes of each batch, each as the records that it is sent as. */
function changesOf(batches: readonly (readonly Step[])[], itemsMax: number): (readonly Tally[])[] {
  const papers = new Map<string, Paper | null>()
  const changes = new TallyChanges()
  return batches.map((batch) => {
    for (const { learner, paper: after, ms } of batch) {
      changes.add('t', papers.get(learner) ?? null, after, ms)
      papers.set(learner, after)
    }
    return changes.take(itemsMax)
  })
}

/** The parts after these changes, a change at a time or all at once. */
function partsOf(
  batches: readonly (readonly Tally[])[],
  itemsMax: number,
  before: readonly Tally[] = [],
): readonly Tally[] {
  let parts = before
  for (const [first, ...others] of batches) {
    if (first === undefined) continue
    const { parts: next, changed } = addToParts(parts, [first, ...others], itemsMax)
    // What is not written again is as it was, and what is new is written.
    for (const [index, part] of next.entries())
      assert.equal(changed.get(index) ?? parts[index], part)
    parts = next
  }
  return parts
}

/** All there is in the parts, in the order of items. */
function whole(parts: readonly Tally[]): Tally {
  const [first = empty, ...more] = parts
  const tally = joinedParts([first, ...more])
  return { ...tally, items: byItemId(tally.items) }
}

/** The sums after all steps, taken after each batch. */
function tallyOf(batches: readonly (readonly Step[])[], { change, part }: Sizes): Tally {
  return whole(partsOf(changesOf(batches, change), part))
}

/** By their definition, from the papers as they are in the end. */
function sumsOf(steps: readonly Step[]) {
  const papers = [...new Map(steps.map((each) => [each.learner, each.paper])).values()]
  const marked = papers.flatMap((each) =>
    each === null ? [] : { ...each, t: each.items.filter(({ isCorrect }) => isCorrect).length },
  )
  const sum = (numbers: readonly number[]) => numbers.reduce((all, number) => all + number, 0)
  const testOf = (some: typeof marked) => ({
    learners: some.length,
    t: sum(some.map(({ t }) => t)),
    tt: sum(some.map(({ t }) => t * t)),
  })
  const itemIds = [...new Set(marked.flatMap(({ items }) => items.map(({ itemId }) => itemId)))]
  const items = itemIds.sort().map((itemId) => {
    const answered = marked.filter(({ items: all }) => all.some((item) => item.itemId === itemId))
    const right = answered.filter(({ items: all }) =>
      all.some((item) => item.itemId === itemId && item.isCorrect),
    )
    const x = right.length
    const xt = sum(right.map(({ t }) => t))
    return { itemId, sums: { learners: answered.length, x, xx: x, xt }, test: testOf(answered) }
  })
  return { test: testOf(marked), items }
}

test('however papers change and are batched, the sums are those of the papers in the end', () => {
  fc.assert(
    fc.property(fc.array(fc.array(step)), sizes, (batches, each) => {
      const steps = batches.flat()
      const { test: sums, items, eventTimeMs } = tallyOf(batches, each)
      const answered = items.filter(({ sums: { learners } }) => learners > 0)
      assert.deepEqual({ test: sums, items: answered }, sumsOf(steps))
      assert.equal(eventTimeMs, Math.max(0, ...steps.map(({ ms }) => ms)))
    }),
  )
})

test('a batch makes one change a test, with the items alone whose sums differ', () => {
  const changes = new TallyChanges()
  const before: Paper = {
    items: ['i1', 'i2', 'i3'].map((itemId) => ({ itemId, isCorrect: false })),
  }
  const after: Paper = { items: before.items.map((item) => ({ ...item, isCorrect: false })) }
  changes.add('t', before, after, 5)
  changes.add('t', null, null, 7)
  changes.add('t', before, { items: [...after.items, { itemId: 'i4', isCorrect: false }] }, 6)
  const [change = empty, ...others] = changes.take()
  assert.deepEqual(others, [])
  assert.deepEqual(
    change.items.map(({ itemId }) => itemId),
    ['i4'],
  )
  assert.deepEqual([change.test, change.eventTimeMs], [noTestSums, 7])
  assert.deepEqual(changes.take(), [])
})

test('an item that nobody answers any more stays without learners, so that its row is deleted', () => {
  const only: Paper = { items: [{ itemId: 'i1', isCorrect: true }] }
  const batches: Step[][] = [
    [{ learner: 'a', paper: only, ms: 1 }],
    [{ learner: 'a', paper: null, ms: 2 }],
  ]
  const tally = tallyOf(batches, large)
  assert.deepEqual(
    tally.items.map(({ itemId, sums }) => [itemId, sums.learners]),
    [['i1', 0]],
  )
})

test('in whatever order changes come and however they are grouped, all parts together are the same', () => {
  const arrivals = fc.array(fc.array(step, { minLength: 1 }), { minLength: 1 }).chain((batches) => {
    const changes = changesOf(batches, 2).flat()
    const shuffled = fc.shuffledSubarray(changes, { minLength: changes.length })
    return fc.record({ changes: fc.constant(changes), shuffled, cuts: fc.array(fc.nat(3)) })
  })
  fc.assert(
    fc.property(arrivals, sizes, ({ changes, shuffled, cuts }, { part }) => {
      const groups: Tally[][] = [[]]
      for (const [index, change] of shuffled.entries()) {
        if (cuts[index] === 0) groups.push([])
        groups.at(-1)?.push(change)
      }
      assert.deepEqual(whole(partsOf(groups, part)), whole(partsOf([changes], tallyItemsMax)))
    }),
  )
})

test('no part and no change has more items than it may, only the last part has room, and an item is in one', () => {
  fc.assert(
    fc.property(fc.array(fc.array(step)), sizes, (batches, { change, part }) => {
      const changes = changesOf(batches, change)
      assert.ok(changes.flat().every(({ items }) => items.length <= change))
      const parts = partsOf(changes, part)
      const lengths = parts.map(({ items }) => items.length)
      assert.ok(
        lengths.slice(0, -1).every((length) => length === part),
        String(lengths),
      )
      assert.ok((lengths.at(-1) ?? 0) <= part)
      const ids = parts.flatMap(({ items }) => items.map(({ itemId }) => itemId))
      assert.equal(new Set(ids).size, ids.length)
    }),
  )
})

test('a tally of any size that was kept as one is split when it is next touched, and sums up the same', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(step)),
      fc.array(fc.array(step)),
      sizes,
      (before, after, { part }) => {
        const all = changesOf([...before, ...after], tallyItemsMax)
        const old = partsOf(all.slice(0, before.length), Infinity)
        const parts = partsOf(all.slice(before.length), part, old)
        assert.deepEqual(whole(parts), whole(partsOf(all, Infinity)))
        const isTouched = all.slice(before.length).some((changes) => changes.length > 0)
        if (isTouched) assert.ok(parts.every(({ items }) => items.length <= part))
      },
    ),
  )
})

test('an item that a version of one part alone has begun again is one item, with the sums of both', () => {
  const item = (itemId: string, learners: number): ItemTally => ({
    itemId,
    sums: { learners, x: 0, xx: 0, xt: 0 },
    test: { learners, t: 0, tt: 0 },
  })
  const part = (...items: ItemTally[]): Tally => ({ ...empty, items })
  const known = [part(item('a', 1), item('c', 2)), part(item('b', 3), item('c', 4))]
  const { parts, changed } = addToParts(known, [part(item('b', 1))], 2)
  const found = parts.map(({ items }) => items.map(({ itemId, sums }) => [itemId, sums.learners]))
  assert.deepEqual(found, [
    [
      ['a', 1],
      ['c', 6],
    ],
    [['b', 4]],
  ])
  assert.deepEqual([...changed.keys()], [0, 1])
})
