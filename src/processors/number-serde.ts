import type { Serde } from '../core/serde.ts'

/** Any number, as eight bytes (IEEE 754 double, big-endian). For values: the bytes do not sort by number. */
export const numberSerde: Serde<number> = {
  serialize: (value) => {
    const bytes = Buffer.allocUnsafe(8)
    bytes.writeDoubleBE(value)
    return bytes
  },
  deserialize: (bytes) => bytes.readDoubleBE(),
}
