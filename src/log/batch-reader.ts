/** Reads the batches of a partition: from the cached tail where it reaches, else from the storage. */
import type { Offset } from '../core/record.ts'
import type { OrderedStorage } from './ordered-storage.ts'
import type { PartitionLog } from './partition-log.ts'
import { summarizeRecordBatch } from './record-batch.ts'
import { lastOffsetOfLogKey, logKey } from './storage-keys.ts'
import type { StoredBatch } from './tail-cache.ts'

const batchesPerReadMax = 256

/** The durable batches from the one that holds `offset` on; at least one where there is one. Empty means that
 * no record is left between `offset` and the high watermark. */
export async function readBatches(
  storage: OrderedStorage,
  partition: PartitionLog,
  offset: Offset,
  bytesMax: number,
): Promise<StoredBatch[]> {
  const estimate = Math.ceil(bytesMax / partition.batchBytesMean)
  const entries = await storage.scan({
    family: 'log',
    from: logKey(partition.topic.number, partition.partition, offset),
    // A batch is stored under its last offset: what is not durable yet is at or above the high watermark.
    to: logKey(partition.topic.number, partition.partition, partition.highWatermark),
    entriesMax: Math.max(1, Math.min(batchesPerReadMax, estimate)),
  })
  const batches: StoredBatch[] = []
  let bytes = 0
  for (const { key, value } of entries) {
    if (batches.length > 0 && bytes + value.length > bytesMax) break
    const lastOffset = lastOffsetOfLogKey(key)
    batches.push(storedBatch(lastOffset, value))
    bytes += value.length
    noteBatchBytes(partition, value.length)
  }
  return batches
}

export function storedBatch(lastOffset: Offset, bytes: Buffer): StoredBatch {
  const { lastOffsetDelta } = summarizeRecordBatch(bytes)
  return { baseOffset: (lastOffset - lastOffsetDelta) as Offset, lastOffset, bytes }
}

export function noteBatchBytes(partition: PartitionLog, bytes: number): void {
  partition.batchBytesMean += (bytes - partition.batchBytesMean) / 16
}
