/** What a store has done since it was opened; each layer counts its part. */
import type { Partition, StoreName } from '../core/record.ts'

export interface StoreStatistics {
  readonly store: StoreName
  readonly partition: Partition
  readonly getCount: number
  readonly putCount: number
  readonly deleteCount: number
  /** Requested keys (or ranges of a key) that were in memory already. */
  readonly hitCount: number
  /** Requested keys (or ranges of a key) that were read from the backend. */
  readonly missCount: number
  readonly readBytes: number
  readonly writtenBytes: number
  readonly evictedCount: number
  /** Entries deleted because their TTL or retention was over. */
  readonly expiredCount: number
  /** Writes that had no effect because their window or session was expired already. */
  readonly expiredPutCount: number
}

export class StoreMeter implements StoreStatistics {
  readonly store: StoreName
  readonly partition: Partition
  getCount = 0
  putCount = 0
  deleteCount = 0
  hitCount = 0
  missCount = 0
  readBytes = 0
  writtenBytes = 0
  evictedCount = 0
  expiredCount = 0
  expiredPutCount = 0

  constructor(store: StoreName, partition: Partition) {
    this.store = store
    this.partition = partition
  }

  /** The counts as they are now. */
  read(): StoreStatistics {
    return Object.assign({}, this)
  }
}
