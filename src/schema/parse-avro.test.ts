import assert from 'node:assert/strict'
import { test } from 'node:test'
import { normalText } from './normal-schema.ts'
import { parseAvro, parseAvroText } from './parse-avro.ts'

const record = (...fields: unknown[]) => ({ type: 'record', name: 'R', fields })
const field = (type: unknown, rest: object = {}) => record({ name: 'f', type, ...rest })

const refused: [schema: unknown, message: RegExp][] = [
  [null, /a schema is a name, an object or an array/],
  [{}, /the type is missing/],
  [{ type: { type: 'string' } }, /the type must be a name/],
  ['nothing', /type "nothing" is not defined/],
  [field('Nothing'), /at \/fields\/0\/type: the type "Nothing" is not defined/],
  [{ type: 'record', fields: [] }, /name is missing/],
  [{ type: 'record', name: 'R' }, /"fields" is missing/],
  [{ type: 'record', name: '1R', fields: [] }, /the name "1R"/],
  [{ type: 'record', name: 'string', fields: [] }, /name of a primitive/],
  [record({ name: 'f', type: 'int' }, { name: 'f', type: 'int' }), /two fields are named "f"/],
  [record({ name: 'a-b', type: 'int' }), /the field name "a-b"/],
  [record({ name: '__proto__', type: 'int' }), /may not be named "__proto__"/],
  [record({ name: 'f' }), /"type" is missing/],
  [field('int', { default: 'x' }), /default of field "f": expected int, found "x"/],
  [field(['null', 'int'], { default: 5 }), /default of field "f": expected null, found 5/],
  [field({ type: 'int', logicalType: 'date' }, { default: '2024-01-01' }), /found "2024-01-01"/],
  [field('int', { order: 'sideways' }), /the order "sideways"/],
  [field([]), /a union needs a branch/],
  [field(['int', 'int']), /two branches "int"/],
  [field(['null', ['int']]), /may not hold a union/],
  [field({ type: 'array' }), /"items" is missing/],
  [field({ type: 'enum', name: 'E', symbols: ['A', 'A'] }), /a symbol occurs twice/],
  [field({ type: 'enum', name: 'E', symbols: ['A B'] }), /the symbol "A B"/],
  [field({ type: 'enum', name: 'E', symbols: ['A'], default: 'B' }), /the default "B"/],
  [field({ type: 'fixed', name: 'F', size: -1 }), /the size -1/],
  [field({ type: 'record', name: 'R', fields: [] }), /"R" is defined twice/],
]

for (const [schema, message] of refused) {
  test(`${JSON.stringify(schema)} is refused`, () => {
    assert.throws(() => parseAvro(schema), { code: 'SCHEMA_INVALID', message })
  })
}

test('text that is no JSON is refused, a bare primitive is not', () => {
  assert.throws(() => parseAvroText('{"type"'), { code: 'SCHEMA_INVALID', message: /not JSON/ })
  assert.equal(parseAvroText(' string ').kind, 'string')
})

test('a schema that is nested without end is refused', () => {
  const text = '{"type":"array","items":'.repeat(5000) + '"int"' + '}'.repeat(5000)
  assert.throws(() => parseAvroText(text), { code: 'SCHEMA_INVALID', message: /deeper than 64/ })
})

test('the same schema, written in other ways, has one normal form', () => {
  const one = {
    type: 'record',
    name: 'org.example.R',
    fields: [
      { name: 'a', type: { type: 'string' } },
      { name: 'b', type: { type: 'enum', name: 'E', symbols: ['A'] }, default: 'A' },
      { name: 'c', type: 'org.example.E' },
    ],
  }
  const other = {
    fields: [
      { type: 'string', name: 'a' },
      {
        default: 'A',
        name: 'b',
        type: { symbols: ['A'], type: 'enum', name: 'E', namespace: 'org.example' },
      },
      { name: 'c', type: 'E' },
    ],
    namespace: 'org.example',
    name: 'R',
    type: 'record',
  }
  assert.equal(normalText(parseAvro(one)), normalText(parseAvro(other)))
  const documented = { ...other, doc: 'another one' }
  assert.notEqual(normalText(parseAvro(one)), normalText(parseAvro(documented)))
})

test('a type without a namespace keeps its name inside one', () => {
  const schema = {
    type: 'record',
    name: 'org.example.R',
    fields: [{ name: 'f', type: { type: 'fixed', name: 'F', namespace: '', size: 1 } }],
  }
  const text = normalText(parseAvro(schema))
  assert.match(text, /"name":"\.F"/)
  assert.equal(normalText(parseAvroText(text)), text)
})
