/** Rows of a store, made again of the records of its fact topic. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { storeName, topicName } from '../core/record.ts'
import type { ConsumerRecord, Partition } from '../core/record.ts'
import { stringSerde } from '../core/serde.ts'
import type { TopicDefinition } from '../core/topic.ts'
import { avroCodec, openAvroCodec } from '../schema/avro-codec.ts'
import { LocalSchemaRegistry } from '../schema/local-schema-registry.ts'
import { MemoryRegistryStorage } from '../schema/registry-storage.ts'
import { dataKey, frameValue } from '../state/key-layout.ts'
import { keyValueStore } from '../topology/stores.ts'
import { Codecs } from './codecs.ts'
import { changesOfFacts } from './fact-changelog.ts'
import { jsonCodec, schemaOf } from './test-support/json-codec.ts'

const factSerde = {
  serialize: (fact: object) => Buffer.from(JSON.stringify(fact)),
  deserialize: (bytes: Buffer) => JSON.parse(bytes.toString()) as object,
}
const facts: TopicDefinition<string, object> = {
  name: topicName('facts'),
  keySerde: stringSerde,
  schema: schemaOf('fact'),
  eventTimeMsOf: () => 5,
  cleanupPolicy: 'compact',
  retentionMs: null,
}
const store = storeName('processors.counts')
const at = { store, partition: 0 as Partition }
const definition = keyValueStore('counts', facts.keySerde, factSerde, { changelog: facts })
const fieldsOf = (...more: object[]) => ({
  type: 'record',
  name: 'fact',
  fields: [
    { name: 'count', type: 'int' },
    { name: 'lastId', type: 'string' },
    { name: 'event_time', type: { type: 'long', logicalType: 'timestamp-millis' } },
    ...more,
  ],
})
const consumed = (key: Buffer | null, value: Buffer | null): ConsumerRecord => ({
  offset: 7 as ConsumerRecord['offset'],
  key,
  value,
  timestampMs: 5,
  headers: [],
})

test('facts come back with the values that a newer schema gives them', async () => {
  const registry = await LocalSchemaRegistry.open(new MemoryRegistryStorage())
  const topic = { ...facts, schema: fieldsOf() }
  const written = await openAvroCodec({ topic: 'facts', schema: topic.schema, registry })
  const value = written.encode({ count: 3, lastId: 'a', event_time: 5 })
  const schema = fieldsOf({ name: 'isNew', type: 'boolean', default: true })
  const codecs = new Codecs(() => avroCodec({ topic: 'facts', schema, registry }))
  const records = [consumed(Buffer.from('k'), value), consumed(Buffer.from('l'), null)]
  const changes = await changesOfFacts({ topic, definition }, records, { ...at, codecs })
  const row = { count: 3, lastId: 'a', event_time: 5, isNew: true }
  assert.deepEqual(changes, [
    { ...at, key: dataKey('k'), value: frameValue(factSerde.serialize(row)) },
    { ...at, key: dataKey('l'), value: null },
  ])
})

test('a record is told by its place where it is no row of the store', async () => {
  const codecs = new Codecs(jsonCodec)
  const restoring = (record: ConsumerRecord) =>
    changesOfFacts({ topic: facts, definition }, [record], { ...at, codecs })
  for (const record of [
    consumed(Buffer.from('k'), Buffer.from('{')),
    consumed(null, Buffer.from('{}')),
  ]) {
    await assert.rejects(restoring(record), {
      code: 'RESTORE_FAILED',
      message: /processors\.counts .* facts-0: .* offset 7 is no row .* only this store may write/,
    })
  }
})
