import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { byteListText } from './byte-list.ts'
import { TabSeparatedEncoder } from './tab-separated.ts'

test('bytes are written as the list of their numbers', () => {
  assert.equal(byteListText(new Uint8Array()), '[]')
  const all = Uint8Array.from({ length: 256 }, (_, byte) => byte)
  assert.equal(byteListText(all), JSON.stringify([...all]))
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 5000 }), (bytes) => {
      assert.equal(byteListText(bytes), JSON.stringify([...bytes]))
    }),
    { numRuns: 50 },
  )
})

test('a column of bytes takes bytes and lists alike', () => {
  const encoder = new TabSeparatedEncoder({ database: 'd', table: 't' }, [
    { name: 'codes', type: 'Array(UInt8)' },
  ])
  const rows = [{ codes: Buffer.from([1, 20, 255]) }, { codes: [1, 20, 255] }]
  assert.equal(encoder.encode(rows).toString(), '[1,20,255]\n[1,20,255]\n')
})

test('a column of whole numbers takes every form of them, and nothing else', () => {
  const encoder = new TabSeparatedEncoder({ database: 'd', table: 't' }, [
    { name: 'numbers', type: 'Array(UInt32)' },
  ])
  const text = (numbers: unknown) => encoder.encode([{ numbers }]).toString()
  assert.equal(text([]), '[]\n')
  assert.equal(text([1, -20, 4_294_967_295]), '[1,-20,4294967295]\n')
  assert.equal(text(Int32Array.of(1, 2)), '[1,2]\n')
  assert.equal(text([1, 2n, true]), '[1,2,1]\n')
  for (const wrong of [[1, 1.5], [1, null], ['1'], [1e21]]) {
    assert.throws(() => text(wrong), { code: 'SINK_REFUSED' })
  }
})
