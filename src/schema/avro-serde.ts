/** Serdes for state and internal topics: a layout byte, then Avro. No registry: the layout is the program's. */
import { TidemarkError } from '../core/errors.ts'
import type { Serde } from '../core/serde.ts'
import { compileAvro } from './compile-avro.ts'
import { parseAvro } from './parse-avro.ts'

/**
 * @param name what the bytes are, for error messages
 * @param layout written as the first byte; raise it when `schema` changes, and restore the state from the log
 */
export function avroSerde<T>(name: string, layout: number, schema: object): Serde<T> {
  const type = compileAvro(parseAvro(schema))
  let scratch = Buffer.allocUnsafe(4096)
  return {
    serialize: (value) => {
      scratch[0] = layout
      let end = type.encode(value, scratch, 1)
      if (end < 0) {
        // avsc answers a buffer that is too small with minus the bytes missing.
        scratch = Buffer.allocUnsafe(2 * (scratch.length - end))
        scratch[0] = layout
        end = type.encode(value, scratch, 1)
      }
      return Buffer.from(scratch.subarray(0, end))
    },
    deserialize: (bytes) => {
      if (bytes[0] !== layout) {
        throw new TidemarkError(
          'AVRO_CORRUPT',
          `${name}: layout ${bytes[0] ?? 'absent'} where this version reads ${layout}; ` +
            'start with the version that wrote it, or reset the topology',
          { details: { name, layout } },
        )
      }
      const decoded: { value: T | undefined; offset: number } = type.decode(bytes, 1)
      if (decoded.value === undefined || decoded.offset !== bytes.length) {
        throw new TidemarkError('AVRO_CORRUPT', `${name}: ${bytes.length} bytes do not decode`)
      }
      return decoded.value
    },
  }
}
