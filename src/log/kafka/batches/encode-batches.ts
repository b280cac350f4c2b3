/**
 * Encodes records into Kafka's record batches. A record is, all numbers but the attributes zigzag varints:
 *
 *     (length) attributes (timestamp delta) (offset delta) (key length) key (value length) value
 *     (header count) { (name length) name (value length) value }
 *
 * A length of −1 stands for null. The scratch buffer is reused, the results are copies of exactly their size. Who
 * produced the batch is stamped later (`stampBatch`), by the thread that has the sequence numbers.
 */
import { assert } from '../../../core/assert.ts'
import { TidemarkError } from '../../../core/errors.ts'
import { noHeaders } from '../../../core/record.ts'
import type { Headers, ProducerRecord } from '../../../core/record.ts'
import type { BatchFormat, EncodedBatch } from '../../encoded-log.ts'
import {
  batchFormatVersion,
  batchHeaderBytes,
  headerAt,
  lengthPrefixBytes,
  writeChecksum,
  writePosition,
} from './batch-header.ts'
import { compress, compressionCode } from './compression.ts'

/** Below this length a loop copies faster than a call of `set`. */
const loopCopyBytesMax = 16
/** One giant record must not keep its scratch for ever. */
const scratchKeptBytesMax = 4 * 1024 * 1024
/** Beyond it the zigzag of a number no longer fits the integers of bit operations. */
const smallMax = 2 ** 30
/** Below it the zigzag of a number is a safe integer. */
const safeMax = 2 ** 52

let scratch = Buffer.allocUnsafeSlow(64 * 1024)
let position = 0

/** As many batches as it takes for each to stay near `bytesMax` before its compression; a larger record has a
 * batch of its own. @throws TidemarkError REQUEST_INVALID where a timestamp is no whole number */
export function encodeBatches(
  records: readonly ProducerRecord[],
  bytesMax: number,
  compression: BatchFormat['compression'] = 'none',
): readonly EncodedBatch[] {
  const batches: EncodedBatch[] = []
  for (let next = 0; next < records.length;) {
    const end = encodeRun(records, next, bytesMax)
    batches.push({ bytes: takeBatch(compression), recordCount: end - next })
    next = end
  }
  return batches
}

/** Encodes records from `start` into the scratch; returns the index of the first that was left out. */
function encodeRun(records: readonly ProducerRecord[], start: number, bytesMax: number): number {
  position = batchHeaderBytes
  const baseTimestampMs = records[start]?.timestampMs ?? 0
  let maxTimestampMs = baseTimestampMs
  let index = start
  for (; index < records.length; index++) {
    const record = records[index] as ProducerRecord
    const bodyBytes = recordBodyBytes(record, index - start, baseTimestampMs)
    // Five bytes hold any length.
    const bytesBound = position + 5 + bodyBytes
    if (index > start && bytesBound > bytesMax) break
    if (bytesBound > scratch.length) growScratch(bytesBound)
    if (record.timestampMs > maxTimestampMs) maxTimestampMs = record.timestampMs
    putRecord(record, bodyBytes, index - start, baseTimestampMs)
  }
  scratch.fill(0, 0, batchHeaderBytes)
  scratch[headerAt.format] = batchFormatVersion
  scratch.writeInt32BE(index - start - 1, headerAt.lastOffsetDelta)
  writePosition(scratch, baseTimestampMs, headerAt.baseTimestamp)
  writePosition(scratch, maxTimestampMs, headerAt.maxTimestamp)
  // Of nobody, until it is stamped: id, epoch and sequence are −1.
  scratch.fill(0xff, headerAt.producerId, headerAt.recordCount)
  scratch.writeInt32BE(index - start, headerAt.recordCount)
  return index
}

function takeBatch(compression: BatchFormat['compression']): Buffer {
  let batch: Buffer
  if (compression === 'none') {
    batch = Buffer.allocUnsafeSlow(position)
    scratch.copy(batch, 0, 0, position)
  } else {
    const compressed = compress(scratch.subarray(batchHeaderBytes, position), compression)
    batch = Buffer.allocUnsafeSlow(batchHeaderBytes + compressed.length)
    scratch.copy(batch, 0, 0, batchHeaderBytes)
    compressed.copy(batch, batchHeaderBytes)
    batch.writeInt16BE(compressionCode(compression), headerAt.attributes)
  }
  batch.writeInt32BE(batch.length - lengthPrefixBytes, headerAt.length)
  writeChecksum(batch)
  if (scratch.length > scratchKeptBytesMax) scratch = Buffer.allocUnsafeSlow(64 * 1024)
  return batch
}

