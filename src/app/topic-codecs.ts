/** The codec of every topic of an instance, with its schema registered before the first record. */
import { present } from '../core/assert.ts'
import { TidemarkError } from '../core/errors.ts'
import type { ValueCodec } from '../core/serde.ts'
import type { TopicDefinition } from '../core/topic.ts'
import { quarantineTopic, type QuarantineEntry } from '../quality/quarantine.ts'
import { openAvroCodec, type AvroCodec } from '../schema/avro-codec.ts'
import { schemaDifference, schemaRefusal, type SchemaDifference } from '../schema/schema-refusal.ts'
import { valueSubject, type SchemaRegistry } from '../schema/schema-registry.ts'
import type { LoadedTopology } from './topologies.ts'

export interface TopicCodecs {
  of(topic: TopicDefinition): AvroCodec<unknown>
  /** Of a fact topic, whose values are rows. */
  rows(topic: TopicDefinition): ValueCodec<Record<string, unknown>>
  readonly quarantine: ValueCodec<QuarantineEntry>
}

/** @throws TidemarkError SCHEMA_INCOMPATIBLE where registered schemas may not be followed by ours, with what differs */
export async function openCodecs(
  topologies: readonly LoadedTopology[],
  registry: SchemaRegistry,
): Promise<TopicCodecs> {
  const codecs = new Map<string, AvroCodec<unknown>>()
  const differences: SchemaDifference[] = []
  const openOne = async ({ name, schema }: TopicDefinition) => {
    if (codecs.has(name)) return
    try {
      codecs.set(name, await openAvroCodec({ topic: name, schema, registry }))
    } catch (thrown) {
      if (!(thrown instanceof TidemarkError) || thrown.code !== 'SCHEMA_INCOMPATIBLE') throw thrown
      const difference = await schemaDifference(registry, valueSubject(name), schema)
      if (difference === null) throw thrown
      differences.push(difference)
    }
  }
  for (const { graph } of topologies) {
    for (const node of graph.nodes) {
      if (node.kind === 'source' || node.kind === 'sink') await openOne(node.topic)
    }
  }
  await openOne(quarantineTopic as unknown as TopicDefinition)
  if (differences.length > 0) throw schemaRefusal(differences)
  const of = ({ name }: { readonly name: string }) => present(codecs.get(name), `codec of ${name}`)
  return {
    of,
    rows: (topic) => of(topic) as ValueCodec<Record<string, unknown>>,
    quarantine: of(quarantineTopic) as ValueCodec<QuarantineEntry>,
  }
}
