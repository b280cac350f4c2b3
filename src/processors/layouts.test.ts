import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { TidemarkError } from '../core/errors.ts'
import { stringSerde } from '../core/serde.ts'
import type { Serde } from '../core/serde.ts'
import { versionsSerde } from '../state/versions-serde.ts'
import { bufferedSerde } from './buffered.ts'
import { changeSerde } from './change.ts'
import {
  fingerprint,
  subscriptionKeySerde,
  subscriptionPrefix,
  subscriptionResponseSerde,
  subscriptionSerde,
} from './foreign-key.ts'
import { joinEntrySerde } from './join-entry.ts'
import { numberSerde } from './number-serde.ts'
import { waitingSerde } from './time-ordered-buffer.ts'
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

const bytes = fc.uint8Array({ maxLength: 20 }).map((some) => Buffer.from(some))
roundTrips(
  'a suppressed update',
  bufferedSerde(stringSerde),
  fc.record(
    {
      change: fc.record({ oldValue: orNull(text), newValue: orNull(text) }, plain),
      timestampMs: timeMs,
      headers: fc.array(fc.tuple(text, bytes), { maxLength: 3 }),
    },
    plain,
  ),
)
roundTrips(
  'what a join of streams keeps',
  joinEntrySerde(stringSerde),
  fc.record({ values: fc.array(text), isJoined: fc.boolean() }, plain),
)
roundTrips('what waits', waitingSerde, fc.record({ dueMs: timeMs, id: bytes }, plain))
roundTrips(
  'the versions of a key',
  versionsSerde(stringSerde),
  fc.array(fc.record({ value: orNull(text), validFromMs: timeMs }, plain)),
)

test('what waits sorts by time, then by id', () => {
  fc.assert(
    fc.property(timeMs, timeMs, bytes, bytes, (one, other, oneId, otherId) => {
      const order = Buffer.compare(
        waitingSerde.serialize({ dueMs: one, id: oneId }),
        waitingSerde.serialize({ dueMs: other, id: otherId }),
      )
      assert.equal(order, Math.sign(one - other) || Buffer.compare(oneId, otherId))
    }),
  )
})

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
    bufferedSerde(stringSerde),
    joinEntrySerde(stringSerde),
    versionsSerde(stringSerde),
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
