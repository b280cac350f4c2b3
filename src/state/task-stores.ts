/**
 * All stores of one task, that is of one partition: what the runtime sees of `state/`.
 */
import type { StateBackend, StateChange } from '../core/state.ts'
import type { Partition, StoreName } from '../core/record.ts'
import type { MemoryBudget } from './memory-budget.ts'
import type { AnyStore, StoreDefinition } from './stores.ts'

/** The value of one key of a key-value store. */
export interface KeyRequest {
  readonly store: StoreName | string
  readonly key: unknown
}

/** All windows of `key` that start in [fromMs, toMs]; where both are equal it is a read of one key, not a scan. */
export interface WindowsRequest extends KeyRequest {
  readonly fromMs: number
  readonly toMs: number
}

/** All sessions of `key` that end at or after `earliestEndMs` and start at or before `latestStartMs`. */
export interface SessionsRequest extends KeyRequest {
  readonly earliestEndMs: number
  readonly latestStartMs: number
}

export type PrefetchRequest = KeyRequest | WindowsRequest | SessionsRequest

export interface TaskStoresOptions {
  readonly definitions: readonly StoreDefinition[]
  readonly partition: Partition
  readonly backend: StateBackend
  /** Shared by all tasks of the process. */
  readonly budget: MemoryBudget
}

/** What a store has done since it was opened. */
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

export interface TaskStores {
  /** @throws TidemarkError TOPOLOGY_INVALID where the task has no such store */
  get(name: StoreName | string): AnyStore
  /** Loads what is asked for and not yet in memory: one `readMany` for all keys of all stores, and the scans
   * beside it. What is loaded stays in memory until the next commit at least. */
  prefetch(requests: readonly PrefetchRequest[]): Promise<void>
  /** How many entries the next `pendingChanges` will write at least. */
  readonly pendingEntryCount: number
  /** Everything written since the last commit, serialized once. Must be followed by `committed` or
   * `discard`; writes made in between belong to the next commit. */
  pendingChanges(): StateChange[]
  /** What `pendingChanges` gave is durable. What it held may now be evicted. */
  committed(): void
  /** After an aborted transaction: forgets every write and everything cached; stream time is again what it
   * was when the last commit's changes were taken. */
  discard(): void
  /** The greatest event time seen; call it for each record, before its processing. Never goes back. */
  advanceStreamTime(streamTimeMs: number): void
  /** Deletes windows, sessions and TTL entries that are over, as ordinary pending changes. Works through at
   * most `entriesMax` entries and returns how many; fewer than that: none is left. */
  expire(entriesMax: number): Promise<number>
  statistics(): readonly StoreStatistics[]
  /** Gives the memory back to the budget. The backend stays open: it is the caller's. */
  close(): void
}
