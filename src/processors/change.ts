/**
 * How a table's update travels between nodes: what a key held before, and what it holds now. Both may be null:
 * the key held something in between, which a join may have read from the store.
 */
import { TidemarkError } from '../core/errors.ts'
import type { Serde } from '../core/serde.ts'

export interface Change<V> {
  /** Null where the key held nothing. */
  readonly oldValue: V | null
  /** Null where the key holds nothing any more. */
  readonly newValue: V | null
}

const layout = 0x10
const hasOld = 0x01
const hasNew = 0x02

/** A layout byte with two flags, the old value behind its length (four bytes, big-endian), the new value. */
export function changeSerde<V>(valueSerde: Serde<V>): Serde<Change<V>> {
  return {
    serialize: ({ oldValue, newValue }) => {
      const chunks: Buffer[] = []
      const head = Buffer.alloc(oldValue === null ? 1 : 5)
      head[0] = layout | (oldValue === null ? 0 : hasOld) | (newValue === null ? 0 : hasNew)
      chunks.push(head)
      if (oldValue !== null) {
        const bytes = valueSerde.serialize(oldValue)
        head.writeUInt32BE(bytes.length, 1)
        chunks.push(bytes)
      }
      if (newValue !== null) chunks.push(valueSerde.serialize(newValue))
      return Buffer.concat(chunks)
    },
    deserialize: (bytes) => {
      const flags = bytes[0] ?? 0
      if ((flags & ~(hasOld | hasNew)) !== layout) {
        throw new TidemarkError('FRAME_INVALID', `change: unknown layout byte ${flags}`)
      }
      let position = 1
      let oldValue: V | null = null
      if ((flags & hasOld) !== 0) {
        const end = 5 + bytes.readUInt32BE(1)
        oldValue = valueSerde.deserialize(bytes.subarray(5, end))
        position = end
      }
      const isNew = (flags & hasNew) !== 0
      return { oldValue, newValue: isNew ? valueSerde.deserialize(bytes.subarray(position)) : null }
    },
  }
}
