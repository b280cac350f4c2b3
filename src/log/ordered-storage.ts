/**
 * The one thing that the stored log needs of a disk (or of memory): ordered bytes in three families, written
 * in atomic batches. Log, committed offsets and state live in the same storage, so that one write carries all
 * parts of a commit (law 2).
 */

/** `meta`: topics, offsets, epochs, names. `log`: record batches. `state`: the stores' entries. */
export type StorageFamily = 'meta' | 'log' | 'state'

export type StorageOperation =
  | {
      readonly kind: 'put'
      readonly family: StorageFamily
      readonly key: Buffer
      readonly value: Buffer
    }
  | { readonly kind: 'delete'; readonly family: StorageFamily; readonly key: Buffer }
  /** All keys in [from, to). */
  | {
      readonly kind: 'delete-range'
      readonly family: StorageFamily
      readonly from: Buffer
      readonly to: Buffer
    }

/** Keys in [from, to), ascending unless `reverse`. */
export interface StorageRange {
  readonly family: StorageFamily
  readonly from: Buffer
  readonly to: Buffer
  readonly reverse?: boolean
  readonly entriesMax: number
}

export interface StorageEntry {
  readonly key: Buffer
  readonly value: Buffer
}

/** One write at a time; reads at any time, each of which sees all of a write or nothing of it. */
export interface OrderedStorage {
  read(family: StorageFamily, keys: readonly Buffer[]): Promise<readonly (Buffer | null)[]>
  scan(range: StorageRange): Promise<readonly StorageEntry[]>
  /** All operations or none, in their order; durable when it resolves.
   * @throws TidemarkError DISK_FULL | DATA_DIR_CORRUPT: what was written is unknown until `recover` */
  write(operations: readonly StorageOperation[]): Promise<void>
  /** Called before the next write after a failed one: makes the storage writable again. What it holds then is
   * what counts. @throws TidemarkError DISK_FULL while there is no room */
  recover(): Promise<void>
  /** Bytes of what was deleted or written over are gone from the disk when it resolves. No write meanwhile. */
  purge(): Promise<void>
  close(): Promise<void>
}
