import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { OrderedBytes } from './ordered-bytes.ts'

const key = fc.oneof(
  fc.integer({ min: 0, max: 1500 }).map((number) => {
    const bytes = Buffer.alloc(2)
    bytes.writeUInt16BE(number * 40)
    return bytes
  }),
  fc.uint8Array({ maxLength: 3 }).map((array) => Buffer.from(array)),
)

function sorted(model: ReadonlyMap<string, Buffer>): string[] {
  return [...model.keys()].sort((left, right) =>
    Buffer.compare(Buffer.from(left, 'hex'), Buffer.from(right, 'hex')),
  )
}

test('ordered bytes are like a sorted map, with keys in the order of their bytes', () => {
  const operation = fc.record({
    kind: fc.constantFrom('put', 'put', 'put', 'fill', 'delete', 'deleteRange', 'clear', 'scan'),
    from: key,
    to: key,
    reverse: fc.boolean(),
    entriesMax: fc.integer({ min: 0, max: 700 }),
  })
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 40 }), (operations) => {
      const actual = new OrderedBytes()
      const model = new Map<string, Buffer>()
      const put = (key: Buffer) => {
        actual.put(key, key)
        model.set(key.toString('hex'), key)
      }
      for (const { kind, from, to, reverse, entriesMax } of operations) {
        const within = sorted(model).filter((hex) => {
          const bytes = Buffer.from(hex, 'hex')
          return Buffer.compare(bytes, from) >= 0 && Buffer.compare(bytes, to) < 0
        })
        if (kind === 'put') put(from)
        else if (kind === 'fill') {
          for (let index = 0; index < 1600; index++) put(Buffer.from([index >> 5, index & 31, 7]))
        } else if (kind === 'delete') {
          actual.delete(from)
          model.delete(from.toString('hex'))
        } else if (kind === 'deleteRange') {
          actual.deleteRange(from, to)
          for (const hex of within) model.delete(hex)
        } else if (kind === 'clear') {
          // Wide enough to empty a chunk between others.
          const first = entriesMax % 50
          actual.deleteRange(Buffer.from([first]), Buffer.from([first + 20]))
          for (const [hex, bytes] of model) {
            const byte = bytes[0] ?? -1
            if (byte >= first && byte < first + 20) model.delete(hex)
          }
        } else {
          const entries = actual.scan({ from, to, reverse, entriesMax })
          const expected = (reverse ? within.reverse() : within).slice(0, entriesMax)
          assert.deepEqual(
            entries.map(({ key }) => key.toString('hex')),
            expected,
          )
        }
      }
      assert.equal(actual.size, model.size)
      for (const [hex, value] of model) assert.equal(actual.get(Buffer.from(hex, 'hex')), value)
    }),
    { numRuns: 200 },
  )
})
