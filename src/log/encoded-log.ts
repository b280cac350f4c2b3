/**
 * A log whose record batches cross threads as they are stored: the thread that owns the connections or the
 * storage moves bytes, workers encode, compress and decode them.
 */
import type { ConsumerRecord, Offset, ProducerRecord, TopicPartition } from '../core/record.ts'
import type { FetchRequest, Log, Transaction, TransactionalProducer } from './log.ts'

/** Plain data, so that it can be sent to a worker, which makes its own codec with `batchCodec(format)`. */
export interface BatchFormat {
  readonly name: 'tidemark' | 'kafka'
  /** Of the batches that are encoded; any is decoded. `tidemark` batches are never compressed. */
  readonly compression: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
}

/** An encoded batch and its place. */
export interface PlacedBatch {
  readonly baseOffset: Offset
  readonly lastOffset: Offset
  readonly bytes: Buffer
}

export interface BatchCodec {
  /** Batches of about `bytesMax` bytes each, uncompressed size, at least one record in each. */
  encode(records: readonly ProducerRecord[], bytesMax: number): readonly EncodedBatch[]
  /** The records of a batch at and above `fromOffset`; their keys and values may be views on it.
   * @throws TidemarkError DATA_DIR_CORRUPT where the batch is not as it was written */
  decode(batch: PlacedBatch, fromOffset: Offset): ConsumerRecord[]
}

export interface EncodedBatch {
  /** Not changed by anyone but the log, which may stamp its header, from now on. */
  readonly bytes: Buffer
  readonly recordCount: number
}

/** A batch that was encoded elsewhere, by the codec of the log's format. */
export interface EncodedRecords extends TopicPartition {
  /** Not changed by anyone but the log from now on. */
  readonly batch: Buffer
  readonly recordCount: number
}

/** What a fetch found in one partition, still encoded; aborted transactions and control records are left out, so
 * `nextOffset` may be beyond the last batch. */
export interface FetchedBatches extends TopicPartition {
  readonly fetchOffset: Offset
  readonly batches: readonly PlacedBatch[]
  readonly nextOffset: Offset
  readonly logStartOffset: Offset
  readonly highWatermark: Offset
  readonly lastStableOffset: Offset
  /** As in `FetchedPartition`. */
  readonly isStale?: true
}

export interface EncodedTransaction extends Transaction {
  sendEncoded(records: EncodedRecords): void
}

export interface EncodedProducer extends TransactionalProducer {
  begin(): EncodedTransaction
}

export interface EncodedLog extends Log {
  readonly batchFormat: BatchFormat
  fetchEncoded(request: FetchRequest): Promise<readonly FetchedBatches[]>
  transactionalProducer(transactionalId: string): Promise<EncodedProducer>
}
