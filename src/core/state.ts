/**
 * Where state lives, below the typed stores: ordered bytes per (store, partition). The runtime reads through
 * this port in batches (law 6) and hands all changes of a commit over at once (law 2).
 */
import type { Partition, StoreName } from './record.ts'

export interface StateAddress {
  readonly store: StoreName
  readonly partition: Partition
}

export interface StateChange extends StateAddress {
  readonly key: Buffer
  /** Null deletes. */
  readonly value: Buffer | null
}

export interface StateEntry {
  readonly key: Buffer
  readonly value: Buffer
}

/** Keys in [from, to), ascending unless `reverse`; an absent bound is open. */
export interface StateRange extends StateAddress {
  readonly from?: Buffer
  readonly to?: Buffer
  readonly reverse?: boolean
  readonly entriesMax: number
}

export interface StateRead extends StateAddress {
  readonly key: Buffer
}

export interface StateBackend {
  /** One read for all keys, answered in their order; null where there is no value. */
  readMany(reads: readonly StateRead[]): Promise<readonly (Buffer | null)[]>
  scan(range: StateRange): Promise<readonly StateEntry[]>
  /** Applies changes outside a transaction (restore, tests); one atomic write. */
  write(changes: readonly StateChange[]): Promise<void>
  close(): Promise<void>
}
