/** What workers load their codecs from, in the runtime's own tests. */
import type { MakeCodecs } from '../worker/avro-codecs.ts'
import { jsonCodec } from './json-codec.ts'

const makeCodecs: MakeCodecs = () => jsonCodec

export default makeCodecs
