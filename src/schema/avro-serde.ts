/** Serdes for state and internal topics: a layout byte, then Avro. No registry: the layout is the program's. */
import type { Type } from 'avsc'
import { TidemarkError } from '../core/errors.ts'
import type { Serde } from '../core/serde.ts'
import { compileAvro } from './compile-avro.ts'
import { parseAvro } from './parse-avro.ts'

/** How a release before wrote its state, which this one goes on with. */
export interface EarlierLayout<T> {
  readonly layout: number
  readonly schema: object
  readonly upgrade: (earlier: any) => T
}

/**
 * @param name what the bytes are, for error messages
 * @param layout written as the first byte; raise it when `schema` changes
 * @param earlier layouts that are still read; state in any other has to be restored from the log
 */
export function avroSerde<T>(
  name: string,
  layout: number,
  schema: object,
  earlier: readonly EarlierLayout<T>[] = [],
): Serde<T> {
  const type = compileAvro(parseAvro(schema))
  const earlierTypes = new Map(
    earlier.map((each) => [
      each.layout,
      { type: compileAvro(parseAvro(each.schema)), upgrade: each.upgrade },
    ]),
  )
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
      const found = bytes[0] ?? -1
      if (found === layout) return decoded<T>(name, type, bytes)
      const before = earlierTypes.get(found)
      if (before !== undefined) return before.upgrade(decoded<unknown>(name, before.type, bytes))
      throw new TidemarkError(
        'AVRO_CORRUPT',
        `${name}: layout ${bytes[0] ?? 'absent'} where this version reads ${layout}; ` +
          'start with the version that wrote it, or reset the topology',
        { details: { name, layout } },
      )
    },
  }
}

function decoded<T>(name: string, type: Type, bytes: Buffer): T {
  const read: { value: T | undefined; offset: number } = type.decode(bytes, 1)
  if (read.value === undefined || read.offset !== bytes.length) {
    throw new TidemarkError('AVRO_CORRUPT', `${name}: ${bytes.length} bytes do not decode`)
  }
  return read.value
}
