/** The part of rocksdb-native 3.18 that is used here; the package has no types of its own. */
declare module 'rocksdb-native' {
  import type { EventEmitter } from 'node:events'

  export interface ColumnFamilyOptions {
    readonly tableBlockSize?: number
    readonly tableCacheIndexAndFilterBlocks?: boolean
    readonly blockCache?: boolean
    readonly filterPolicy?: object | null
    readonly topLevelIndexPinningTier?: number
    readonly partitionPinningTier?: number
    readonly unpartitionedPinningTier?: number
    readonly maxWriteBufferNumber?: number
    readonly writeBufferSize?: number
  }

  export interface OpenOptions {
    readonly columnFamily?: ColumnFamily
    readonly columnFamilies?: readonly ColumnFamily[]
    readonly maxBackgroundJobs?: number
    readonly maxOpenFiles?: number
  }

  export interface ReadBatch {
    get(key: Buffer): Promise<Buffer | null>
    flush(): Promise<void>
    tryFlush(): void
    destroy(): void
  }

  export interface WriteBatch {
    /** The session whose column family the next operation is for. Not documented by the package. */
    _db: RocksDB
    tryPut(key: Buffer, value: Buffer): void
    tryDelete(key: Buffer): void
    tryDeleteRange(start: Buffer, end: Buffer): void
    flush(): Promise<void>
    destroy(): void
  }

  export interface Range {
    readonly gte?: Buffer
    readonly lt?: Buffer
    readonly reverse?: boolean
    readonly limit?: number
    readonly capacity?: number
  }

  export interface WalFile {
    /** Relative to the database's directory, with a leading slash. */
    readonly path: string
    readonly number: number
    readonly size: number
  }

  class ColumnFamily {
    readonly name: string
    constructor(name: string, options?: ColumnFamilyOptions)
  }

  class RocksDB {
    static ColumnFamily: typeof ColumnFamily
    static constants: {
      readonly bottommostLevelCompaction: { readonly FORCE: number }
    }
    constructor(path: string, options?: OpenOptions)
    ready(): Promise<void>
    close(options?: { readonly force?: boolean }): Promise<void>
    session(options: { readonly columnFamily: ColumnFamily }): RocksDB
    read(options?: { readonly capacity?: number }): ReadBatch
    write(options?: { readonly capacity?: number }): WriteBatch
    /** A stream of { key, value }. */
    iterator(range: Range): EventEmitter
    flush(): Promise<void>
    /** All of a column family. */
    compact(options?: { readonly bottommostLevelCompaction?: number }): Promise<void>
    currentWalFile(): Promise<WalFile>
    getProperty(name: string): Promise<string | null>
  }

  export default RocksDB
}
