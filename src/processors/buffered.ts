/** What a table's suppressed updates are kept as: the latest one, whole, and what was handed on before it. */
import { TidemarkError } from '../core/errors.ts'
import type { Headers } from '../core/record.ts'
import type { Serde } from '../core/serde.ts'
import { changeSerde } from './change.ts'
import type { Change } from './change.ts'

export interface Buffered<V> {
  /** From what the key last handed on, null where it was nothing, to what it holds now. */
  readonly change: Change<V>
  /** Event time of the latest update, milliseconds since the epoch. */
  readonly timestampMs: number
  readonly headers: Headers
}

const layout = 0x10

/** A layout byte, the timestamp (IEEE 754 double), the number of headers and each header's name and value behind
 * their lengths (four bytes each, big-endian), the change. */
export function bufferedSerde<V>(valueSerde: Serde<V>): Serde<Buffered<V>> {
  const changes = changeSerde(valueSerde)
  return {
    serialize: ({ change, timestampMs, headers }) => {
      const head = Buffer.allocUnsafe(13)
      head[0] = layout
      head.writeDoubleBE(timestampMs, 1)
      head.writeUInt32BE(headers.length, 9)
      const chunks: Buffer[] = [head]
      for (const [name, value] of headers)
        chunks.push(...framed(Buffer.from(name)), ...framed(value))
      return Buffer.concat([...chunks, changes.serialize(change)])
    },
    deserialize: (bytes) => {
      if (bytes[0] !== layout) {
        throw new TidemarkError('FRAME_INVALID', `buffered update: unknown layout byte ${bytes[0]}`)
      }
      const headers: [string, Buffer][] = []
      let position = 13
      const next = () => {
        const start = position + 4
        position = start + bytes.readUInt32BE(position)
        return bytes.subarray(start, position)
      }
      const count = bytes.readUInt32BE(9)
      while (headers.length < count) headers.push([next().toString(), next()])
      const change = changes.deserialize(bytes.subarray(position))
      return { change, timestampMs: bytes.readDoubleBE(1), headers }
    },
  }
}

function framed(bytes: Buffer): [Buffer, Buffer] {
  const length = Buffer.allocUnsafe(4)
  length.writeUInt32BE(bytes.length)
  return [length, bytes]
}
