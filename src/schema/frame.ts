/** Confluent's wire form of a value: a zero byte, the schema's id in four big-endian bytes, Avro. */
import { TidemarkError } from '../core/errors.ts'

export const frameMagic = 0
export const frameHeaderBytes = 5

const form = 'send Avro in Confluent framing: 0, the schema’s id in 4 bytes, the value'

/** The writer's schema id. @throws TidemarkError FRAME_INVALID */
export function frameSchemaId(bytes: Buffer, what: string): number {
  if (bytes.length < frameHeaderBytes) {
    throw new TidemarkError(
      'FRAME_INVALID',
      `${what}: ${bytes.length} bytes are too short for a frame of ${frameHeaderBytes} bytes and a value; ${form}`,
      { details: { what, bytes: bytes.length } },
    )
  }
  if (bytes[0] !== frameMagic) {
    throw new TidemarkError(
      'FRAME_INVALID',
      `${what}: the first byte is ${bytes[0]}, where a framed Avro value has 0; ${form}`,
      { details: { what, firstByte: bytes[0] ?? 0 } },
    )
  }
  return bytes.readUInt32BE(1)
}

/** As `frameSchemaId`; null where the bytes are no frame. */
export function peekSchemaId(bytes: Buffer): number | null {
  return bytes.length >= frameHeaderBytes && bytes[0] === frameMagic ? bytes.readUInt32BE(1) : null
}
