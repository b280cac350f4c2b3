/**
 * The header of Kafka's record batch, format 2. Numbers are big-endian:
 *
 *      0  i64  base offset               27  i64  base timestamp, ms
 *      8  i32  bytes after this field    35  i64  greatest timestamp, ms
 *     12  i32  leader epoch              43  i64  producer id
 *     16  i8   format, 2                 51  i16  producer epoch
 *     17  u32  CRC-32C of all from 21    53  i32  base sequence
 *     21  i16  attributes                57  i32  record count
 *     23  i32  last offset delta         61       records, compressed or not
 *
 * Source: the page "Message Format" of Kafka's documentation, and KIP-98.
 */
import { crc32c } from '@node-rs/crc32'

import { TidemarkError } from '../../../core/errors.ts'
import type { Offset } from '../../../core/record.ts'

export const batchHeaderBytes = 61
/** What comes before the length field counts, and the field itself. */
export const lengthPrefixBytes = 12
export const batchFormatVersion = 2

export const headerAt = {
  baseOffset: 0,
  length: 8,
  format: 16,
  checksum: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  recordCount: 57,
} as const

export const compressionMask = 0x07
const logAppendTimeFlag = 0x08
const transactionalFlag = 0x10
const controlFlag = 0x20

export interface BatchHeader {
  readonly baseOffset: Offset
  readonly lastOffset: Offset
  /** Of the whole batch, this header included. */
  readonly bytes: number
  readonly compression: number
  /** All records have the batch's greatest timestamp: the broker's time at which it was appended. */
  readonly hasLogAppendTime: boolean
  readonly isTransactional: boolean
  /** It holds markers of the transaction coordinator, not records. */
  readonly isControl: boolean
  readonly maxTimestampMs: number
  readonly producerId: bigint
  readonly recordCount: number
}

/** Of the batch that starts at `start`, of which at least the header is there.
 * @throws TidemarkError DATA_DIR_CORRUPT */
export function readBatchHeader(bytes: Buffer, start = 0): BatchHeader {
  const format = bytes.readInt8(start + headerAt.format)
  if (format !== batchFormatVersion) {
    throw corruptBatch(
      `its format is ${format}, from a producer before Kafka 0.11; this release reads ${batchFormatVersion}`,
    )
  }
  const baseOffset = readPosition(bytes, start + headerAt.baseOffset)
  const attributes = bytes.readInt16BE(start + headerAt.attributes)
  return {
    baseOffset: baseOffset as Offset,
    lastOffset: (baseOffset + bytes.readInt32BE(start + headerAt.lastOffsetDelta)) as Offset,
    bytes: bytes.readInt32BE(start + headerAt.length) + lengthPrefixBytes,
    compression: attributes & compressionMask,
    hasLogAppendTime: (attributes & logAppendTimeFlag) !== 0,
    isTransactional: (attributes & transactionalFlag) !== 0,
    isControl: (attributes & controlFlag) !== 0,
    maxTimestampMs: readPosition(bytes, start + headerAt.maxTimestamp),
    producerId: bytes.readBigInt64BE(start + headerAt.producerId),
    recordCount: bytes.readInt32BE(start + headerAt.recordCount),
  }
}

/** A 64-bit number that is known to be a safe integer: an offset or a time. */
export function readPosition(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4)
}

export function writePosition(bytes: Buffer, value: number, at: number): void {
  bytes.writeInt32BE(Math.floor(value / 2 ** 32), at)
  bytes.writeUInt32BE(value - Math.floor(value / 2 ** 32) * 2 ** 32, at + 4)
}

/** Who produced a batch, by which the broker refuses what it has already and what comes from a zombie. */
export interface ProducerStamp {
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly isTransactional: boolean
}

/** Writes the stamp into the header and the checksum anew. A batch that is sent again keeps its stamp. */
export function stampBatch(batch: Buffer, stamp: ProducerStamp): void {
  batch.writeBigInt64BE(stamp.producerId, headerAt.producerId)
  batch.writeInt16BE(stamp.producerEpoch, headerAt.producerEpoch)
  batch.writeInt32BE(stamp.baseSequence, headerAt.baseSequence)
  const attributes = batch.readInt16BE(headerAt.attributes) & ~transactionalFlag
  batch.writeInt16BE(
    stamp.isTransactional ? attributes | transactionalFlag : attributes,
    headerAt.attributes,
  )
  writeChecksum(batch)
}

export function writeChecksum(batch: Buffer): void {
  batch.writeUInt32BE(crc32c(batch.subarray(headerAt.attributes)), headerAt.checksum)
}

export function hasRightChecksum(batch: Buffer): boolean {
  return crc32c(batch.subarray(headerAt.attributes)) === batch.readUInt32BE(headerAt.checksum)
}

export function corruptBatch(reason: string, cause?: unknown): TidemarkError {
  return new TidemarkError(
    'DATA_DIR_CORRUPT',
    `a record batch of the Kafka log is unreadable: ${reason}`,
    { cause },
  )
}
