/** The codec of a batch format, made in the thread that uses it. */
import { assert } from '../core/assert.ts'
import type { BatchCodec, BatchFormat } from './encoded-log.ts'
import { decodeBatch } from './kafka/batches/decode-batch.ts'
import { encodeBatches } from './kafka/batches/encode-batches.ts'
import { decodeRecordBatch, encodeRecordBatches, summarizeRecordBatch } from './record-batch.ts'

export function batchCodec(format: BatchFormat): BatchCodec {
  if (format.name === 'kafka') {
    return {
      encode: (records, bytesMax) => encodeBatches(records, bytesMax, format.compression),
      decode: (batch, fromOffset) => decodeBatch(batch.bytes, fromOffset),
    }
  }
  assert(format.compression === 'none', 'batches of the embedded log are not compressed')
  return {
    encode: (records, bytesMax) =>
      encodeRecordBatches(records, bytesMax).map((bytes) => ({
        bytes,
        recordCount: summarizeRecordBatch(bytes).recordCount,
      })),
    decode: (batch, fromOffset) => decodeRecordBatch(batch.bytes, batch.baseOffset, fromOffset),
  }
}
