import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { TidemarkError } from './errors.ts'
import { decodeTuple, encodeTuple, type KeyPart } from './tuple.ts'

const part: fc.Arbitrary<KeyPart> = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', 'b', '\0', '\u00ff', '\u0100', '\u{10ffff}') }),
  fc.maxSafeInteger().filter((value) => !Object.is(value, -0)),
)

function compareParts(a: readonly KeyPart[], b: readonly KeyPart[]): number {
  for (let index = 0; index < Math.min(a.length, b.length); index += 1) {
    const [one, other] = [a[index], b[index]]
    if (typeof one === 'number' && typeof other === 'number' && one !== other) return one - other
    if (typeof one === 'string' && typeof other === 'string' && one !== other) {
      return Buffer.compare(Buffer.from(one), Buffer.from(other))
    }
    if (typeof one !== typeof other) return typeof one === 'string' ? -1 : 1
  }
  return a.length - b.length
}

void test('a tuple reads back as it was written', () => {
  fc.assert(
    fc.property(fc.array(part), (parts) => {
      assert.deepEqual(decodeTuple(encodeTuple(parts)), parts)
    }),
  )
})

void test('the order of the bytes is the order of the parts', () => {
  fc.assert(
    fc.property(fc.array(part), fc.array(part), (a, b) => {
      const bytes = Buffer.compare(encodeTuple(a), encodeTuple(b))
      assert.equal(Math.sign(bytes), Math.sign(compareParts(a, b)))
    }),
    { numRuns: 1000 },
  )
})

void test('all tuples that begin with the same parts share a prefix, and no other has it', () => {
  fc.assert(
    fc.property(fc.array(part), fc.array(part), (first, rest) => {
      const prefix = encodeTuple(first)
      assert.ok(
        encodeTuple([...first, ...rest])
          .subarray(0, prefix.length)
          .equals(prefix),
      )
    }),
  )
})

void test('bytes that are no tuple are refused, and an integer must be safe', () => {
  const isFrameInvalid = (thrown: unknown) =>
    thrown instanceof TidemarkError && thrown.code === 'FRAME_INVALID'
  for (const bytes of [[0x07], [0x02, 0x61], [0x15, 0, 0]]) {
    assert.throws(() => decodeTuple(Buffer.from(bytes)), isFrameInvalid)
  }
  assert.throws(() => encodeTuple([2 ** 53]), RangeError)
  assert.throws(() => encodeTuple([0.5]), RangeError)
})
