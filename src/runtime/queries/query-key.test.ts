import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bytesSerde, stringSerde, type Serde } from '../../core/serde.ts'
import { tupleSerde } from '../../core/tuple.ts'
import { bytesOfForm, jsonForm } from './json-form.ts'
import { keyBytesOf } from './query-key.ts'

function read(serde: Serde<any>, text: string): unknown {
  return serde.deserialize(keyBytesOf(serde, text, 's'))
}

test('a key is taken as JSON or as plain text, whichever the store reads back as it was given', () => {
  const tuple = tupleSerde<readonly (string | number)[]>()
  assert.deepEqual(read(tuple, '["t1","s1"]'), ['t1', 's1'])
  assert.deepEqual(read(tuple, '["t1",7]'), ['t1', 7])
  assert.deepEqual(read(tuple, 'T1'), ['T1'])
  assert.deepEqual(read(tuple, '7'), ['7'])
  assert.equal(read(stringSerde, 'plain'), 'plain')
  assert.equal(read(stringSerde, '7'), '7')
  assert.equal(read(stringSerde, '"quoted"'), 'quoted')
  assert.equal(read(stringSerde, '["a list"]'), '["a list"]')
  assert.deepEqual(read(bytesSerde, '{"base64":"AAE="}'), Buffer.from([0, 1]))
})

test('what is no key of the store is refused', () => {
  const tuple = tupleSerde<readonly string[]>()
  for (const text of ['{"a":1}', '[1.5]', '[["x"]]']) {
    assert.throws(() => keyBytesOf(tuple, text, 'sums'), {
      code: 'REQUEST_INVALID',
      message: /no key of store sums/,
    })
  }
  assert.throws(() => keyBytesOf(bytesSerde, 'text', 'raw'), { code: 'REQUEST_INVALID' })
})

test('every key that a store shows is a key that it takes', () => {
  const tuples = tupleSerde<readonly (string | number)[]>()
  const keys = fc.array(fc.oneof(fc.string(), fc.maxSafeInteger()), { minLength: 1, maxLength: 3 })
  fc.assert(
    fc.property(keys, (key) => {
      const bytes = tuples.serialize(key)
      const shown = JSON.stringify(jsonForm(tuples.deserialize(bytes)))
      assert.deepEqual(keyBytesOf(tuples, shown, 's'), bytes)
    }),
  )
})

test('values that JSON has no form for say what they are', () => {
  const value = { bytes: Buffer.from([1]), big: 2n ** 60n, small: 5n, nan: NaN, at: new Date(0) }
  assert.deepEqual(jsonForm(value), {
    bytes: { base64: 'AQ==' },
    big: '1152921504606846976',
    small: 5,
    nan: 'NaN',
    at: '1970-01-01T00:00:00.000Z',
  })
  assert.deepEqual(jsonForm(new Map([['a', [1, undefined]]])), [['a', [1, null]]])
  assert.deepEqual(bytesOfForm(jsonForm(Buffer.from('x'))), Buffer.from('x'))
  assert.equal(bytesOfForm({ base64: 'AA', more: 1 }), null)
})
