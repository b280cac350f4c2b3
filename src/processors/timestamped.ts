/** What the stores of tables hold: a value with the event time of the update that made it. */
import { TidemarkError } from '../core/errors.ts'
import type { Serde } from '../core/serde.ts'

export interface Timestamped<V> {
  /** Null remembers a delete, so that an older update cannot bring the key back. */
  readonly value: V | null
  /** Event time, milliseconds since the epoch. */
  readonly timestampMs: number
}

const deleteLayout = 0x10
const valueLayout = 0x11
const headBytes = 9

/** So that whoever reads a store from outside tells a row from a value of the user's. */
const timestampedSerdes = new WeakSet<Serde<any>>()

export function isTimestampedSerde(serde: Serde<any>): boolean {
  return timestampedSerdes.has(serde)
}

/** A layout byte, the timestamp (IEEE 754 double, big-endian), the value. */
export function timestampedSerde<V>(valueSerde: Serde<V>): Serde<Timestamped<V>> {
  const serde: Serde<Timestamped<V>> = {
    serialize: ({ value, timestampMs }) => {
      const head = Buffer.allocUnsafe(headBytes)
      head[0] = value === null ? deleteLayout : valueLayout
      head.writeDoubleBE(timestampMs, 1)
      return value === null ? head : Buffer.concat([head, valueSerde.serialize(value)])
    },
    deserialize: (bytes) => {
      const layout = bytes[0]
      if ((layout !== deleteLayout && layout !== valueLayout) || bytes.length < headBytes) {
        throw new TidemarkError('FRAME_INVALID', `stored value: unknown layout byte ${layout}`)
      }
      const timestampMs = bytes.readDoubleBE(1)
      if (layout === deleteLayout) return { value: null, timestampMs }
      return { value: valueSerde.deserialize(bytes.subarray(headBytes)), timestampMs }
    },
  }
  timestampedSerdes.add(serde)
  return serde
}
