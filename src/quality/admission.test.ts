import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { topicName } from '../core/record.ts'
import { stringSerde } from '../core/serde.ts'
import type { TopicDefinition } from '../core/topic.ts'
import { tupleSerde } from '../core/tuple.ts'
import { openAvroCodec, type AvroCodec } from '../schema/avro-codec.ts'
import { LocalSchemaRegistry } from '../schema/local-schema-registry.ts'
import { MemoryRegistryStorage } from '../schema/registry-storage.ts'
import { admit, reasonOf, type AdmissionTopic, type Candidate } from './admission.ts'
import { jsonOfCells } from './cells.ts'
import { check, runChecks } from './checks.ts'
import { isSameKey, serializeGivenKey } from './record-key.ts'

interface Point {
  readonly id: string
  readonly other: string | null
  readonly at: number | null
  readonly count: number
}

const schema = {
  type: 'record',
  name: 'Point',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'other', type: ['null', 'string'], default: null },
    {
      name: 'at',
      type: ['null', { type: 'long', logicalType: 'timestamp-millis' }],
      default: null,
    },
    { name: 'count', type: 'int' },
  ],
}
const definition: TopicDefinition<readonly [string], Point> = {
  name: topicName('points'),
  keySerde: tupleSerde<readonly [string]>(),
  keyOf: ({ id }) => (id === '' ? null : [id]),
  eventTimeMsOf: ({ at }) => at,
  schema,
  cleanupPolicy: 'delete',
  retentionMs: null,
}
let codec: AvroCodec<Point>

before(async () => {
  const registry = await LocalSchemaRegistry.open(new MemoryRegistryStorage())
  codec = await openAvroCodec<Point>({ topic: 'points', schema, registry })
})

function verdict(candidate: Candidate, more: Partial<AdmissionTopic> = {}) {
  return admit({ definition, codec, ...more }, candidate, 99)
}

function refused(candidate: Candidate, more: Partial<AdmissionTopic> = {}): string {
  const found = verdict(candidate, more)
  assert.ok(!found.admitted, 'it is refused')
  return `${found.code} ${found.level}: ${reasonOf(found)}`
}

const json = (value: unknown): Candidate => ({ content: { form: 'json', json: value } })
const text = (value: string): Candidate => ({
  content: { form: 'text', bytes: Buffer.from(value) },
})

test('text, JSON and framed bytes of one value are admitted alike', () => {
  const value = { id: 'a', at: 5, count: 1 }
  const bytes = codec.encode(codec.fromJson(value))
  const candidates = [
    json(value),
    text(JSON.stringify(value)),
    { content: { form: 'framed', bytes } },
  ]
  for (const candidate of candidates as Candidate[]) {
    const found = verdict(candidate)
    assert.ok(found.admitted)
    assert.deepEqual(found.value, bytes)
    assert.deepEqual(found.key, definition.keySerde.serialize(['a']))
    assert.equal(found.timestampMs, 5)
  }
})

test('the time is the record’s, or the value’s, or the door’s', () => {
  const timeOf = (candidate: Candidate) => {
    const found = verdict(candidate)
    return found.admitted ? found.timestampMs : null
  }
  assert.equal(timeOf({ ...json({ id: 'a', at: 5, count: 1 }), timestampMs: 7 }), 7)
  assert.equal(timeOf(json({ id: 'a', count: 1 })), 99)
})

test('what cannot be read is Critical, what does not fit is an Error', () => {
  assert.match(refused(text('{')), /^JSON_INVALID Critical: not JSON/)
  const framed = { content: { form: 'framed', bytes: Buffer.from('x') } } as const
  assert.match(refused(framed), /^FRAME_INVALID Critical/)
  assert.match(refused(json({ id: 'a', count: 'x' })), /^SCHEMA_REFUSED Error: field "count"/)
})

test('a value without its key names the fields that the key needs', () => {
  assert.match(refused(json({ id: '', count: 1 })), /^KEY_MISSING Error: field "id": empty/)
  const either = {
    ...definition,
    keyOf: ({ id, other }: Point) => (id !== '' ? [id] : other === null ? null : [other]),
  }
  assert.match(
    refused(json({ id: '', count: 1 }), { definition: either }),
    /field "id": empty.*or one of id, other; field "other": null/,
  )
  const both = {
    ...definition,
    keyOf: ({ id, other }: Point) => (id === '' || other === null ? null : [id, other]),
  }
  const message = refused(json({ id: '', count: 1 }), { definition: both })
  assert.match(message, /field "id": empty.*field "other": null/)
  assert.doesNotMatch(message, /or one of/)
})

