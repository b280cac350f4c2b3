/** A value codec of JSON texts: for tests of what is not about schemas. */
import { messageOf, TidemarkError } from '../../core/errors.ts'
import type { ValueCodec } from '../../core/serde.ts'

export function schemaOf(name: string): object {
  return { type: 'record', name, fields: [] }
}

export function jsonCodec(): ValueCodec<unknown> {
  return {
    encode: (value) => Buffer.from(JSON.stringify(value)),
    decode: (bytes) => {
      try {
        return JSON.parse(bytes.toString()) as unknown
      } catch (cause) {
        throw new TidemarkError('AVRO_CORRUPT', messageOf(cause), { cause })
      }
    },
    prepare: () => Promise.resolve(),
  }
}
