/** Decodes a record batch of Kafka; `encode-batches.ts` has the layout. */
import { noHeaders } from '../../../core/record.ts'
import type { ConsumerRecord, Headers, Offset } from '../../../core/record.ts'
import {
  batchHeaderBytes,
  corruptBatch,
  hasRightChecksum,
  headerAt,
  readBatchHeader,
  readPosition,
} from './batch-header.ts'
import { decompress } from './compression.ts'

/** Where the decoder reads next; a module variable because a cursor object a batch costs a third more. */
let cursor = 0

/**
 * The records at and above `fromOffset`; none of a control batch. Their keys, values and header values are views on
 * the batch, or on what it was decompressed to.
 * @throws TidemarkError DATA_DIR_CORRUPT
 */
export function decodeBatch(batch: Buffer, fromOffset: Offset): ConsumerRecord[] {
  if (batch.length < batchHeaderBytes) throw corruptBatch(`it has ${batch.length} bytes`)
  const header = readBatchHeader(batch)
  if (header.bytes !== batch.length) {
    throw corruptBatch(`it says that it has ${header.bytes} bytes and has ${batch.length}`)
  }
  if (!hasRightChecksum(batch)) {
    throw corruptBatch(`its checksum is wrong (base offset ${header.baseOffset})`)
  }
  if (header.isControl) return []
  const baseTimestampMs = readPosition(batch, headerAt.baseTimestamp)
  const bytes = decompress(batch.subarray(batchHeaderBytes), header.compression)
  const records: ConsumerRecord[] = []
  cursor = 0
  for (let index = 0; index < header.recordCount; index++) {
    const bodyBytes = readVarint(bytes)
    const end = cursor + bodyBytes
    // The attributes of a record have no meaning yet.
    cursor += 1
    const timestampMs = readTimestamp(bytes, baseTimestampMs)
    const offset = header.baseOffset + readVarint(bytes)
    const key = readNullable(bytes)
    const value = readNullable(bytes)
    const headerCount = readVarint(bytes)
    const headers = headerCount === 0 ? noHeaders : readHeaders(bytes, headerCount)
    if (cursor !== end || end > bytes.length) {
      throw corruptBatch(`record ${index} is not as long as it says`)
    }
    if (offset < fromOffset) continue
    records.push({
      offset: offset as Offset,
      key,
      value,
      timestampMs: header.hasLogAppendTime ? header.maxTimestampMs : timestampMs,
      headers,
    })
  }
  if (cursor !== bytes.length) throw corruptBatch(`${bytes.length - cursor} bytes are left over`)
  return records
}

function readVarint(bytes: Buffer): number {
  let byte = bytes[cursor++] as number
  if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1)
  let zigzag = byte & 0x7f
  for (let shift = 7; shift < 28; shift += 7) {
    byte = bytes[cursor++] as number
    zigzag |= (byte & 0x7f) << shift
    if (byte < 0x80) return (zigzag >>> 1) ^ -(zigzag & 1)
  }
  return readLargeVarint(bytes, zigzag)
}

function readTimestamp(bytes: Buffer, baseTimestampMs: number): number {
  const start = cursor
  const delta = readVarint(bytes)
  if (Number.isSafeInteger(delta)) return baseTimestampMs + delta
  cursor = start
  return Number(BigInt(baseTimestampMs) + readBigVarint(bytes, 0, 0n))
}

/** What goes beyond 28 bits: timestamps far apart. */
function readLargeVarint(bytes: Buffer, low: number): number {
  return Number(readBigVarint(bytes, low, 28n))
}

function readBigVarint(bytes: Buffer, low: number, from: bigint): bigint {
  let zigzag = BigInt(low)
  for (let shift = from; shift < 70n; shift += 7n) {
    const byte = bytes[cursor++]
    if (byte === undefined) break
    zigzag |= BigInt(byte & 0x7f) << shift
    if (byte < 0x80) return BigInt.asIntN(64, (zigzag >> 1n) ^ -(zigzag & 1n))
  }
  throw corruptBatch('a number in it does not end')
}

function readNullable(bytes: Buffer): Buffer | null {
  const length = readVarint(bytes)
  if (length < 0) return null
  const start = cursor
  cursor += length
  return bytes.subarray(start, cursor)
}

function readHeaders(bytes: Buffer, headerCount: number): Headers {
  if (headerCount < 0 || headerCount > bytes.length) throw corruptBatch(`${headerCount} headers`)
  const headers: [string, Buffer][] = []
  for (let index = 0; index < headerCount; index++) {
    const nameBytes = readVarint(bytes)
    const name = bytes.toString('utf8', cursor, cursor + nameBytes)
    cursor += nameBytes
    // Kafka allows null here; no one tells it from empty.
    headers.push([name, readNullable(bytes) ?? Buffer.alloc(0)])
  }
  return headers
}
