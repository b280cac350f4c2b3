/**
 * The record batch: the unit that the log stores, caches and ships between threads. Compact like Kafka's
 * batch v2, but with the offsets left to its place (the base offset is not part of the bytes), so
 * that a batch is encoded before anyone knows where it will land.
 *
 * Layout, version 1, numbers big-endian:
 *
 *     0  u8   version                  14  f64  base timestamp, ms (that of the first record)
 *     1  u32  CRC-32 of all from 5 on  22  f64  greatest timestamp, ms
 *     5  u8   flags (see below)        30  u32  bytes of the largest record
 *     6  u32  record count             34  records
 *    10  u32  last offset − base offset
 *
 *     record = [offset delta] (timestamp delta, zigzag, + 1) (key length + 1) key (value length + 1) value
 *              (header count) { (name length) name (value length) value }
 *
 * All parts in brackets are base-128 varints; length + 1 = 0 stands for null, and a timestamp delta of 0 for a
 * timestamp too far from the base, which follows as f64. The offset delta is there only
 * in a sparse batch, one that compaction has left gaps in; elsewhere the n-th record has offset base + n.
 *
 * Both directions are pure functions of their arguments. The encoder's scratch buffer is reused, its
 * results are copies of exactly their size.
 */
import { crc32 } from 'node:zlib'

import { assert, present } from '../core/assert.ts'
import { TidemarkError } from '../core/errors.ts'
import { noHeaders } from '../core/record.ts'
import type { ConsumerRecord, Headers, Offset, ProducerRecord } from '../core/record.ts'

const recordBatchVersion = 1
const headerBytes = 34
const crcStart = 5
const sparseFlag = 1
const nullKeyFlag = 2
/** Below this length a loop copies faster than a call of `set`. */
const loopCopyBytesMax = 16
/** Twice this, plus one, is still a safe integer. */
const timestampDeltaMax = 2 ** 51
/** One giant record must not keep its scratch for ever. */
const scratchKeptBytesMax = 4 * 1024 * 1024

/** What is known of a batch without reading its records. */
export interface RecordBatchSummary {
  readonly recordCount: number
  readonly lastOffsetDelta: number
  readonly maxTimestampMs: number
  /** Of the record's encoded form: key, value, headers and a few bytes around them. */
  readonly largestRecordBytes: number
  readonly hasNullKey: boolean
}

let scratch = Buffer.allocUnsafeSlow(64 * 1024)
let position = 0

/** One batch of all these records, at least one. */
export function encodeRecordBatch(records: readonly ProducerRecord[]): Buffer {
  assert(records.length > 0, 'a batch has records')
  encodeRun(records, 0, Infinity, null)
  return takeScratch()
}

/** As many batches as it takes for each to stay near `bytesMax`; a larger record has a batch of its own. */
export function encodeRecordBatches(
  records: readonly ProducerRecord[],
  bytesMax: number,
): readonly Buffer[] {
  const batches: Buffer[] = []
  for (let next = 0; next < records.length;) {
    next = encodeRun(records, next, bytesMax, null)
    batches.push(takeScratch())
  }
  return batches
}

/** What compaction leaves of a batch: the place stays, records may be gone, all of them even. */
export function encodeCompactedBatch(
  records: readonly ConsumerRecord[],
  place: { readonly baseOffset: Offset; readonly lastOffset: Offset },
): Buffer {
  encodeRun(records, 0, Infinity, place)
  return takeScratch()
}

/** @throws TidemarkError DATA_DIR_CORRUPT where the version is unknown or the bytes are too few */
export function summarizeRecordBatch(bytes: Buffer): RecordBatchSummary {
  if (bytes.length < headerBytes) throw corrupt(`it has ${bytes.length} bytes`)
  if (bytes[0] !== recordBatchVersion) {
    throw corrupt(`its version is ${bytes[0]}, this release reads ${recordBatchVersion}`)
  }
  return {
    recordCount: bytes.readUInt32BE(6),
    lastOffsetDelta: bytes.readUInt32BE(10),
    maxTimestampMs: bytes.readDoubleBE(22),
    largestRecordBytes: bytes.readUInt32BE(30),
    hasNullKey: (present(bytes[5], 'flags') & nullKeyFlag) !== 0,
  }
}

