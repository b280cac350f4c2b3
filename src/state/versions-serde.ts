import { TidemarkError } from '../core/errors.ts'
import type { Serde } from '../core/serde.ts'
import { readTime, timeBytes, writeTime } from './key-layout.ts'
import type { Version } from './stores.ts'

const layout = 0x10
const deleted = 0xffffffff
const headBytes = timeBytes + 4

/** Newest first, no two of one moment: a layout byte, then of each version the time from which it is valid, its length (four bytes, big-endian; all ones
 * for a delete) and its value. */
export function versionsSerde<V>(valueSerde: Serde<V>): Serde<readonly Version<V>[]> {
  return {
    serialize: (versions) => {
      const chunks: Buffer[] = [Buffer.of(layout)]
      for (const { value, validFromMs } of versions) {
        const bytes = value === null ? null : valueSerde.serialize(value)
        const head = Buffer.allocUnsafe(headBytes)
        writeTime(head, 0, validFromMs)
        head.writeUInt32BE(bytes?.length ?? deleted, timeBytes)
        chunks.push(head)
        if (bytes !== null) chunks.push(bytes)
      }
      return Buffer.concat(chunks)
    },
    deserialize: (bytes) => {
      if (bytes[0] !== layout) {
        throw new TidemarkError('FRAME_INVALID', `versions: unknown layout byte ${bytes[0]}`)
      }
      const versions: Version<V>[] = []
      for (let position = 1; position < bytes.length;) {
        const validFromMs = readTime(bytes, position)
        const length = bytes.readUInt32BE(position + timeBytes)
        const start = position + headBytes
        position = length === deleted ? start : start + length
        const value =
          length === deleted ? null : valueSerde.deserialize(bytes.subarray(start, position))
        versions.push({ value, validFromMs })
      }
      return versions
    },
  }
}
