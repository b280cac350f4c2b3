import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MemoryBudget } from './memory-budget.ts'
import type { Evictable } from './memory-budget.ts'

class Entry implements Evictable {
  readonly name: string
  readonly #evicted: string[]
  accountedBytes = 0
  older: Evictable | null = null
  newer: Evictable | null = null

  constructor(name: string, evicted: string[]) {
    this.name = name
    this.#evicted = evicted
  }

  evict(): void {
    this.#evicted.push(this.name)
  }
}

void test('the budget evicts released entries, oldest first, and no more than it must', () => {
  const evicted: string[] = []
  const budget = new MemoryBudget(25)
  const entries = ['a', 'b', 'c', 'd'].map((name) => new Entry(name, evicted))
  for (const entry of entries) budget.account(entry, 10)
  assert.equal(budget.isExceeded, true)
  budget.shrink()
  assert.deepEqual(evicted, [])
  for (const entry of entries) budget.release(entry)
  budget.shrink()
  assert.deepEqual(evicted, ['a', 'b'])
  assert.equal(budget.usedBytes, 20)
})

void test('a budget that is no whole number of bytes is refused by the name of its setting', () => {
  assert.throws(() => new MemoryBudget(1.5, 'stateCacheBytesMax'), /stateCacheBytesMax is 1.5/)
})

void test('whatever is pinned, released and forgotten, eviction follows the order of release', () => {
  const step = fc.record({
    op: fc.constantFrom('release', 'pin', 'forget', 'shrink'),
    index: fc.integer({ min: 0, max: 4 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const evicted: string[] = []
      const expected: string[] = []
      const budget = new MemoryBudget(20)
      const entries = Array.from({ length: 5 }, (_, index) => new Entry(String(index), evicted))
      for (const entry of entries) budget.account(entry, 10)
      let released: Entry[] = []
      let used = 50
      for (const { op, index } of steps) {
        const entry = entries[index]
        assert.ok(entry !== undefined)
        if (op === 'shrink') {
          budget.shrink()
          while (used > 20 && released.length > 0) {
            const oldest = released.shift()
            used -= 10
            expected.push(oldest?.name ?? '')
          }
        } else if (op === 'release' && entry.accountedBytes > 0 && !released.includes(entry)) {
          budget.release(entry)
          released.push(entry)
        } else if (op === 'pin' || op === 'forget') {
          released = released.filter((other) => other !== entry)
          if (op === 'forget') used -= entry.accountedBytes
          if (op === 'pin') budget.pin(entry)
          else budget.forget(entry)
        }
        assert.deepEqual(evicted, expected)
        assert.equal(budget.usedBytes, used)
      }
    }),
  )
})
