/**
 * What travels between the two sides of a foreign-key join (KIP-213). The left side subscribes each of its
 * rows under the foreign key, with a fingerprint of the row; the right side answers with its value and that
 * fingerprint, at once and on every later change; the left side takes an answer only where the fingerprint is
 * still the row's. A late or overtaken answer thus has no effect, and the result ends as the relational join of
 * the two tables, whatever the order.
 */
import { hash } from 'node:crypto'
import { TidemarkError } from '../core/errors.ts'
import type { Serde } from '../core/serde.ts'

const fingerprintBytes = 16

/** Says with near certainty whether a stored row is still the same. Not for secrets. */
export function fingerprint(rowBytes: Buffer): Buffer {
  return hash('md5', rowBytes, 'buffer')
}

export interface Subscription<K> {
  readonly leftKey: K
  /** Null ends the subscription. */
  readonly fingerprint: Buffer | null
}

/** Where a subscription is kept on the right side: scans go by foreign key. */
export interface SubscriptionKey<KForeign, K> {
  readonly foreignKey: KForeign
  readonly leftKey: K
}

export interface SubscriptionResponse<V> {
  readonly fingerprint: Buffer
  /** Null where the right table has no such row. */
  readonly rightValue: V | null
}

const endLayout = 0x10
const subscribeLayout = 0x11

export function subscriptionSerde<K>(leftKeySerde: Serde<K>): Serde<Subscription<K>> {
  return {
    serialize: (subscription) => {
      const head = Buffer.of(subscription.fingerprint === null ? endLayout : subscribeLayout)
      const key = leftKeySerde.serialize(subscription.leftKey)
      return Buffer.concat([head, subscription.fingerprint ?? Buffer.alloc(0), key])
    },
    deserialize: (bytes) => {
      if (bytes[0] === endLayout) {
        return { leftKey: leftKeySerde.deserialize(bytes.subarray(1)), fingerprint: null }
      }
      if (bytes[0] !== subscribeLayout) throw unknownLayout('subscription', bytes)
      const keyAt = 1 + fingerprintBytes
      return {
        leftKey: leftKeySerde.deserialize(bytes.subarray(keyAt)),
        fingerprint: bytes.subarray(1, keyAt),
      }
    },
  }
}

export function subscriptionPrefix<KForeign>(
  foreignKeySerde: Serde<KForeign>,
  foreignKey: KForeign,
): Buffer {
  const key = foreignKeySerde.serialize(foreignKey)
  const length = Buffer.allocUnsafe(4)
  length.writeUInt32BE(key.length)
  return Buffer.concat([length, key])
}

/** The foreign key behind its length, so that no foreign key is a prefix of another; then the left key. */
export function subscriptionKeySerde<KForeign, K>(
  foreignKeySerde: Serde<KForeign>,
  leftKeySerde: Serde<K>,
): Serde<SubscriptionKey<KForeign, K>> {
  return {
    serialize: ({ foreignKey, leftKey }) =>
      Buffer.concat([
        subscriptionPrefix(foreignKeySerde, foreignKey),
        leftKeySerde.serialize(leftKey),
      ]),
    deserialize: (bytes) => {
      const leftKeyAt = 4 + bytes.readUInt32BE()
      return {
        foreignKey: foreignKeySerde.deserialize(bytes.subarray(4, leftKeyAt)),
        leftKey: leftKeySerde.deserialize(bytes.subarray(leftKeyAt)),
      }
    },
  }
}

const absentLayout = 0x10
const presentLayout = 0x11

export function subscriptionResponseSerde<V>(valueSerde: Serde<V>): Serde<SubscriptionResponse<V>> {
  return {
    serialize: ({ fingerprint, rightValue }) => {
      const head = Buffer.of(rightValue === null ? absentLayout : presentLayout)
      const value = rightValue === null ? Buffer.alloc(0) : valueSerde.serialize(rightValue)
      return Buffer.concat([head, fingerprint, value])
    },
    deserialize: (bytes) => {
      if (bytes[0] !== absentLayout && bytes[0] !== presentLayout) {
        throw unknownLayout('subscription response', bytes)
      }
      const valueAt = 1 + fingerprintBytes
      const value = bytes.subarray(valueAt)
      return {
        fingerprint: bytes.subarray(1, valueAt),
        rightValue: bytes[0] === presentLayout ? valueSerde.deserialize(value) : null,
      }
    },
  }
}

function unknownLayout(what: string, bytes: Buffer): TidemarkError {
  return new TidemarkError('FRAME_INVALID', `${what}: unknown layout byte ${bytes[0] ?? 'absent'}`)
}
