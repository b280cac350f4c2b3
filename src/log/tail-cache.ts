/** The newest batches of all partitions, bounded in bytes: a consumer that keeps up never reads the disk. */
import type { Offset } from '../core/record.ts'

/** An encoded batch and its place. */
export interface StoredBatch {
  readonly baseOffset: Offset
  readonly lastOffset: Offset
  readonly bytes: Buffer
}

export class TailCache {
  readonly bytesMax: number
  #usedBytes = 0
  /** In the order they were added; what is before `#head` is evicted. */
  #entries: { readonly tail: PartitionTail; readonly batch: StoredBatch }[] = []
  #head = 0

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  add(tail: PartitionTail, batch: StoredBatch): void {
    if (batch.bytes.length > this.bytesMax) {
      // What follows would not join what is there.
      tail.clear()
      return
    }
    tail.push(batch)
    this.#entries.push({ tail, batch })
    this.#usedBytes += batch.bytes.length
    while (this.#usedBytes > this.bytesMax) this.#evictOldest()
  }

  #evictOldest(): void {
    const oldest = this.#entries[this.#head++]
    if (oldest === undefined) return
    this.#usedBytes -= oldest.batch.bytes.length
    oldest.tail.evict(oldest.batch)
    if (this.#head > 1024 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head)
      this.#head = 0
    }
  }
}

/** The cached end of one partition: batches that follow each other without a gap, up to the high watermark. */
export class PartitionTail {
  #batches: StoredBatch[] = []
  #head = 0

  push(batch: StoredBatch): void {
    this.#batches.push(batch)
  }

  evict(batch: StoredBatch): void {
    if (this.#batches[this.#head] !== batch) return
    this.#head++
    if (this.#head > 64 && this.#head * 2 > this.#batches.length) {
      this.#batches = this.#batches.slice(this.#head)
      this.#head = 0
    }
  }

  clear(): void {
    this.#batches = []
    this.#head = 0
  }

  /** The batches from the one that holds `offset` on, at least one and no further one beyond `bytesMax`; null
   * where they are not all here. */
  from(offset: Offset, bytesMax: number): StoredBatch[] | null {
    const first = this.#batches[this.#head]
    if (first === undefined || first.baseOffset > offset) return null
    let low = this.#head
    let high = this.#batches.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#batches[middle] as StoredBatch).lastOffset < offset) low = middle + 1
      else high = middle
    }
    const found: StoredBatch[] = []
    let bytes = 0
    for (let index = low; index < this.#batches.length; index++) {
      const batch = this.#batches[index] as StoredBatch
      if (found.length > 0 && bytes + batch.bytes.length > bytesMax) break
      found.push(batch)
      bytes += batch.bytes.length
    }
    return found.length === 0 ? null : found
  }
}
