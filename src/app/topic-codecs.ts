/** The codec of every topic of an instance, with its schema registered before the first record. */
import { present } from '../core/assert.ts'
import { TidemarkError } from '../core/errors.ts'
import type { ValueCodec } from '../core/serde.ts'
import type { TopicDefinition } from '../core/topic.ts'
import { runsFact, type RunEntry } from '../jobs/runs/runs-fact.ts'
import { quarantineTopic, type QuarantineEntry } from '../quality/quarantine.ts'
import { openAvroCodec, type AvroCodec } from '../schema/avro-codec.ts'
import { schemaDifference, schemaRefusal, type SchemaDifference } from '../schema/schema-refusal.ts'
import { valueSubject, type SchemaRegistry } from '../schema/schema-registry.ts'
import type { Foundation } from './foundation.ts'
import { definitionsOf } from './manifest.ts'
import type { LoadedTopology } from './topologies.ts'

export interface TopicCodecs {
  of(topic: TopicDefinition): AvroCodec<unknown>
  /** Of a fact topic, whose values are rows. */
  rows(topic: TopicDefinition): ValueCodec<Record<string, unknown>>
  readonly quarantine: ValueCodec<QuarantineEntry>
  readonly runs: ValueCodec<RunEntry>
}

/** All schemas are compared before the first one is registered, so that a refusal leaves nothing behind.
 * @throws TidemarkError SCHEMA_INCOMPATIBLE where registered schemas may not be followed by ours, with what differs */
export async function openCodecs(
  topologies: readonly LoadedTopology[],
  registry: SchemaRegistry,
  knowsSchema: Foundation['knowsSchema'],
): Promise<TopicCodecs> {
  const definitions = topicsOf(topologies)
  const unknown = definitions.filter(({ name, schema }) => !knowsSchema(valueSubject(name), schema))
  const compared = await Promise.all(unknown.map((topic) => differenceOf(topic, registry)))
  const differences = compared.filter((difference) => difference !== null)
  if (differences.length > 0) throw schemaRefusal(differences)
  const codecs = await registered(definitions, registry)
  const of = ({ name }: { readonly name: string }) => present(codecs.get(name), `codec of ${name}`)
  return {
    of,
    rows: (topic) => of(topic) as ValueCodec<Record<string, unknown>>,
    quarantine: of(quarantineTopic) as ValueCodec<QuarantineEntry>,
    runs: of(runsFact.topic) as ValueCodec<RunEntry>,
  }
}

/** Of the program itself, whatever topologies it runs. */
export const ownTopics = [quarantineTopic, runsFact.topic] as unknown as readonly TopicDefinition[]

function topicsOf(topologies: readonly LoadedTopology[]): readonly TopicDefinition[] {
  const topics = new Map<string, TopicDefinition>()
  for (const { graph } of topologies) {
    for (const topic of definitionsOf(graph)) topics.set(topic.name, topic)
  }
  for (const topic of ownTopics) topics.set(topic.name, topic)
  return [...topics.values()]
}

/** Null also where the registry does not compare: who may only read it still finds what is registered. */
async function differenceOf(
  { name, schema }: TopicDefinition,
  registry: SchemaRegistry,
): Promise<SchemaDifference | null> {
  try {
    return await schemaDifference(registry, valueSubject(name), schema)
  } catch (thrown) {
    if (!(thrown instanceof TidemarkError)) throw thrown
    return null
  }
}

async function registered(
  definitions: readonly TopicDefinition[],
  registry: SchemaRegistry,
): Promise<ReadonlyMap<string, AvroCodec<unknown>>> {
  const codecs = new Map<string, AvroCodec<unknown>>()
  const differences: SchemaDifference[] = []
  for (const { name, schema } of definitions) {
    try {
      codecs.set(name, await openAvroCodec({ topic: name, schema, registry }))
    } catch (thrown) {
      if (!(thrown instanceof TidemarkError) || thrown.code !== 'SCHEMA_INCOMPATIBLE') throw thrown
      const difference = await schemaDifference(registry, valueSubject(name), schema)
      if (difference === null) throw thrown
      differences.push(difference)
    }
  }
  if (differences.length > 0) throw schemaRefusal(differences)
  return codecs
}
