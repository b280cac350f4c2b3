/**
 * Records that lie in the log already, changed in their place: offsets stay, so nobody who reads loses their position. Batch by
 * batch through the single writer; what is changed twice is the same, so it may be ended anywhere and done again.
 */
import { present } from '../core/assert.ts'
import type { ConsumerRecord, Offset } from '../core/record.ts'
import { readBatches } from './batch-reader.ts'
import type { GroupCommit } from './group-commit.ts'
import type { OrderedStorage } from './ordered-storage.ts'
import type { PartitionLog } from './partition-log.ts'
import { decodeRecordBatch, encodeCompactedBatch } from './record-batch.ts'
import { logKey } from './storage-keys.ts'
import type { StoredBatch } from './tail-cache.ts'

/** For each record in order: itself, another of its offset, or null where none is left. */
export type ChangeRecords = (
  records: readonly ConsumerRecord[],
) => Promise<readonly (ConsumerRecord | null)[]>

export interface RewriteOptions {
  /** Records from this offset on stay as they are. */
  readonly before: Offset
  readonly change: ChangeRecords
  readonly signal?: AbortSignal
}

const readBytesMax = 4 * 1024 * 1024

export async function rewriteRecords(
  storage: OrderedStorage,
  commits: GroupCommit,
  log: PartitionLog,
  { before, change, signal }: RewriteOptions,
): Promise<void> {
  let position = log.logStartOffset
  while (position < before) {
    signal?.throwIfAborted()
    const batches = await readBatches(storage, log, position, readBytesMax)
    const last = batches.at(-1)
    if (last === undefined) return
    const rewrites: { readonly batch: StoredBatch; readonly bytes: Buffer }[] = []
    for (const batch of batches) {
      const bytes = await changedBatch(batch, before, change)
      if (bytes !== null) rewrites.push({ batch, bytes })
    }
    if (rewrites.length > 0) {
      await commits.run({
        bytes: rewrites.reduce((sum, { bytes }) => sum + bytes.length, 0),
        prepare: (operations) => {
          for (const { batch, bytes } of rewrites) {
            const key = logKey(log.topic.number, log.partition, batch.lastOffset)
            operations.push({ kind: 'put', family: 'log', key, value: bytes })
          }
        },
        settle: () => {
          log.tail.clear()
        },
      })
    }
    position = (last.lastOffset + 1) as Offset
  }
}

/** Null where it stays as it is. An empty batch keeps its place: the last one of a partition says where that ends. */
async function changedBatch(
  batch: StoredBatch,
  before: Offset,
  change: ChangeRecords,
): Promise<Buffer | null> {
  const records = decodeRecordBatch(batch.bytes, batch.baseOffset)
  const inReach = records.filter(({ offset }) => offset < before)
  const changed = await change(inReach)
  if (inReach.every((record, index) => record === changed[index])) return null
  const left = records.flatMap((record, index) => {
    if (index >= inReach.length) return record
    const now = changed[index]
    return now === null ? [] : present(now, `record ${record.offset}`)
  })
  return encodeCompactedBatch(left, batch)
}
