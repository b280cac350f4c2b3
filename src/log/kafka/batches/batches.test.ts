/** The codec against the library's own writer and reader, which share no code with it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { snappyCompress } from '@platformatic/wasm-utils'

import { Reader, createRecordsBatch, readRecordsBatch } from '@platformatic/kafka'
import fc from 'fast-check'

import { noHeaders } from '../../../core/record.ts'
import type { ConsumerRecord, Headers, Offset, ProducerRecord } from '../../../core/record.ts'
import { batchCodec } from '../../batch-codec.ts'
import { headerAt, readBatchHeader, stampBatch, writeChecksum } from './batch-header.ts'
import { decodeBatch } from './decode-batch.ts'
import { encodeBatches } from './encode-batches.ts'

const from0 = 0 as Offset
const compressions = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array))
const longBytes = fc
  .tuple(fc.integer({ min: 0, max: 70_000 }), fc.nat(255))
  .map(([length, byte]) => Buffer.alloc(length, byte))
const anyBytes = fc.oneof({ weight: 8, arbitrary: bytes }, { weight: 1, arbitrary: longBytes })
const header = fc.tuple(fc.string({ unit: 'grapheme', maxLength: 8 }), bytes)
const nearTimestampMs = fc.integer({ min: 1_700_000_000_000, max: 1_702_000_000_000 })
const timestampMs = fc.oneof(
  nearTimestampMs,
  fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_000 }),
  fc.integer({ min: -8.64e15, max: 8.64e15 }),
)
const record: fc.Arbitrary<ProducerRecord> = fc.record(
  {
    key: fc.option(anyBytes, { nil: null }),
    value: fc.option(anyBytes, { nil: null }),
    timestampMs,
    headers: fc.array(header, { maxLength: 4 }),
  },
  { requiredKeys: ['key', 'value', 'timestampMs'] },
)
/** The library's writer spoils timestamps that are more than 2^31 ms from the batch's first. */
const nearRecord = fc
  .tuple(record, nearTimestampMs)
  .map(([one, timestampMs]) => ({ ...one, timestampMs }))
const nearRecords = fc.array(nearRecord, { minLength: 1, maxLength: 30 })
const records = fc.array(record, { minLength: 1, maxLength: 30 })

function placed(sent: readonly ProducerRecord[]): ConsumerRecord[] {
  return sent.map((one, index) => ({
    offset: index as Offset,
    key: one.key,
    value: one.value,
    timestampMs: one.timestampMs,
    headers: (one.headers ?? []).length === 0 ? noHeaders : one.headers!,
  }))
}

function only<T>(items: readonly T[]): T {
  assert.equal(items.length, 1)
  return items[0]!
}

