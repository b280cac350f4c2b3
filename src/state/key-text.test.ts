import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeTuple, tupleSerde } from '../core/tuple.ts'
import type { KeyPart } from '../core/tuple.ts'
import { stringSerde } from '../core/serde.ts'
import { KeyText } from './key-text.ts'

void test('the text of a key is its bytes, whatever keys came before', () => {
  const part = fc.oneof(fc.constantFrom('a', 'b', ''), fc.constantFrom(0, 1, -1))
  const key = fc.array(part, { maxLength: 3 })
  fc.assert(
    fc.property(fc.array(key), (keys) => {
      const texts = new KeyText<readonly KeyPart[]>(tupleSerde())
      for (const parts of keys) {
        assert.equal(texts.of(parts), encodeTuple(parts).toString('latin1'))
        assert.deepEqual(texts.parse(texts.of(parts)), parts)
      }
    }),
  )
})

void test('an array that the caller changes is another key', () => {
  const texts = new KeyText<KeyPart[]>(tupleSerde<KeyPart[]>())
  const key: KeyPart[] = ['ada', 1]
  const first = texts.of(key)
  key[1] = 2
  assert.notEqual(texts.of(key), first)
})

void test('a key that cannot be serialized does not answer with the text of another', () => {
  let isBroken = false
  const serialize = (text: string) => {
    if (isBroken) throw new Error('no such key')
    return stringSerde.serialize(text)
  }
  const texts = new KeyText<string>({ ...stringSerde, serialize })
  texts.of('a')
  isBroken = true
  assert.throws(() => texts.of('b'))
  assert.throws(() => texts.of('b'))
})