function recordBodyBytes(
  record: ProducerRecord,
  offsetDelta: number,
  baseTimestampMs: number,
): number {
  const { key, value, headers } = record
  if (!Number.isSafeInteger(record.timestampMs)) {
    throw new TidemarkError(
      'REQUEST_INVALID',
      `timestamp ${record.timestampMs} is not a whole number of milliseconds`,
    )
  }
  const bytes =
    1 +
    timestampBytes(record.timestampMs, baseTimestampMs) +
    varintBytes(offsetDelta) +
    nullableBytes(key) +
    nullableBytes(value)
  if (headers === undefined || headers.length === 0) return bytes + 1
  return bytes + headersBytes(headers)
}

function headersBytes(headers: Headers): number {
  let bytes = varintBytes(headers.length)
  for (const [name, value] of headers) {
    const nameBytes = Buffer.byteLength(name)
    bytes += varintBytes(nameBytes) + nameBytes + varintBytes(value.length) + value.length
  }
  return bytes
}

function nullableBytes(bytes: Buffer | null): number {
  return bytes === null ? 1 : varintBytes(bytes.length) + bytes.length
}

function putRecord(
  record: ProducerRecord,
  bodyBytes: number,
  offsetDelta: number,
  baseTimestampMs: number,
): void {
  putVarint(bodyBytes)
  const end = position + bodyBytes
  scratch[position++] = 0
  putTimestamp(record.timestampMs, baseTimestampMs)
  putVarint(offsetDelta)
  putNullable(record.key)
  putNullable(record.value)
  const { headers = noHeaders } = record
  putVarint(headers.length)
  for (const [name, value] of headers) {
    putVarint(Buffer.byteLength(name))
    position += scratch.write(name, position)
    putVarint(value.length)
    putBytes(value)
  }
  assert(position === end, 'a record is as long as was reckoned')
}

function varintBytes(value: number): number {
  if (value < smallMax && value >= -smallMax) {
    let zigzag = ((value << 1) ^ (value >> 31)) >>> 0
    let bytes = 1
    while (zigzag > 0x7f) {
      zigzag >>>= 7
      bytes++
    }
    return bytes
  }
  let zigzag = largeZigzag(value)
  let bytes = 1
  while (zigzag > 0x7f) {
    zigzag = Math.floor(zigzag / 128)
    bytes++
  }
  return bytes
}

function putVarint(value: number): void {
  if (value < smallMax && value >= -smallMax) {
    let zigzag = ((value << 1) ^ (value >> 31)) >>> 0
    while (zigzag > 0x7f) {
      scratch[position++] = (zigzag & 0x7f) | 0x80
      zigzag >>>= 7
    }
    scratch[position++] = zigzag
    return
  }
  let zigzag = largeZigzag(value)
  while (zigzag > 0x7f) {
    scratch[position++] = (zigzag % 128) | 0x80
    zigzag = Math.floor(zigzag / 128)
  }
  scratch[position++] = zigzag
}

function largeZigzag(value: number): number {
  return value >= 0 ? value * 2 : -value * 2 - 1
}

function timestampBytes(timestampMs: number, baseTimestampMs: number): number {
  const delta = timestampMs - baseTimestampMs
  if (Math.abs(delta) < safeMax) return varintBytes(delta)
  return Math.ceil(hugeZigzag(timestampMs, baseTimestampMs).toString(2).length / 7)
}

function putTimestamp(timestampMs: number, baseTimestampMs: number): void {
  const delta = timestampMs - baseTimestampMs
  if (Math.abs(delta) < safeMax) {
    putVarint(delta)
    return
  }
  let zigzag = hugeZigzag(timestampMs, baseTimestampMs)
  for (; zigzag > 0x7fn; zigzag >>= 7n) scratch[position++] = Number(zigzag & 0x7fn) | 0x80
  scratch[position++] = Number(zigzag)
}

/** Of times at the two ends of all that a date can be. */
function hugeZigzag(timestampMs: number, baseTimestampMs: number): bigint {
  const delta = BigInt(timestampMs) - BigInt(baseTimestampMs)
  return delta >= 0n ? delta * 2n : -delta * 2n - 1n
}

function putNullable(bytes: Buffer | null): void {
  if (bytes === null) {
    // −1, zigzag.
    scratch[position++] = 1
    return
  }
  putVarint(bytes.length)
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

function growScratch(bytesNeeded: number): void {
  const grown = Buffer.allocUnsafeSlow(Math.max(bytesNeeded, scratch.length * 2))
  scratch.copy(grown, 0, 0, position)
  scratch = grown
}
