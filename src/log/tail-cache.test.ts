import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import type { Offset } from '../core/record.ts'
import { PartitionTail, TailCache } from './tail-cache.ts'

test('a cached tail never skips a record, and keeps to its bytes', () => {
  const addition = fc.record({
    partition: fc.nat({ max: 1 }),
    records: fc.integer({ min: 1, max: 3 }),
    bytes: fc.integer({ min: 1, max: 120 }),
  })
  fc.assert(
    fc.property(fc.array(addition, { maxLength: 60 }), (additions) => {
      const cache = new TailCache(100)
      const tails = [new PartitionTail(), new PartitionTail()]
      const ends = [0, 0]
      for (const { partition, records, bytes } of additions) {
        const baseOffset = ends[partition] as Offset
        const lastOffset = (baseOffset + records - 1) as Offset
        ends[partition] = lastOffset + 1
        const batch = { baseOffset, lastOffset, bytes: Buffer.alloc(bytes) }
        cache.add(tails[partition] as PartitionTail, batch)
        assert.ok(cache.usedBytes <= 100)
        for (const [index, tail] of tails.entries()) checkTail(tail, ends[index] ?? 0)
      }
    }),
  )
})

/** From any offset: nothing, or the batch that holds it and all that follow it up to the end. */
function checkTail(tail: PartitionTail, end: number): void {
  for (let offset = 0; offset < end; offset++) {
    const found = tail.from(offset as Offset, Infinity)
    if (found === null) continue
    let next: number = found[0]?.baseOffset ?? end
    assert.ok(next <= offset && offset <= (found[0]?.lastOffset ?? -1))
    for (const batch of found) {
      assert.equal(batch.baseOffset, next)
      next = batch.lastOffset + 1
    }
    assert.equal(next, end)
    assert.equal(tail.from(offset as Offset, 1)?.length, 1)
  }
}
