import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SchemaRefusedError } from './faults.ts'
import { fromJson } from './json-value.ts'
import { parseAvro } from './parse-avro.ts'

const person = parseAvro({
  type: 'record',
  name: 'Person',
  namespace: 'org.example',
  fields: [
    { name: 'student_id', type: 'string' },
    { name: 'nick', type: ['null', 'string'], default: null },
    { name: 'born', type: ['null', { type: 'int', logicalType: 'date' }], default: null },
    { name: 'seen', type: { type: 'long', logicalType: 'timestamp-millis' }, default: 0 },
    { name: 'exact', type: { type: 'long', logicalType: 'timestamp-micros' }, default: 0 },
    { name: 'count', type: 'int', default: 0 },
    { name: 'score', type: 'double', default: 1 },
    {
      name: 'kind',
      type: { type: 'enum', name: 'Kind', symbols: ['RIGHT', 'WRONG'] },
      default: 'RIGHT',
    },
    { name: 'raw', type: 'bytes', default: '\u00ff' },
    { name: 'hash', type: ['null', { type: 'fixed', name: 'Hash', size: 2 }], default: null },
    { name: 'tags', type: { type: 'array', items: 'string' }, default: [] },
    { name: 'marks', type: { type: 'map', values: 'int' }, default: {} },
    {
      name: 'friend',
      type: ['null', { type: 'record', name: 'Friend', fields: [{ name: 'id', type: 'int' }] }],
      default: null,
    },
  ],
})

function read(json: object): Record<string, unknown> {
  return fromJson(person, { student_id: 's', ...json }, 'people')
}

function faultsOf(json: unknown): Record<string, string> {
  try {
    fromJson(person, json, 'people')
  } catch (error) {
    assert.ok(error instanceof SchemaRefusedError)
    return Object.fromEntries(error.faults.map(({ path, reason }) => [path, reason]))
  }
  throw new assert.AssertionError({ message: 'nothing was refused' })
}

test('missing fields get their defaults, as values', () => {
  assert.deepEqual(read({}), {
    student_id: 's',
    nick: null,
    born: null,
    seen: 0,
    exact: 0,
    count: 0,
    score: 1,
    kind: 'RIGHT',
    raw: Buffer.from([255]),
    hash: null,
    tags: [],
    marks: {},
    friend: null,
  })
})

test('a union is read plain and in Avro’s JSON form', () => {
  assert.equal(read({ nick: 'n' })['nick'], 'n')
  assert.equal(read({ nick: { string: 'n' } })['nick'], 'n')
  assert.deepEqual(read({ friend: { id: 3 } })['friend'], { id: 3 })
  assert.deepEqual(read({ friend: { 'org.example.Friend': { id: 3 } } })['friend'], { id: 3 })
  assert.deepEqual(read({ friend: { Friend: { id: 3 } } })['friend'], { id: 3 })
  assert.deepEqual(
    read({ hash: { 'org.example.Hash': '\u0001\u00fe' } })['hash'],
    Buffer.from([1, 254]),
  )
})

test('text in a union is a string before it is bytes or a time', () => {
  const time = { type: 'long', logicalType: 'timestamp-millis' }
  const type = parseAvro(['null', 'bytes', time, 'double', 'string'])
  for (const text of ['', 'NaN', '2024-01-31T10:00:00Z'])
    assert.equal(fromJson(type, text, 'u'), text)
  assert.deepEqual(fromJson(type, { bytes: 'a' }, 'u'), Buffer.from('a'))
  assert.equal(fromJson(type, 1.5, 'u'), 1.5)
})

test('times are read as numbers and as ISO 8601', () => {
  const times: [object, string, number][] = [
    [{ seen: 1706695200123 }, 'seen', 1706695200123],
    [{ seen: '2024-01-31T10:00:00.123Z' }, 'seen', 1706695200123],
    [{ seen: '2024-01-31 12:30:00,123456+02:30' }, 'seen', 1706695200123],
    [{ seen: '1969-12-31T23:59:59.9999Z' }, 'seen', -1],
    [{ seen: '9999-12-31T23:59:59.9999-01:00' }, 'seen', 253402304399999],
    [{ seen: '2024-02-29T00:00Z' }, 'seen', 1709164800000],
    [{ exact: '2024-01-31T10:00:00.123456Z' }, 'exact', 1706695200123456],
    [{ born: '1970-01-02' }, 'born', 1],
    [{ born: '1969-12-31' }, 'born', -1],
    [{ born: { int: 5 } }, 'born', 5],
    [{ born: { int: '1970-01-06' } }, 'born', 5],
  ]
  for (const [json, field, expected] of times) assert.equal(read(json)[field], expected)
})

test('every fault is listed with its path', () => {
  assert.deepEqual(
    faultsOf({
      studentId: 's',
      nick: 5,
      born: '2024-02-30',
      seen: '2024-01-31T10:00:00',
      count: 1.5,
      score: 'high',
      kind: 'WRNG',
      raw: '\u0100',
      hash: 'abc',
      tags: ['a', 5, null],
      marks: { a: 1, 'b c': 'two' },
      friend: { id: 'x' },
    }),
    {
      student_id: 'expected string, found nothing',
      studentId: 'not a field of Person; did you mean "student_id"?',
      nick: 'expected null or string, found 5',
      born: 'expected null or int (date), found "2024-02-30"; a date is written 2024-01-31',
      seen:
        'expected long (timestamp-millis), found "2024-01-31T10:00:00"; ' +
        'a time is written 2024-01-31T10:00:00Z',
      count: 'expected int, found 1.5',
      score: 'expected double, found "high"',
      kind: 'expected one of RIGHT, WRONG, found "WRNG"; did you mean "WRONG"?',
      raw: 'expected bytes, found "Ā"; bytes are characters up to \\u00ff',
      hash: 'expected null or 2 bytes (org.example.Hash), found "abc"',
      'tags[1]': 'expected string, found 5',
      'tags[2]': 'expected string, found null',
      'marks["b c"]': 'expected int, found "two"',
      'friend.id': 'expected int, found "x"',
    },
  )
})

test('numbers that are not exact are refused', () => {
  assert.match(faultsOf({ student_id: 's', seen: 2 ** 53 })['seen'] ?? '', /not exact/)
  assert.match(faultsOf({ student_id: 's', count: 2 ** 31 })['count'] ?? '', /expected int/)
})

test('times that are none are refused', () => {
  for (const seen of [
    '2023-02-29T00:00Z',
    '2024-01-31T24:00Z',
    '2024-13-01T00:00Z',
    '2024-01-31',
    '',
  ]) {
    assert.match(faultsOf({ student_id: 's', seen })['seen'] ?? '', /a time is written/, seen)
  }
  const exact = '9999-12-31T23:59:59Z'
  assert.match(faultsOf({ student_id: 's', exact })['exact'] ?? '', /a time is written/)
})

test('what is no object is no record', () => {
  for (const json of [null, 5, 'text', [], [{}]]) {
    assert.match(faultsOf(json)[''] ?? '', /^expected record Person, found/)
  }
})

test('names that every JavaScript object has are not taken for fields', () => {
  const type = parseAvro({
    type: 'record',
    name: 'R',
    fields: [{ name: 'toString', type: ['null', 'string'], default: null }],
  })
  assert.deepEqual(Object.entries(fromJson<object>(type, {}, 'r')), [['toString', null]])
  const hostile = JSON.parse('{"__proto__": {"a": 1}}') as object
  assert.throws(() => fromJson(type, hostile, 'r'), /"__proto__": not a field of R/)
})
