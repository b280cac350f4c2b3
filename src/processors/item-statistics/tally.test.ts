import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { noTestSums } from './item-statistics.ts'
import { sumTallies, TallyChanges, type Paper, type Tally } from './tally.ts'

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

/** The sums after all steps, taken after each batch. */
function tallyOf(batches: readonly (readonly Step[])[]): Tally {
  const papers = new Map<string, Paper | null>()
  const changes = new TallyChanges()
  let tally = empty
  for (const batch of batches) {
    for (const { learner, paper: after, ms } of batch) {
      changes.add('t', papers.get(learner) ?? null, after, ms)
      papers.set(learner, after)
    }
    for (const change of changes.take()) tally = sumTallies(tally, change)
  }
  return tally
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
    fc.property(fc.array(fc.array(step)), (batches) => {
      const steps = batches.flat()
      const { test: whole, items, eventTimeMs } = tallyOf(batches)
      const answered = items.filter(({ sums }) => sums.learners > 0)
      assert.deepEqual({ test: whole, items: answered }, sumsOf(steps))
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
  const tally = tallyOf([
    [{ learner: 'a', paper: only, ms: 1 }],
    [{ learner: 'a', paper: null, ms: 2 }],
  ])
  assert.deepEqual(
    tally.items.map(({ itemId, sums }) => [itemId, sums.learners]),
    [['i1', 0]],
  )
})
