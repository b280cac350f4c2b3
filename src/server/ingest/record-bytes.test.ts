import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { recordValueBytes } from './record-bytes.ts'

const textOf = (body: string) =>
  recordValueBytes(Buffer.from(body)).map((bytes) => bytes?.toString() ?? null)

test('values come as they were written', () => {
  const body =
    ' {"value": 0, "records" : [ {"key":"}", "value" : {"a": 12345678901234567890, "b":"\\"]}" } },{"value":1e3},\n' +
    '{"key":{"value":2}},{"v\\u0061lue":[ ]} ] , "x":[{"value":9}]}'
  assert.deepEqual(textOf(body), ['{"a": 12345678901234567890, "b":"\\"]}" }', '1e3', null, '[ ]'])
  assert.deepEqual(textOf('{"records":[]}'), [])
})

test('of a repeated name the last counts, as the parser has it', () => {
  assert.deepEqual(textOf('{"records":[{"value":1}],"records":[{"value":2,"value":3}]}'), ['3'])
})

test('every value of every body is found', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), fc.jsonValue(), fc.nat(3), (values, other, indent) => {
      const records = values.map((value) => ({ key: other, value, other }))
      const body = JSON.stringify({ other, records, last: other }, null, indent)
      assert.deepEqual(
        textOf(body).map((text) => JSON.parse(text ?? '') as unknown),
        JSON.parse(JSON.stringify(values)),
      )
    }),
  )
})
