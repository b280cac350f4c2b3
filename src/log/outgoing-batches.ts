/** What one append or transaction sends, gathered by partition and encoded: few large batches. */
import { TidemarkError } from '../core/errors.ts'
import { topicPartitionId } from '../core/record.ts'
import type { Offset, ProducerRecord } from '../core/record.ts'
import type { AppendResult, PartitionRecords } from './log.ts'
import type { StorageOperation } from './ordered-storage.ts'
import type { PartitionLog } from './partition-log.ts'
import { encodeRecordBatches, summarizeRecordBatch } from './record-batch.ts'
import { logKey } from './storage-keys.ts'
import type { StoredBatch } from './tail-cache.ts'

/** Large enough to be few, small enough that a fetch from the middle does not decode much for nothing. */
export const batchBytesMax = 256 * 1024

interface Outgoing {
  readonly log: PartitionLog
  readonly encoded: { readonly bytes: Buffer; readonly recordCount: number }[]
  /** Sent and not encoded yet. */
  pending: ProducerRecord[]
  recordCount: number
  /** Filled in by `place`. */
  stored: StoredBatch[]
  baseOffset: Offset
}

export class OutgoingBatches {
  readonly #recordBytesMax: number
  readonly #limitName: string
  readonly #byPartition = new Map<PartitionLog, Outgoing>()
  /** One for each send, in order: how many records of its partition were sent before it. */
  readonly #sends: { readonly outgoing: Outgoing; readonly recordsBefore: number }[] = []
  #bytes = 0

  constructor(
    recordBytesMax: number,
    limitName: 'recordBytesMax' | 'transactionRecordBytesMax' = 'recordBytesMax',
  ) {
    this.#recordBytesMax = recordBytesMax
    this.#limitName = limitName
  }

  get bytes(): number {
    return this.#bytes
  }

  /** @throws TidemarkError RECORD_TOO_LARGE | KEY_MISSING: then nothing of the batch was taken */
  add(log: PartitionLog, batch: PartitionRecords): void {
    let bytes = 0
    for (const record of batch.records) {
      const recordBytes = recordBytesOf(record)
      if (recordBytes > this.#recordBytesMax) throw this.#tooLarge(log, recordBytes)
      if (record.key === null && log.topic.spec.cleanupPolicy === 'compact') throw keyMissing(log)
      bytes += recordBytes
    }
    const outgoing = this.#outgoing(log)
    this.#sends.push({ outgoing, recordsBefore: outgoing.recordCount })
    if (outgoing.pending.length === 0) outgoing.pending = [...batch.records]
    else for (const record of batch.records) outgoing.pending.push(record)
    outgoing.recordCount += batch.records.length
    this.#bytes += bytes
  }

  /** @throws TidemarkError RECORD_TOO_LARGE | KEY_MISSING | REQUEST_INVALID */
  addEncoded(log: PartitionLog, batch: Buffer, recordCount: number): void {
    const summary = summarizeRecordBatch(batch)
    if (summary.recordCount !== recordCount || summary.lastOffsetDelta !== recordCount - 1) {
      throw new TidemarkError(
        'REQUEST_INVALID',
        `${topicPartitionId(log.at)}: the encoded batch has ${summary.recordCount} records, not ${recordCount}`,
      )
    }
    if (summary.largestRecordBytes > this.#recordBytesMax) {
      throw this.#tooLarge(log, summary.largestRecordBytes)
    }
    if (summary.hasNullKey && log.topic.spec.cleanupPolicy === 'compact') throw keyMissing(log)
    const outgoing = this.#outgoing(log)
    encodePending(outgoing)
    this.#sends.push({ outgoing, recordsBefore: outgoing.recordCount })
    outgoing.encoded.push({ bytes: batch, recordCount })
    outgoing.recordCount += recordCount
    this.#bytes += batch.length
  }

  /** Encodes what is left, before the single writer is asked for. */
  seal(): void {
    for (const outgoing of this.#byPartition.values()) encodePending(outgoing)
  }

  /** In the single writer: gives every batch its offsets. */
  place(operations: StorageOperation[]): void {
    for (const outgoing of this.#byPartition.values()) {
      const { log } = outgoing
      outgoing.baseOffset = log.nextOffset
      outgoing.stored = []
      for (const { bytes, recordCount } of outgoing.encoded) {
        const baseOffset = log.nextOffset
        const lastOffset = (baseOffset + recordCount - 1) as Offset
        const key = logKey(log.topic.number, log.partition, lastOffset)
        operations.push({ kind: 'put', family: 'log', key, value: bytes })
        outgoing.stored.push({ baseOffset, lastOffset, bytes })
        log.nextOffset = (lastOffset + 1) as Offset
      }
    }
  }

  /** After the write: calls `show` with each partition's new batches. */
  *placed(): Iterable<readonly [PartitionLog, readonly StoredBatch[]]> {
    for (const { log, stored } of this.#byPartition.values()) yield [log, stored]
  }

  results(): AppendResult[] {
    return this.#sends.map(({ outgoing, recordsBefore }) => ({
      ...outgoing.log.at,
      baseOffset: (outgoing.baseOffset + recordsBefore) as Offset,
    }))
  }

  #outgoing(log: PartitionLog): Outgoing {
    let outgoing = this.#byPartition.get(log)
    if (outgoing === undefined) {
      const baseOffset = 0 as Offset
      outgoing = { log, encoded: [], pending: [], recordCount: 0, stored: [], baseOffset }
      this.#byPartition.set(log, outgoing)
    }
    return outgoing
  }

  #tooLarge(log: PartitionLog, recordBytes: number): TidemarkError {
    return new TidemarkError(
      'RECORD_TOO_LARGE',
      `topic ${log.topic.spec.name}: a record of ${recordBytes} bytes is beyond ${this.#limitName}, ${this.#recordBytesMax}`,
      {
        details: { topic: log.topic.spec.name, recordBytes, recordBytesMax: this.#recordBytesMax },
      },
    )
  }
}

function encodePending(outgoing: Outgoing): void {
  if (outgoing.pending.length === 0) return
  for (const bytes of encodeRecordBatches(outgoing.pending, batchBytesMax)) {
    outgoing.encoded.push({ bytes, recordCount: summarizeRecordBatch(bytes).recordCount })
  }
  outgoing.pending = []
}

function recordBytesOf(record: ProducerRecord): number {
  let bytes = (record.key?.length ?? 0) + (record.value?.length ?? 0)
  if (record.headers === undefined) return bytes
  for (const [name, value] of record.headers) bytes += Buffer.byteLength(name) + value.length
  return bytes
}

function keyMissing(log: PartitionLog): TidemarkError {
  return new TidemarkError(
    'KEY_MISSING',
    `topic ${log.topic.spec.name} is compacted: a record without a key could never be replaced`,
    { details: { topic: log.topic.spec.name } },
  )
}