describe("Kafka's record batches", () => {
  test('are read by an independent reader as they were written, in every compression', () => {
    fc.assert(
      fc.property(records, fc.constantFrom(...compressions), (sent, compression) => {
        const batch = only(encodeBatches(sent, Infinity, compression)).bytes
        const read = readRecordsBatch(Reader.from(batch))
        assert.equal(read.length, batch.length - 12)
        assert.equal(read.records.length, sent.length)
        for (const [index, found] of read.records.entries()) {
          const expected = sent[index]!
          assert.deepEqual([found.key, found.value], [expected.key, expected.value])
          assert.equal(found.timestampDelta + read.firstTimestamp, BigInt(expected.timestampMs))
          assert.equal(found.offsetDelta, index)
          assert.deepEqual(
            found.headers.map(([name, value]) => [String(name), value]),
            expected.headers ?? [],
          )
        }
        assert.equal(Number(read.maxTimestamp), Math.max(...sent.map((one) => one.timestampMs)))
        assert.equal(read.producerId, -1n)
      }),
    )
  })

  test('are read as an independent writer wrote them, in every compression', () => {
    fc.assert(
      fc.property(nearRecords, fc.constantFrom(...compressions), (sent, compression) => {
        const messages = sent.map((one) => ({
          topic: 'answers',
          key: one.key,
          value: one.value,
          timestamp: BigInt(one.timestampMs),
          headers: new Map(
            uniqueNames(one.headers).map(([name, value]) => [Buffer.from(name), value]),
          ),
        }))
        const written = createRecordsBatch(messages as never, { compression })
        const expected = placed(sent.map((one) => ({ ...one, headers: uniqueNames(one.headers) })))
        assert.deepEqual(decodeBatch(written.buffer, from0), expected)
      }),
    )
  })

  test('come back from their own codec, from any offset on', () => {
    fc.assert(
      fc.property(
        records,
        fc.nat(40),
        fc.constantFrom(...compressions),
        (sent, from, compression) => {
          const codec = batchCodec({ name: 'kafka', compression })
          const { bytes } = only(codec.encode(sent, Infinity))
          const place = { baseOffset: from0, lastOffset: (sent.length - 1) as Offset, bytes }
          assert.deepEqual(codec.decode(place, from as Offset), placed(sent).slice(from))
        },
      ),
    )
  })

  test('stay near the size that they may have, with at least one record in each', () => {
    fc.assert(
      fc.property(records, fc.integer({ min: 1, max: 100_000 }), (sent, bytesMax) => {
        const batches = encodeBatches(sent, bytesMax)
        const read = batches.map(({ bytes }) => decodeBatch(bytes, from0))
        assert.deepEqual(
          read.flat().map(({ key, value }) => [key, value]),
          sent.map(({ key, value }) => [key, value]),
        )
        for (const [index, { bytes, recordCount }] of batches.entries()) {
          assert.equal(recordCount, read[index]!.length)
          assert.ok(bytes.length <= bytesMax || recordCount === 1)
        }
      }),
    )
  })

  test('are stamped with their producer, again and again, and stay readable', () => {
    const sent = [{ key: Buffer.from('k'), value: Buffer.from('v'), timestampMs: 5 }]
    const batch = only(encodeBatches(sent, Infinity, 'zstd')).bytes
    stampBatch(batch, { producerId: 77n, producerEpoch: 3, baseSequence: 9, isTransactional: true })
    assert.equal(readBatchHeader(batch).isTransactional, true)
    stampBatch(batch, {
      producerId: 78n,
      producerEpoch: 4,
      baseSequence: 10,
      isTransactional: false,
    })
    const read = readRecordsBatch(Reader.from(batch))
    assert.deepEqual([read.producerId, read.producerEpoch, read.firstSequence], [78n, 4, 10])
    assert.equal(readBatchHeader(batch).isTransactional, false)
    assert.deepEqual(decodeBatch(batch, from0), placed(sent))
  })

  test("give every record the broker's time where the topic is configured so", () => {
    const sent = [1, 2, 3].map((timestampMs) => ({ key: null, value: null, timestampMs }))
    const batch = only(encodeBatches(sent, Infinity)).bytes
    batch.writeInt16BE(0x08, headerAt.attributes)
    batch.writeBigInt64BE(99n, headerAt.maxTimestamp)
    writeChecksum(batch)
    assert.deepEqual(
      decodeBatch(batch, from0).map((one) => one.timestampMs),
      [99, 99, 99],
    )
  })

  test("of Java producers are read in snappy's stream format", () => {
    const sent = [{ key: null, value: Buffer.alloc(100_000, 'x'), timestampMs: 1 }]
    const plain = only(encodeBatches(sent, Infinity)).bytes
    const blocks: Buffer[] = [Buffer.from('82534e4150505900' + '0000000100000001', 'hex')]
    for (let at = 61; at < plain.length; at += 32_768) {
      const block = snappyCompress(plain.subarray(at, at + 32_768))
      const length = Buffer.alloc(4)
      length.writeUInt32BE(block.length)
      blocks.push(length, block)
    }
    const batch = Buffer.concat([plain.subarray(0, 61), ...blocks])
    batch.writeInt16BE(2, headerAt.attributes)
    batch.writeInt32BE(batch.length - 12, headerAt.length)
    writeChecksum(batch)
    assert.deepEqual(decodeBatch(batch, from0), placed(sent))
  })

  test('that are damaged anywhere are refused, never misread', () => {
    const sent = [{ key: Buffer.from('key'), value: Buffer.from('value'), timestampMs: 5 }]
    for (const compression of compressions) {
      const batch = only(encodeBatches(sent, Infinity, compression)).bytes
      for (let at = 8; at < batch.length; at++) {
        // Of the leader's epoch, which is not covered by the checksum because brokers write it.
        if (at >= 12 && at < 16) continue
        const damaged = Buffer.from(batch)
        damaged[at]! ^= 0x41
        assert.throws(() => decodeBatch(damaged, from0), { code: 'DATA_DIR_CORRUPT' })
        if (at < headerAt.attributes + 2) continue
        // With a checksum made to fit, nothing worse than a refusal or other records may come.
        writeChecksum(damaged)
        try {
          decodeBatch(damaged, from0)
        } catch (thrown) {
          assert.equal((thrown as { code?: string }).code, 'DATA_DIR_CORRUPT', String(thrown))
        }
      }
      for (let length = 0; length < batch.length; length++) {
        assert.throws(() => decodeBatch(batch.subarray(0, length), from0), {
          code: 'DATA_DIR_CORRUPT',
        })
      }
    }
  })
})

/** The library's writer takes a map, so that names are unique. */
function uniqueNames(headers: Headers = []): Headers {
  return [...new Map(headers)]
}