/**
 * The records from `fromOffset` on. Keys, values and header values are views on `bytes`: they live as long as
 * someone holds them and hold the whole batch with them; copy what is kept for longer than a batch.
 * @throws TidemarkError DATA_DIR_CORRUPT
 */
export function decodeRecordBatch(
  bytes: Buffer,
  baseOffset: Offset,
  fromOffset: Offset = baseOffset,
): ConsumerRecord[] {
  const { recordCount } = summarizeRecordBatch(bytes)
  if (crc32(bytes.subarray(crcStart)) !== bytes.readUInt32BE(1)) {
    throw corrupt(`its checksum is wrong (base offset ${baseOffset})`)
  }
  const sparse = (present(bytes[5], 'flags') & sparseFlag) !== 0
  const baseTimestampMs = bytes.readDoubleBE(14)
  const records: ConsumerRecord[] = []
  cursor = headerBytes
  for (let index = 0; index < recordCount; index++) {
    const offset = baseOffset + (sparse ? readVarint(bytes) : index)
    const timestampMs = readTimestamp(bytes, baseTimestampMs)
    const key = readNullable(bytes)
    const value = readNullable(bytes)
    const headerCount = readVarint(bytes)
    const headers = headerCount === 0 ? noHeaders : readHeaders(bytes, headerCount)
    if (offset >= fromOffset) {
      records.push({ offset: offset as Offset, key, value, timestampMs, headers })
    }
  }
  if (cursor !== bytes.length) throw corrupt(`${bytes.length - cursor} bytes are left over`)
  return records
}

/** Encodes records from `start` into the scratch; returns the index of the first that was left out. */
function encodeRun(
  records: readonly (ProducerRecord | ConsumerRecord)[],
  start: number,
  bytesMax: number,
  place: { readonly baseOffset: Offset; readonly lastOffset: Offset } | null,
): number {
  position = headerBytes
  const baseTimestampMs = records[start]?.timestampMs ?? 0
  let maxTimestampMs = baseTimestampMs
  let largestRecordBytes = 0
  let hasNullKey = false
  let index = start
  for (; index < records.length; index++) {
    const record = records[index] as ProducerRecord | ConsumerRecord
    const bytesBound = encodedBytesBound(record)
    if (index > start && position + bytesBound > bytesMax) break
    if (position + bytesBound > scratch.length) growScratch(position + bytesBound)
    const recordStart = position
    const { key, value, timestampMs } = record
    if (place !== null) putVarint((record as ConsumerRecord).offset - place.baseOffset)
    if (timestampMs > maxTimestampMs) maxTimestampMs = timestampMs
    putTimestamp(timestampMs, baseTimestampMs)
    if (key === null) hasNullKey = true
    putNullable(key)
    putNullable(value)
    if (record.headers === undefined) scratch[position++] = 0
    else putHeaders(record.headers)
    if (position - recordStart > largestRecordBytes) largestRecordBytes = position - recordStart
  }
  const recordCount = index - start
  scratch[0] = recordBatchVersion
  scratch[5] = (place === null ? 0 : sparseFlag) | (hasNullKey ? nullKeyFlag : 0)
  scratch.writeUInt32BE(recordCount, 6)
  scratch.writeUInt32BE(place === null ? recordCount - 1 : place.lastOffset - place.baseOffset, 10)
  scratch.writeDoubleBE(baseTimestampMs, 14)
  scratch.writeDoubleBE(maxTimestampMs, 22)
  scratch.writeUInt32BE(largestRecordBytes, 30)
  scratch.writeUInt32BE(crc32(scratch.subarray(crcStart, position)), 1)
  return index
}

function encodedBytesBound(record: ProducerRecord | ConsumerRecord): number {
  // Five varints of at most eight bytes, or a whole timestamp instead of one.
  let bytes = 48
  if (record.key !== null) bytes += record.key.length
  if (record.value !== null) bytes += record.value.length
  const { headers } = record
  if (headers === undefined || headers.length === 0) return bytes
  for (const [name, value] of headers) bytes += name.length * 3 + value.length + 16
  return bytes
}

