import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import fc from 'fast-check'

import { noHeaders } from '../core/record.ts'
import type { ConsumerRecord, Offset, ProducerRecord } from '../core/record.ts'
import {
  decodeRecordBatch,
  encodeCompactedBatch,
  encodeRecordBatch,
  encodeRecordBatches,
  summarizeRecordBatch,
} from './record-batch.ts'

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array))
const arbitraryRecord: fc.Arbitrary<ProducerRecord> = fc.record({
  key: fc.option(bytes),
  value: fc.option(bytes),
  timestampMs: fc.oneof(
    fc.integer({ min: 1_600_000_000_000, max: 1_800_000_000_000 }),
    fc.maxSafeInteger(),
  ),
  headers: fc.array(fc.tuple(fc.string({ unit: 'binary', maxLength: 20 }), bytes), {
    maxLength: 3,
  }),
})

function consumed(records: readonly ProducerRecord[], baseOffset: number): ConsumerRecord[] {
  return records.map((record, index) => ({
    key: record.key,
    value: record.value,
    timestampMs: record.timestampMs,
    headers: record.headers ?? noHeaders,
    offset: (baseOffset + index) as Offset,
  }))
}

describe('the record batch', () => {
  test('decodes to what was encoded', () => {
    fc.assert(
      fc.property(
        fc.array(arbitraryRecord, { minLength: 1, maxLength: 30 }),
        fc.nat(),
        (records, baseOffset) => {
          const batch = encodeRecordBatch(records)
          assert.deepEqual(
            decodeRecordBatch(batch, baseOffset as Offset),
            consumed(records, baseOffset),
          )
          const { recordCount, maxTimestampMs } = summarizeRecordBatch(batch)
          assert.equal(recordCount, records.length)
          assert.equal(maxTimestampMs, Math.max(...records.map((record) => record.timestampMs)))
        },
      ),
    )
  })

  test('is split near a size, and joins to the same records', () => {
    fc.assert(
      fc.property(fc.array(arbitraryRecord, { maxLength: 40 }), (records) => {
        const batches = encodeRecordBatches(records, 1000)
        let next = 0
        const decoded = batches.flatMap((batch) => {
          const base = next
          next += summarizeRecordBatch(batch).recordCount
          return decodeRecordBatch(batch, base as Offset)
        })
        assert.deepEqual(decoded, consumed(records, 0))
        for (const batch of batches) {
          assert.ok(batch.length <= 1000 || summarizeRecordBatch(batch).recordCount === 1)
        }
      }),
    )
  })

  test('keeps offsets where compaction has left gaps, down to an empty batch', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(arbitraryRecord, fc.boolean()), { minLength: 1, maxLength: 30 }),
        (marked) => {
          const all = consumed(
            marked.map(([record]) => record),
            1000,
          )
          const kept = all.filter((_, index) => marked[index]?.[1])
          const place = { baseOffset: 1000 as Offset, lastOffset: (999 + all.length) as Offset }
          const batch = encodeCompactedBatch(kept, place)
          assert.deepEqual(decodeRecordBatch(batch, place.baseOffset), kept)
          assert.equal(summarizeRecordBatch(batch).lastOffsetDelta, all.length - 1)
        },
      ),
    )
  })

  test('is decoded from an offset in its middle', () => {
    const records = ['a', 'b', 'c'].map((text) => ({
      key: Buffer.from(text),
      value: null,
      timestampMs: 0,
    }))
    const decoded = decodeRecordBatch(encodeRecordBatch(records), 5 as Offset, 6 as Offset)
    assert.deepEqual(
      decoded.map(({ offset, key }) => `${offset}${key}`),
      ['6b', '7c'],
    )
  })

  test('gives views on the batch, not copies', () => {
    const batch = encodeRecordBatch([
      { key: Buffer.from('key'), value: Buffer.from('value'), timestampMs: 0 },
    ])
    const [record] = decodeRecordBatch(batch, 0 as Offset)
    assert.equal(record?.value?.buffer, batch.buffer)
  })

  test('refuses every changed byte', () => {
    const batch = encodeRecordBatch([
      { key: Buffer.from('key'), value: Buffer.from('value'), timestampMs: 12345 },
      { key: null, value: null, timestampMs: -1, headers: [['name', Buffer.from('x')]] },
    ])
    for (let index = 0; index < batch.length; index++) {
      const changed = Buffer.from(batch)
      changed[index] = (changed[index] ?? 0) ^ 0x10
      assert.throws(() => decodeRecordBatch(changed, 0 as Offset), { code: 'DATA_DIR_CORRUPT' })
    }
    assert.throws(() => decodeRecordBatch(batch.subarray(0, 20), 0 as Offset), {
      code: 'DATA_DIR_CORRUPT',
    })
  })

  test('refuses a timestamp that is not a whole number', () => {
    for (const timestampMs of [Number.NaN, 0.5, Infinity]) {
      assert.throws(() => encodeRecordBatch([{ key: null, value: null, timestampMs }]), {
        code: 'REQUEST_INVALID',
      })
    }
  })
})