test('checks refuse at their gravest level and warnings go along', () => {
  const checks = [
    check<Point>(
      'positive',
      'Error',
      ({ count }) => count > 0,
      ({ count }) => `count is ${count}`,
    ),
    check<Point>(
      'even',
      'Critical',
      ({ count }) => count % 2 === 0,
      () => 'odd',
    ),
    check<Point>(
      'small',
      'Warning',
      ({ count }) => count < 10,
      () => 'large',
    ),
  ]
  assert.match(refused(json({ id: 'a', count: -1 }), { checks }), /Critical: count is -1; odd/)
  const warned = verdict(json({ id: 'a', count: 12 }), { checks })
  assert.deepEqual(warned.admitted && warned.warnings, [
    { check: 'small', reason: 'large', level: 'Warning' },
  ])
  assert.deepEqual(runChecks(checks, { id: 'a', other: null, at: null, count: 2 }).warnings, [])
})

test('a given key is the derived one as parts, as the only part, as an object or as bytes', () => {
  const bytes = definition.keySerde.serialize(['a'])
  for (const given of [['a'], 'a', { id: 'a' }]) {
    assert.ok(isSameKey({ form: 'json', json: given }, ['a'], bytes), JSON.stringify(given))
  }
  for (const raw of [bytes, Buffer.from('a')]) {
    assert.ok(isSameKey({ form: 'bytes', bytes: raw }, ['a'], bytes))
  }
  for (const given of [['a', 'b'], 'b', { id: 'b' }, null, 1]) {
    assert.ok(!isSameKey({ form: 'json', json: given }, ['a'], bytes), JSON.stringify(given))
  }
})

test('where the topic derives no key the given one is taken in its own form', () => {
  const { keyOf: _keyOf, ...rest } = definition
  const keyless = rest as TopicDefinition
  const given = { form: 'json', json: 'a' } as const
  assert.deepEqual(serializeGivenKey(keyless, given), definition.keySerde.serialize(['a']))
  const plain = { ...keyless, keySerde: stringSerde } as TopicDefinition
  assert.deepEqual(serializeGivenKey(plain, given), Buffer.from('a'))
  assert.equal(serializeGivenKey(keyless, { form: 'json', json: { a: 1 } }), null)
  assert.equal(serializeGivenKey(keyless, { form: 'json', json: [true] }), null)
})

test('times beyond what can be kept are refused: those of the value, and the record’s own', () => {
  const of = (at: number | null) => ({ form: 'json', json: { id: 'a', at, count: 1 } }) as const
  const text = refused({ content: of(1_760_000_001_000_000) })
  assert.match(
    text,
    /^CHECK_FAILED Critical: field "at": 1760000001000000; expected whole millisec/,
  )
  assert.match(text, /Microseconds/)
  const least = Date.UTC(1900, 0, 1)
  const most = Date.UTC(2286, 0, 1) - 1
  for (const at of [null, 0, -1, least, most]) assert.ok(verdict({ content: of(at) }).admitted)
  for (const at of [least - 1, most + 1, 2 ** 53 - 1]) {
    const found = verdict({ content: of(at) })
    assert.ok(!found.admitted)
    assert.equal(found.check, 'event_time_in_range')
  }
  for (const timestampMs of [least - 1, most + 1, 0.5]) {
    assert.match(refused({ content: of(5), timestampMs }), /the record’s time is /)
  }
  const { keyOf: _keyOf, ...keyless } = definition
  const compacted = { ...keyless, cleanupPolicy: 'compact' } as TopicDefinition
  const tombstone = {
    content: { form: 'json', json: null },
    key: { form: 'json', json: ['a'] },
  } as const
  assert.ok(verdict(tombstone, { definition: compacted }).admitted)
  assert.match(
    refused({ ...tombstone, timestampMs: most + 1 }, { definition: compacted }),
    /record’s/,
  )
})

test('cells become numbers, times and missing values by the schema', () => {
  const columns = ['id', 'other', 'at', 'count', 'extra']
  assert.deepEqual(jsonOfCells(codec.type, columns, ['01', '?', '5', '-3', 'x']), {
    id: '01',
    other: null,
    at: 5,
    count: -3,
    extra: 'x',
  })
  assert.deepEqual(jsonOfCells(codec.type, columns, ['', '', '2024-01-31T10:00:00Z', '', '']), {
    id: '',
    other: null,
    at: '2024-01-31T10:00:00Z',
    extra: '',
  })
})
