/**
 * One memory budget for all stores of a process (law 5). Stores account the approximate bytes of what they
 * hold; what no batch needs and no commit waits for is evicted, least recently used first, across all stores.
 *
 * What is pinned (dirty, or touched since the last commit) cannot be evicted. Where pinned entries alone
 * exceed the limit, `isExceeded` stays true until the next commit: the runtime commits early.
 */
import { assert } from '../core/assert.ts'

/** Something that can be evicted; linked into the budget's list while it is not pinned. */
export interface Evictable {
  /** Approximate bytes, as accounted last. */
  accountedBytes: number
  older: Evictable | null
  newer: Evictable | null
  /** Removes itself from its store. */
  evict(): void
}

export class MemoryBudget {
  /** The name of the setting, for messages. */
  readonly limitName: string
  readonly bytesMax: number
  #usedBytes = 0
  #oldest: Evictable | null = null
  #newest: Evictable | null = null

  constructor(bytesMax: number, limitName = 'stateCacheBytesMax') {
    if (!Number.isSafeInteger(bytesMax) || bytesMax < 0) {
      throw new RangeError(`${limitName} is ${bytesMax}: use a whole number of bytes`)
    }
    this.bytesMax = bytesMax
    this.limitName = limitName
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  get isExceeded(): boolean {
    return this.#usedBytes > this.bytesMax
  }

  /** States how many bytes an entry takes from now on. */
  account(entry: Evictable, bytes: number): void {
    this.#usedBytes += bytes - entry.accountedBytes
    entry.accountedBytes = bytes
    assert(this.#usedBytes >= 0, 'used bytes of the memory budget are not negative')
  }

  /** The entry may be evicted from now on; it is the most recently used one. */
  release(entry: Evictable): void {
    assert(entry.older === null && this.#oldest !== entry, 'an entry is released once')
    entry.older = this.#newest
    entry.newer = null
    if (this.#newest === null) this.#oldest = entry
    else this.#newest.newer = entry
    this.#newest = entry
  }

  /** The entry may not be evicted from now on. Harmless where it is pinned already. */
  pin(entry: Evictable): void {
    if (entry.older === null && this.#oldest !== entry) return
    if (entry.older === null) this.#oldest = entry.newer
    else entry.older.newer = entry.newer
    if (entry.newer === null) this.#newest = entry.older
    else entry.newer.older = entry.older
    entry.older = null
    entry.newer = null
  }

  /** The entry is gone. */
  forget(entry: Evictable): void {
    this.pin(entry)
    this.account(entry, 0)
  }

  /** Evicts released entries, oldest first, until the rest fits. */
  shrink(): void {
    while (this.#usedBytes > this.bytesMax && this.#oldest !== null) {
      const oldest = this.#oldest
      this.forget(oldest)
      oldest.evict()
    }
  }
}
