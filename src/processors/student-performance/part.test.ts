import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { numberSerde } from '../number-serde.ts'
import { counts, partSerde, placeOf } from './part.ts'

const timeMs = fc.integer({ min: 0, max: 4e12 })
const orNever = (time: fc.Arbitrary<number>) => fc.option(time, { nil: -Infinity })

test('what is known of a part comes back from its bytes as it was', () => {
  const part = fc.record(
    {
      unnamedPlaceMs: orNever(timeMs.map((time) => time / 2)),
      latestMs: orNever(timeMs),
      drops: fc.nat(),
    },
    { noNullPrototype: true },
  )
  fc.assert(
    fc.property(part, (known) => {
      assert.deepEqual(partSerde.deserialize(partSerde.serialize(known)), known)
    }),
  )
})

test('what an earlier version wrote of a part, its place alone, is understood', () => {
  fc.assert(
    fc.property(timeMs, fc.boolean(), (time, isRetracted) => {
      const unnamedPlaceMs = placeOf(time, isRetracted)
      const known = partSerde.deserialize(numberSerde.serialize(unnamedPlaceMs))
      assert.deepEqual(known, { unnamedPlaceMs, latestMs: time, drops: 0 })
      assert.equal(counts(known), !isRetracted)
    }),
  )
})
