import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { TimedGroup } from './timed-group.ts'

const owner = { onFilled: () => {}, onSettled: () => {}, onEvicted: () => {} }

void test('a group knows which times are covered, however the loads overlapped', () => {
  const time = fc.integer({ min: 0, max: 30 })
  const span = fc.tuple(time, time).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const)
  fc.assert(
    fc.property(fc.array(span, { maxLength: 6 }), span, (loads, [fromMs, toMs]) => {
      const group = new TimedGroup(owner, 'key')
      const covered = new Set<number>()
      for (const [from, to] of loads) {
        group.cover(from, to)
        for (let at = from; at <= to; at += 1) covered.add(at)
      }
      const wanted = Array.from({ length: toMs - fromMs + 1 }, (_, index) => fromMs + index)
      const missing = wanted.filter((at) => !covered.has(at))
      assert.equal(group.covers(fromMs, toMs), missing.length === 0)
      if (missing.length === 0) return
      const expected = { fromMs: missing[0], toMs: missing.at(-1) }
      assert.deepEqual(group.uncovered(fromMs, toMs), expected)
    }),
  )
})

void test('slots are kept in order of both times, and pruned where they say nothing more', () => {
  const group = new TimedGroup(owner, 'key')
  for (const [primary, secondary] of [
    [5, 2],
    [1, 1],
    [5, 1],
    [9, 0],
  ] as const) {
    group.insert(primary, secondary).fill(Buffer.from('x'))
  }
  const times = () => group.slots.map((slot) => [slot.primaryMs, slot.secondaryMs])
  assert.deepEqual(times(), [
    [1, 1],
    [5, 1],
    [5, 2],
    [9, 0],
  ])
  assert.equal(group.find(5, 2)?.secondaryMs, 2)
  assert.equal(group.find(5, 3), undefined)
  group.insert(7, 0).fill(null)
  const dirty = group.insert(8, 0)
  dirty.fill(null)
  dirty.isDirty = true
  group.cover(0, 3)
  group.cover(4, 9)
  group.cover(-9, -5)
  group.prune(5)
  assert.deepEqual(times(), [
    [5, 1],
    [5, 2],
    [8, 0],
    [9, 0],
  ])
  assert.equal(group.covers(-9, -5), false)
  assert.equal(group.covers(5, 9), true)
})
