import assert from 'node:assert/strict'
import fc from 'fast-check'
import { test } from 'node:test'
import { alertKey, type Alert, type AlertCondition } from './alert.ts'
import { AlertBook } from './alert-book.ts'

const pace = { groupWaitMs: 10, repeatIntervalMs: 100 }

function condition(group: string, forMs = 0): AlertCondition {
  return { name: 'GroupLag', labels: { group }, what: 'much', mend: 'more', forMs }
}

function told(alerts: readonly Alert[]): string[] {
  return alerts.map(({ labels, endsAtMs }) => `${labels['group']} ${endsAtMs ?? 'on'}`)
}

/** What is told at each time of one look each. */
function story(book: AlertBook, looks: readonly (readonly [number, readonly AlertCondition[]])[]) {
  return looks.map(([nowMs, conditions]) => {
    book.look(conditions, nowMs)
    return told(book.take(nowMs))
  })
}

test('a condition is told once when it begins, however often it is seen, and once when it is over', () => {
  const lag = [condition('a')]
  assert.deepEqual(
    story(new AlertBook(pace), [
      [0, lag],
      [9, lag],
      [10, lag],
      [11, lag],
      [50, lag],
      [60, []],
      [70, []],
      [80, []],
    ]),
    [[], [], ['a on'], [], [], [], ['a 60'], []],
  )
})

test('what lasts is told again after the interval, and its text is the latest', () => {
  const book = new AlertBook(pace)
  story(book, [
    [0, [condition('a')]],
    [10, [condition('a')]],
    [109, [condition('a')]],
  ])
  book.look([{ ...condition('a'), what: 'more yet' }], 110)
  assert.deepEqual(
    book.take(110).map(({ what, startsAtMs }) => [what, startsAtMs]),
    [['more yet', 0]],
  )
  book.look([condition('a')], 209)
  assert.deepEqual(book.take(209), [])
  assert.deepEqual(told(book.take(210)), ['a on'])
})

test('what begins and ends within the wait of the first goes into one message', () => {
  const book = new AlertBook(pace)
  const [, , , first, , both] = story(book, [
    [0, [condition('a')]],
    [5, [condition('a'), condition('b')]],
    [9, [condition('a'), condition('b')]],
    [10, [condition('a'), condition('b')]],
    [20, [condition('b'), condition('c')]],
    [30, [condition('b'), condition('c')]],
  ])
  assert.deepEqual(first, ['a on', 'b on'])
  assert.deepEqual(both, ['c on', 'a 20'])
})

test('what must last is an alert only then, and what ends before is never told', () => {
  const book = new AlertBook({ ...pace, groupWaitMs: 0 })
  const slow = [condition('a', 50)]
  assert.deepEqual(
    story(book, [
      [0, slow],
      [49, slow],
      [49, []],
      [50, slow],
      [99, slow],
    ]),
    [[], [], [], [], []],
  )
  assert.deepEqual(book.firing(99), [])
  assert.deepEqual(story(book, [[100, slow]]), [['a on']])
  assert.equal(book.firing(100)[0]?.startsAtMs, 50)
})

test('what goes and comes back before anybody was told of its end has lasted', () => {
  const book = new AlertBook(pace)
  const steps = story(book, [
    [0, [condition('a')]],
    [10, [condition('a')]],
    [20, []],
    [25, [condition('a')]],
    [40, [condition('a')]],
    [109, [condition('a')]],
    [110, [condition('a')]],
  ])
  assert.deepEqual(steps, [[], ['a on'], [], [], [], [], ['a on']])
})

test('a process that ends waits for nothing that may still come', () => {
  const book = new AlertBook(pace)
  book.look([condition('a')], 0)
  assert.deepEqual(told(book.take(0, true)), ['a on'])
  assert.deepEqual(book.take(1, true), [])
})

test('what the process before has told is not told anew, and is told as over once it is', () => {
  const before = new AlertBook(pace)
  story(before, [
    [0, [condition('a', 5), condition('b')]],
    [20, [condition('a', 5), condition('b')]],
  ])
  const after = new AlertBook(pace, before.firing(20))
  assert.deepEqual(
    story(after, [
      [30, [condition('a', 5)]],
      [40, [condition('a', 5)]],
      [120, [condition('a', 5)]],
    ]),
    [[], ['b 30'], ['a on']],
  )
})

test('whatever comes and goes, begun and over are told in turn, of each condition by itself', () => {
  const group = fc.subarray(['a', 'b', 'c'])
  const looks = fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), group), { maxLength: 60 })
  fc.assert(
    fc.property(looks, (steps) => {
      const book = new AlertBook(pace)
      const lasting = new Map<string, number>()
      let nowMs = 0
      for (const [laterMs, groups] of steps) {
        nowMs += laterMs
        book.look(
          groups.map((name) => condition(name)),
          nowMs,
        )
        for (const alert of book.take(nowMs)) {
          const key = alertKey(alert)
          const toldAtMs = lasting.get(key)
          if (alert.endsAtMs === null) {
            if (toldAtMs !== undefined) assert.ok(nowMs - toldAtMs >= pace.repeatIntervalMs, key)
            lasting.set(key, nowMs)
          } else {
            assert.ok(lasting.delete(key), `${key} is over and had not begun`)
          }
        }
      }
    }),
  )
})
