/** Values are the text that they are, as Java's StringSerializer writes them: no schema, for no contender. */
import type { OpeningCodec } from '../../src/runtime/codecs.ts'
import type { MakeCodecs } from '../../src/runtime/worker/avro-codecs.ts'

export const textCodec: OpeningCodec = {
  encode: (value) => Buffer.from(value as string, 'latin1'),
  decode: (bytes) => bytes.toString('latin1'),
  prepare: () => Promise.resolve(),
}

const makeCodecs: MakeCodecs = () => () => textCodec

export default makeCodecs
