/** A key in one window: the key type of every windowed table. */
import { TidemarkError } from '../core/errors.ts'
import type { Serde } from '../core/serde.ts'

export interface Windowed<K> {
  readonly key: K
  /** Inclusive, milliseconds since the epoch. */
  readonly windowStartMs: number
  /** Exclusive for tumbling windows; of a session the time of its last event. */
  readonly windowEndMs: number
}

const suffixBytes = 16
const signBit = 1n << 63n

/** The key's bytes, then start and end as eight big-endian bytes each with the sign bit turned, so that the
 * windows of one key sort by time. Read from the end: a key may have any length. */
export function windowedSerde<K>(keySerde: Serde<K>): Serde<Windowed<K>> {
  return {
    serialize: ({ key, windowStartMs, windowEndMs }) => {
      const suffix = Buffer.allocUnsafe(suffixBytes)
      suffix.writeBigUInt64BE(BigInt.asUintN(64, BigInt(windowStartMs)) ^ signBit, 0)
      suffix.writeBigUInt64BE(BigInt.asUintN(64, BigInt(windowEndMs)) ^ signBit, 8)
      return Buffer.concat([keySerde.serialize(key), suffix])
    },
    deserialize: (bytes) => {
      const suffixAt = bytes.length - suffixBytes
      if (suffixAt < 0) {
        throw new TidemarkError('FRAME_INVALID', `windowed key: ${bytes.length} bytes are too few`)
      }
      return {
        key: keySerde.deserialize(bytes.subarray(0, suffixAt)),
        windowStartMs: timeAt(bytes, suffixAt),
        windowEndMs: timeAt(bytes, suffixAt + 8),
      }
    },
  }
}

function timeAt(bytes: Buffer, position: number): number {
  return Number(BigInt.asIntN(64, bytes.readBigUInt64BE(position) ^ signBit))
}
