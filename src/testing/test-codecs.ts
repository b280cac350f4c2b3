/**
 * Avro codecs for the test driver. A schema is compiled once a process, because a property test opens a driver
 * a thousand times.
 */
import { present } from '../core/assert.ts'
import type { TopicDefinition } from '../core/topic.ts'
import { quarantineTopic } from '../quality/quarantine.ts'
import type { CodecFactory, OpeningCodec } from '../runtime/codecs.ts'
import { avroCodec } from '../schema/avro-codec.ts'
import { LocalSchemaRegistry } from '../schema/local-schema-registry.ts'
import { MemoryRegistryStorage } from '../schema/registry-storage.ts'
import type { TopologyGraph } from '../topology/graph.ts'

const codecs = new WeakMap<TopicDefinition<any, any>, OpeningCodec>()

/** Each topic definition has a registry of its own: what one test registers is nothing to another. */
async function openCodec(topic: TopicDefinition<any, any>): Promise<void> {
  if (codecs.has(topic)) return
  const registry = await LocalSchemaRegistry.open(new MemoryRegistryStorage())
  codecs.set(topic, avroCodec({ topic: topic.name, schema: topic.schema, registry }))
}

export async function openTestCodecs(graph: TopologyGraph): Promise<CodecFactory> {
  await openCodec(quarantineTopic)
  for (const node of graph.nodes) {
    if (node.kind === 'source' || node.kind === 'sink') await openCodec(node.topic)
  }
  return (topic) => present(codecs.get(topic), `the codec of ${topic.name}, which the topology has`)
}
