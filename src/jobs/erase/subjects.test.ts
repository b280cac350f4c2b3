import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bundledTopologyNames, loadTopologies } from '../../app/topologies.ts'
import { sourceTopicsOf } from '../../app/source-topics.ts'
import { topicName } from '../../core/record.ts'
import { tupleSerde } from '../../core/tuple.ts'
import type { TopicDefinition } from '../../core/topic.ts'
import { openAvroCodec } from '../../schema/avro-codec.ts'
import { LocalSchemaRegistry } from '../../schema/local-schema-registry.ts'
import { MemoryRegistryStorage } from '../../schema/registry-storage.ts'
import { hasWord, Persons, withoutWords } from './subjects.ts'

const topic: TopicDefinition<readonly [string, string]> = {
  name: topicName('visits'),
  keySerde: tupleSerde<readonly [string, string]>(),
  schema: {
    type: 'record',
    name: 'Visit',
    fields: ['student_id', 'host_id', 'room'].map((name) => ({
      name,
      type: ['null', 'string'],
      default: null,
    })),
  },
  cleanupPolicy: 'compact',
  retentionMs: null,
  persons: [
    { kind: 'student', field: 'student_id' },
    { kind: 'student', field: 'host_id', isMention: true },
    { kind: 'porter', field: 'room', isNumber: true },
  ],
}

async function personsOf(kind: string, ...names: string[]) {
  const registry = await LocalSchemaRegistry.open(new MemoryRegistryStorage())
  const codec = await openAvroCodec({ topic: topic.name, schema: topic.schema, registry })
  return { codec, persons: new Persons(topic, codec, { kind, names: new Set(names) }) }
}

test('an event is about a person, or names one, by the fields of the kind alone', async () => {
  const { codec, persons } = await personsOf('student', 'ann', 'bob')
  const verdict = (student_id: string | null, host_id: string | null, room: string | null = null) =>
    persons.ofRecord({ key: null, value: codec.encode({ student_id, host_id, room }) })
  assert.equal(verdict('ann', null), 'about')
  assert.equal(verdict('ann', 'bob'), 'about')
  assert.equal(verdict('cy', 'bob'), 'mention')
  assert.equal(verdict('cy', null, 'ann'), 'other')
  assert.equal(verdict('anna', 'Ann', 'ann'), 'other')
  const named = codec.encode({ student_id: 'cy', host_id: 'bob', room: 'r' })
  assert.deepEqual(
    { ...(codec.decode(persons.encodedWithoutMentions(named)) as object) },
    { student_id: 'cy', host_id: null, room: 'r' },
  )
})

test('a number is the same however it is written, and a text is not', async () => {
  const { persons } = await personsOf('porter', '7')
  for (const room of ['7', '07', '7.0', 7]) assert.equal(persons.ofFields({ room }), 'about')
  for (const room of ['', '77', 'seven', null]) assert.equal(persons.ofFields({ room }), 'other')
  const { persons: students } = await personsOf('student', '7')
  assert.equal(students.ofFields({ student_id: '07' }), 'other')
  const { persons: texts } = await personsOf('porter', 'x')
  assert.equal(texts.ofFields({ room: 'y' }), 'other')
})

test('a delete is the person’s by its key, and what cannot be read by its bytes', async () => {
  const { persons } = await personsOf('student', 'ann')
  const key = topic.keySerde.serialize(['t1', 'ann'])
  assert.equal(persons.ofRecord({ key, value: null }), 'about')
  assert.equal(
    persons.ofRecord({ key: topic.keySerde.serialize(['t1', 'anna']), value: null }),
    'other',
  )
  assert.equal(persons.ofRecord({ key: null, value: Buffer.from('{"id":"ann"') }), 'about')
  assert.equal(persons.ofRecord({ key: null, value: Buffer.from('{"id":"joann"') }), 'other')
  assert.equal(persons.ofFields({ other: 'ann' }), null)
})

test('a word stands by itself, in whatever language', () => {
  const has = (text: string, word: string) => hasWord(Buffer.from(text), new Set([word]))
  assert.ok(has('s1', 's1') && has('(s1)', 's1') && has('s10 s1', 's1') && has('a-s1-b', 's1'))
  assert.ok(!has('s10', 's1') && !has('as1', 's1') && !has('és1', 's1') && !has('', 's1'))
})

test('texts with the word go from a document, as values and as names', () => {
  const json = { rows: 5, by: { ann: 1 }, told: ['of ann: 3', 'of anna'], none: null }
  assert.deepEqual(withoutWords(json, new Set(['ann'])), {
    rows: 5,
    by: { '[erased]': 1 },
    told: ['[erased]', 'of anna'],
    none: null,
  })
})

test('every topic that events come in by says which fields name a person, or that none does', async () => {
  const sources = sourceTopicsOf(await loadTopologies(bundledTopologyNames()))
  const fieldsOf = (definition: TopicDefinition) =>
    (definition.schema as { fields: { name: string; type: unknown }[] }).fields
  const told: Record<string, string> = {}
  for (const [name, definition] of sources) {
    assert.ok(definition.persons !== undefined, `${name} does not say`)
    for (const { field, isMention } of definition.persons) {
      const { type } = fieldsOf(definition).find((each) => each.name === field) ?? {}
      assert.ok(type !== undefined, `${name} has no field ${field}`)
      const mayBeNull = Array.isArray(type) && type.includes('null')
      assert.ok(isMention !== true || mayBeNull, `${name}: ${field} must be named`)
    }
    const named = definition.persons.map(({ field }) => field)
    // Whoever adds a field that looks like one says what it is.
    const looksLike = fieldsOf(definition).filter((each) =>
      /^(student|user|teacher)_?id$|^id_(student|user|teacher)$/i.test(each.name),
    )
    assert.deepEqual(
      looksLike.map((each) => each.name),
      named,
      name,
    )
    if (named.length > 0) told[name] = named.join()
  }
  assert.equal(Object.keys(told).length, 14)
})
