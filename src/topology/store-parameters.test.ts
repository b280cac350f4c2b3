/** Fingerprints of parameters: equal where all values are, and only there. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { storeParameters } from './store-parameters.ts'

const fingerprint = (values: unknown, version = 'v1') =>
  storeParameters(version, values).fingerprint

const plain = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(0, 1, 0.1, Infinity, -Infinity, NaN, null, true, false, '', 'a', '0', 'null'),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', '0', '1', '__proto__'), tie('value'), { maxKeys: 3 }),
  ),
})).value

/** The same with keys in the opposite order. */
function turned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(turned)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, each]) => [key, turned(each)] as const)
  return Object.fromEntries(entries.reverse())
}

test('two values have one fingerprint where they are equal, and only there', () => {
  fc.assert(
    fc.property(plain, plain, (one, other) => {
      assert.equal(fingerprint(one), fingerprint(turned(one)))
      const areEqual = isDeepStrictEqual(turned(one), turned(other))
      assert.equal(fingerprint(one) === fingerprint(other), areEqual)
    }),
    { numRuns: 2000 },
  )
})

test('the version is in it, and infinity, and a key without a value is not', () => {
  assert.deepEqual(Object.keys(storeParameters('v1', {})), ['version', 'fingerprint'])
  assert.notEqual(fingerprint(1, 'v1'), fingerprint(1, 'v2'))
  assert.notEqual(fingerprint([Infinity]), fingerprint([null]))
  assert.equal(fingerprint({ a: 1, b: undefined }), fingerprint({ a: 1 }))
})

test('what is no plain data is refused with its place: a change of it would not be seen', () => {
  for (const value of [() => 1, new Map([[1, 2]]), new Date(0), 1n, Symbol('a')]) {
    assert.throws(() => storeParameters('v1', { bkt: [{ f: value }] }), {
      code: 'TOPOLOGY_INVALID',
      message: /^parameters v1: a .* at bkt\.0\.f is no plain data/,
    })
  }
})
