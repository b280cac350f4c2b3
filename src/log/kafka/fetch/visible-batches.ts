/** Which batches of a response a reader may see: Kafka leaves that to the client. */
import type { Offset } from '../../../core/record.ts'
import type { PlacedBatch } from '../../encoded-log.ts'
import type { FetchRequest } from '../../log.ts'
import type { BatchHeader } from '../batches/batch-header.ts'
import { batchHeaderBytes, readBatchHeader } from '../batches/batch-header.ts'
import { decompress } from '../batches/compression.ts'
import type { AbortedTransaction, FetchAnswer } from './fetch-request.ts'

export interface VisibleBatches {
  readonly batches: readonly PlacedBatch[]
  /** Beyond all that was looked at, seen or left out. */
  readonly nextOffset: Offset
}

type Response = Pick<FetchAnswer, 'records' | 'aborted' | 'lastStableOffset'>

/**
 * A batch is left out where it holds markers, where compaction has left nothing of it, and, under `read_committed`,
 * where its transaction was aborted: from the first offset that the response names for a producer up to the
 * producer's abort marker.
 * @throws TidemarkError DATA_DIR_CORRUPT where a batch is of an unknown format
 */
export function visibleBatches(
  response: Response,
  fetchOffset: Offset,
  isolation: FetchRequest['isolation'],
): VisibleBatches {
  const { records } = response
  const committedOnly = isolation === 'read_committed'
  const aborted = new AbortedProducers(committedOnly ? response.aborted : [])
  const batches: PlacedBatch[] = []
  let nextOffset = fetchOffset
  for (let start = 0; start + batchHeaderBytes <= records.length;) {
    const header = readBatchHeader(records, start)
    const end = start + header.bytes
    // The broker cuts the last one off where the bytes are used up.
    if (header.bytes < batchHeaderBytes || end > records.length) break
    if (committedOnly && header.baseOffset >= response.lastStableOffset) break
    const bytes = records.subarray(start, end)
    start = end
    const { baseOffset, lastOffset } = header
    const isAborted = aborted.passes(header, bytes)
    if (lastOffset < fetchOffset) continue
    nextOffset = (lastOffset + 1) as Offset
    if (isAborted || header.isControl || header.recordCount === 0) continue
    batches.push({ baseOffset, lastOffset, bytes })
  }
  return { batches, nextOffset }
}

/** Whose batches are of an aborted transaction, while one goes through a response in order. */
class AbortedProducers {
  readonly #transactions: readonly AbortedTransaction[]
  readonly #now = new Set<bigint>()
  #next = 0

  constructor(transactions: readonly AbortedTransaction[]) {
    this.#transactions = [...transactions].sort(
      (left, right) => left.firstOffset - right.firstOffset,
    )
  }

  /** True where the batch is of an aborted transaction. Called once for each batch, in order. */
  passes(header: BatchHeader, bytes: Buffer): boolean {
    for (; this.#next < this.#transactions.length; this.#next++) {
      const transaction = this.#transactions[this.#next] as AbortedTransaction
      if (transaction.firstOffset > header.lastOffset) break
      this.#now.add(transaction.producerId)
    }
    if (!header.isControl) return header.isTransactional && this.#now.has(header.producerId)
    if (isAbortMarker(header, bytes)) this.#now.delete(header.producerId)
    return false
  }
}

const abortType = 0

/** The key of a marker is its version and its type, two bytes each. */
function isAbortMarker(header: BatchHeader, bytes: Buffer): boolean {
  if (header.recordCount === 0) return false
  const record = decompress(bytes.subarray(batchHeaderBytes), header.compression)
  // Length, attributes, timestamp and offset delta, key length; each number of a marker may be longer than a byte.
  let at = afterVarint(record, 0) + 1
  at = afterVarint(record, at)
  at = afterVarint(record, at)
  at = afterVarint(record, at)
  return at + 4 <= record.length && record.readInt16BE(at + 2) === abortType
}

function afterVarint(bytes: Buffer, start: number): number {
  let at = start
  while (at < bytes.length && (bytes[at] as number) >= 0x80) at++
  return at + 1
}
