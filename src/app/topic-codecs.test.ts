import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LocalSchemaRegistry } from '../schema/local-schema-registry.ts'
import { MemoryRegistryStorage } from '../schema/registry-storage.ts'
import { openCodecs } from './topic-codecs.ts'
import { loadTopologies } from './topologies.ts'

const other = { type: 'record', name: 'Other', fields: [{ name: 'other', type: 'long' }] }
const nothingKnown = () => false

async function incompatibleRegistry() {
  const registry = await LocalSchemaRegistry.open(new MemoryRegistryStorage())
  // The last two that a start comes to: what is before them would be registered by then.
  await registry.register('tidemark.quarantine-value', other)
  await registry.register('exam_scores.events-value', other)
  return registry
}

test('a start that a schema refuses registers none, and names every difference', async () => {
  const registry = await incompatibleRegistry()
  const before = await registry.subjects()
  const topologies = await loadTopologies(['exam-scores'])
  await assert.rejects(openCodecs(topologies, registry, nothingKnown), (thrown: Error) => {
    assert.match(thrown.message, /"tidemark\.quarantine-value" breaks its compatibility/)
    assert.match(thrown.message, /"exam_scores\.events-value" breaks its compatibility/)
    return true
  })
  assert.deepEqual(await registry.subjects(), before)
})

test('what is known is not compared', async () => {
  const registry = await LocalSchemaRegistry.open(new MemoryRegistryStorage())
  const topologies = await loadTopologies(['exam-scores'])
  let compared = 0
  const compare = registry.checkCompatibility.bind(registry)
  registry.checkCompatibility = (subject, schema) => {
    compared++
    return compare(subject, schema)
  }
  await openCodecs(topologies, registry, nothingKnown)
  const subjects = await registry.subjects()
  assert.equal(compared, subjects.length)
  await openCodecs(topologies, registry, () => true)
  assert.equal(compared, subjects.length)
})