function putTimestamp(timestampMs: number, baseTimestampMs: number): void {
  if (!Number.isSafeInteger(timestampMs)) {
    throw new TidemarkError(
      'REQUEST_INVALID',
      `timestamp ${timestampMs} is not a whole number of milliseconds`,
    )
  }
  const delta = timestampMs - baseTimestampMs
  if (Math.abs(delta) < timestampDeltaMax) {
    putVarint(delta >= 0 ? delta * 2 + 1 : -delta * 2)
  } else {
    scratch[position++] = 0
    position = scratch.writeDoubleBE(timestampMs, position)
  }
}

function takeScratch(): Buffer {
  const bytes = Buffer.allocUnsafeSlow(position)
  scratch.copy(bytes, 0, 0, position)
  if (scratch.length > scratchKeptBytesMax) scratch = Buffer.allocUnsafeSlow(64 * 1024)
  return bytes
}

function growScratch(bytesNeeded: number): void {
  const grown = Buffer.allocUnsafeSlow(Math.max(bytesNeeded, scratch.length * 2))
  scratch.copy(grown, 0, 0, position)
  scratch = grown
}

function putVarint(value: number): void {
  let rest = value
  while (rest > 0x7fffffff) {
    scratch[position++] = (rest % 128) | 0x80
    rest = Math.floor(rest / 128)
  }
  while (rest > 0x7f) {
    scratch[position++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  scratch[position++] = rest
}

function putNullable(bytes: Buffer | null): void {
  if (bytes === null) {
    scratch[position++] = 0
    return
  }
  putVarint(bytes.length + 1)
  putBytes(bytes)
}

function putBytes(bytes: Buffer): void {
  const { length } = bytes
  if (length <= loopCopyBytesMax) {
    for (let index = 0; index < length; index++) scratch[position + index] = bytes[index] as number
  } else {
    scratch.set(bytes, position)
  }
  position += length
}

function putHeaders(headers: Headers): void {
  putVarint(headers.length)
  for (const [name, value] of headers) {
    putVarint(Buffer.byteLength(name))
    position += scratch.write(name, position)
    putVarint(value.length)
    putBytes(value)
  }
}

/** Where the decoder reads next; a module variable because a cursor object a batch costs a third more. */
let cursor = 0

function readVarint(bytes: Buffer): number {
  let byte = bytes[cursor++] as number
  if (byte < 0x80) return byte
  let value = byte & 0x7f
  let scale = 128
  do {
    byte = bytes[cursor++] as number
    value += (byte & 0x7f) * scale
    scale *= 128
  } while (byte >= 0x80)
  return value
}

function readTimestamp(bytes: Buffer, baseTimestampMs: number): number {
  const code = readVarint(bytes)
  if (code === 0) {
    cursor += 8
    return bytes.readDoubleBE(cursor - 8)
  }
  return baseTimestampMs + (code % 2 === 1 ? (code - 1) / 2 : -code / 2)
}

function readNullable(bytes: Buffer): Buffer | null {
  const lengthPlusOne = readVarint(bytes)
  return lengthPlusOne === 0 ? null : readBytes(bytes, lengthPlusOne - 1)
}

function readBytes(bytes: Buffer, length: number): Buffer {
  const start = cursor
  cursor += length
  return bytes.subarray(start, cursor)
}

function readHeaders(bytes: Buffer, headerCount: number): Headers {
  const headers: [string, Buffer][] = []
  for (let index = 0; index < headerCount; index++) {
    const nameBytes = readVarint(bytes)
    const name = bytes.toString('utf8', cursor, cursor + nameBytes)
    cursor += nameBytes
    headers.push([name, readBytes(bytes, readVarint(bytes))])
  }
  return headers
}

function corrupt(reason: string): TidemarkError {
  return new TidemarkError('DATA_DIR_CORRUPT', `a record batch of the log is unreadable: ${reason}`)
}
