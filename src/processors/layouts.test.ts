import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { TidemarkError } from '../core/errors.ts'
import { stringSerde } from '../core/serde.ts'
import type { Serde } from '../core/serde.ts'
import { changeSerde } from './change.ts'
import {
  fingerprint,
  subscriptionKeySerde,
  subscriptionPrefix,
  subscriptionResponseSerde,
  subscriptionSerde,
} from './foreign-key.ts'
import { numberSerde } from './number-serde.ts'
import { timestampedSerde } from './timestamped.ts'
import { windowedSerde } from './windowed.ts'

const text = fc.string({ unit: 'grapheme' })
const orNull = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null })
const timeMs = fc.maxSafeInteger()
const print = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes))

function roundTrips<T>(name: string, serde: Serde<T>, values: fc.Arbitrary<T>): void {
  test(`${name} comes back from its bytes as it was`, () => {
    fc.assert(
      fc.property(values, (value) => {
        assert.deepEqual(serde.deserialize(serde.serialize(value)), value)
      }),
    )
  })
}

const plain = { noNullPrototype: true }
roundTrips('a number', numberSerde, fc.double())
roundTrips(
  'a change',
  changeSerde(stringSerde),
  fc.record({ oldValue: orNull(text), newValue: orNull(text) }, plain),
)
roundTrips(
  'a timestamped value',
  timestampedSerde(stringSerde),
  fc.record({ value: orNull(text), timestampMs: timeMs }, plain),
)
roundTrips(
  'a windowed key',
  windowedSerde(stringSerde),
  fc.record({ key: text, windowStartMs: timeMs, windowEndMs: timeMs }, plain),
)
roundTrips(
  'a subscription',
  subscriptionSerde(stringSerde),
  fc.record({ leftKey: text, fingerprint: orNull(print) }, plain),
)
roundTrips(
  'the key of a subscription',
  subscriptionKeySerde(stringSerde, stringSerde),
  fc.record({ foreignKey: text, leftKey: text }, plain),
)
roundTrips(
  'an answer to a subscription',
  subscriptionResponseSerde(stringSerde),
  fc.record({ fingerprint: print, rightValue: orNull(text) }, plain),
)

test('an empty text is a value, not a delete', () => {
  const change = { oldValue: '', newValue: null }
  assert.deepEqual(
    changeSerde(stringSerde).deserialize(changeSerde(stringSerde).serialize(change)),
    change,
  )
  const row = { value: '', timestampMs: 1 }
  const serde = timestampedSerde(stringSerde)
  assert.deepEqual(serde.deserialize(serde.serialize(row)), row)
})

test('the windows of one key sort by time, before the epoch too', () => {
  const serde = windowedSerde(stringSerde)
  fc.assert(
    fc.property(timeMs, timeMs, (one, other) => {
      const bytesOf = (startMs: number) =>
        serde.serialize({ key: 'k', windowStartMs: startMs, windowEndMs: 0 })
      assert.equal(Buffer.compare(bytesOf(one), bytesOf(other)), Math.sign(one - other))
    }),
  )
})

test('the subscriptions of one foreign key are those with its prefix, and no others', () => {
  const serde = subscriptionKeySerde(stringSerde, stringSerde)
  fc.assert(
    fc.property(text, text, text, (foreignKey, other, leftKey) => {
      const prefix = subscriptionPrefix(stringSerde, foreignKey)
      const key = serde.serialize({ foreignKey: other, leftKey })
      assert.equal(key.subarray(0, prefix.length).equals(prefix), other === foreignKey)
    }),
  )
})

test('a fingerprint is as long as its layout says', () => {
  assert.equal(fingerprint(Buffer.from('row')).length, 16)
})

test('bytes of an unknown layout are refused', () => {
  const serdes: Serde<any>[] = [
    changeSerde(stringSerde),
    timestampedSerde(stringSerde),
    windowedSerde(stringSerde),
    subscriptionSerde(stringSerde),
    subscriptionResponseSerde(stringSerde),
  ]
  for (const serde of serdes) {
    assert.throws(
      () => {
        serde.deserialize(Buffer.from([0x7f, 1, 2]))
      },
      (thrown) => thrown instanceof TidemarkError && thrown.code === 'FRAME_INVALID',
    )
  }
})
