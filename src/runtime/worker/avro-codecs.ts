/** The codecs of a worker that is told nothing else: Avro with each topic's own schema. */
import { avroCodec } from '../../schema/avro-codec.ts'
import type { SchemaRegistry } from '../../schema/schema-registry.ts'
import type { CodecFactory } from '../codecs.ts'

/** What a codecs module exports as its default. */
export type MakeCodecs = (registry: SchemaRegistry) => CodecFactory

const makeCodecs: MakeCodecs = (registry) => (topic) =>
  avroCodec({ topic: topic.name, schema: topic.schema, registry })

export default makeCodecs
