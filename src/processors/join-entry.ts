/** What a join of streams keeps of one side: the values of one key at one moment. */
import { TidemarkError } from '../core/errors.ts'
import type { Serde } from '../core/serde.ts'

export interface JoinEntry<V> {
  /** In the order in which they came; streams may have several of one moment. */
  readonly values: readonly V[]
  /** True: the other side has had a partner for them. */
  readonly isJoined: boolean
}

const aloneLayout = 0x10
const joinedLayout = 0x11

/** A layout byte, then each value behind its length (four bytes, big-endian). */
export function joinEntrySerde<V>(valueSerde: Serde<V>): Serde<JoinEntry<V>> {
  return {
    serialize: ({ values, isJoined }) => {
      const chunks: Buffer[] = [Buffer.of(isJoined ? joinedLayout : aloneLayout)]
      for (const value of values) {
        const bytes = valueSerde.serialize(value)
        const length = Buffer.allocUnsafe(4)
        length.writeUInt32BE(bytes.length)
        chunks.push(length, bytes)
      }
      return Buffer.concat(chunks)
    },
    deserialize: (bytes) => {
      const layout = bytes[0]
      if (layout !== aloneLayout && layout !== joinedLayout) {
        throw new TidemarkError('FRAME_INVALID', `join entry: unknown layout byte ${layout}`)
      }
      const values: V[] = []
      for (let position = 1; position < bytes.length;) {
        const start = position + 4
        position = start + bytes.readUInt32BE(position)
        values.push(valueSerde.deserialize(bytes.subarray(start, position)))
      }
      return { values, isJoined: layout === joinedLayout }
    },
  }
}
