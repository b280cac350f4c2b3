/**
 * The ordered storage on disk: one RocksDB with a column family for each family, so that one write batch
 * commits log, offsets and state (law 2).
 *
 *     open ── write fails ──▶ suspect ── recover() ──▶ open
 *                               │  ▲        │
 *                               │  └────────┴── no room yet: reads still work unless the reopening failed
 */
import { statfs } from 'node:fs/promises'
import { join } from 'node:path'

import RocksDB from 'rocksdb-native'

import { assert } from '../../core/assert.ts'
import { TidemarkError, messageOf } from '../../core/errors.ts'
import type {
  OrderedStorage,
  StorageEntry,
  StorageFamily,
  StorageOperation,
  StorageRange,
} from '../ordered-storage.ts'
import { diskFull, explainOpening, isDiskFull, storageDirectory } from './data-directory.ts'
import type { MemoryPlan } from './memory-plan.ts'
import { WriteAheadSync } from './write-ahead-sync.ts'
import type { FileSync } from './write-ahead-sync.ts'

/** `fsync`: an acknowledged write survives a power cut. `process-crash`: it survives the process only. */
export type Durability = 'fsync' | 'process-crash'

export interface RocksdbStorageStats {
  readonly memtableBytes: number
  readonly blockCacheBytes: number
  readonly tableReadersBytes: number
  readonly diskSyncs: number
  readonly reopenings: number
}

export interface RocksdbStorageOptions {
  readonly directory: string
  readonly plan: MemoryPlan
  readonly durability: Durability
  /** Absent: `fdatasync`. */
  readonly fileSync?: FileSync
}

interface Opened {
  readonly database: RocksDB
  readonly families: Readonly<Record<StorageFamily, RocksDB>>
  readonly sync: WriteAheadSync
}

const scanCapacityMax = 1024
/** What opening needs beside the tables that it writes out of the write-ahead log. */
const reopenSlackBytes = 4 * 1024 * 1024
const families: readonly StorageFamily[] = ['meta', 'log', 'state']

export class RocksdbStorage implements OrderedStorage {
  readonly #directory: string
  readonly #plan: MemoryPlan
  readonly #durability: Durability
  readonly #fileSync: FileSync | undefined
  #opened: Opened | null = null
  /** Reads wait for it while the database is being opened again. */
  #reopening: Promise<void> | null = null
  #reopenings = 0
  #syncsBefore = 0
  /** What the memtables held when the database was last open. */
  #unflushedBytes = 0

  /** @throws TidemarkError DATA_DIR_IN_USE | DATA_DIR_CORRUPT | DISK_FULL */
  static async open(options: RocksdbStorageOptions): Promise<RocksdbStorage> {
    const storage = new RocksdbStorage(options)
    await storage.#open()
    return storage
  }

  private constructor({ directory, plan, durability, fileSync }: RocksdbStorageOptions) {
    this.#directory = directory
    this.#plan = plan
    this.#durability = durability
    this.#fileSync = fileSync
  }

  async read(family: StorageFamily, keys: readonly Buffer[]): Promise<readonly (Buffer | null)[]> {
    if (keys.length === 0) return []
    const { families } = await this.#ready()
    const batch = families[family].read({ capacity: keys.length })
    const values = keys.map((key) => batch.get(key))
    batch.tryFlush()
    try {
      return await Promise.all(values)
    } finally {
      batch.destroy()
    }
  }

  async scan(range: StorageRange): Promise<readonly StorageEntry[]> {
    const { family, from, to, entriesMax, reverse = false } = range
    const entries: StorageEntry[] = []
    // RocksDB stops the process where a range is empty by its bounds.
    if (entriesMax <= 0 || Buffer.compare(from, to) >= 0) return entries
    const { families } = await this.#ready()
    // One more than the limit, so that the first read says that it is the last.
    const capacity = Math.min(entriesMax + 1, scanCapacityMax)
    const stream = families[family].iterator({
      gte: from,
      lt: to,
      reverse,
      limit: entriesMax,
      capacity,
    })
    await new Promise<void>((resolve, reject) => {
      stream.on('data', (entry: StorageEntry) => {
        entries.push(entry)
      })
      stream.on('end', resolve)
      stream.on('error', reject)
      stream.on('close', () => {
        reject(new TidemarkError('INSTANCE_NOT_RUNNING', 'the storage was closed during a scan'))
      })
    })
    return entries
  }

  async write(operations: readonly StorageOperation[]): Promise<void> {
    const { database, families, sync } = await this.#ready()
    try {
      await writeBatch(database, families, operations)
      if (this.#durability === 'fsync') await sync.afterWrite()
    } catch (thrown) {
      throw this.#explainWrite(thrown)
    }
  }

  /** Opens the database again: RocksDB refuses writes after a failed one, and what reached the disk of that
   * one only a fresh reading of its log can tell. */
  async recover(): Promise<void> {
    await this.#checkSpace()
    assert(this.#reopening === null, 'one recovery at a time')
    const reopened = this.#reopen()
    this.#reopening = reopened.catch(() => undefined)
    try {
      await reopened
    } finally {
      this.#reopening = null
    }
  }

  /** Compacted down to the last level, where nothing is left of what was deleted. Opened again, because the files that list the
   * tables name the first and last keys of those that are gone. */
  async purge(): Promise<void> {
    const { families: sessions } = await this.#ready()
    const { FORCE } = RocksDB.constants.bottommostLevelCompaction
    for (const family of families) {
      await sessions[family].flush()
      await sessions[family].compact({ bottommostLevelCompaction: FORCE })
    }
    await this.recover()
  }

  async stats(): Promise<RocksdbStorageStats> {
    const { sync, families } = await this.#ready()
    const sum = async (property: string) => {
      let total = 0
      for (const name of ['meta', 'log', 'state'] as const) {
        total += Number(await families[name].getProperty(property))
      }
      return total
    }
    return {
      memtableBytes: await sum('rocksdb.cur-size-all-mem-tables'),
      blockCacheBytes: Number(await families.state.getProperty('rocksdb.block-cache-usage')),
      tableReadersBytes: await sum('rocksdb.estimate-table-readers-mem'),
      diskSyncs: this.#syncsBefore + sync.syncs,
      reopenings: this.#reopenings,
    }
  }

  async close(): Promise<void> {
    await this.#reopening
    const opened = this.#opened
    if (opened === null) return
    this.#opened = null
    // Whatever the durability was, a clean end leaves everything on the disk.
    await opened.sync.afterWrite().catch(() => undefined)
    await closeDatabase(opened)
  }

  async #ready(): Promise<Opened> {
    if (this.#reopening !== null) await this.#reopening
    if (this.#opened !== null) return this.#opened
    throw new TidemarkError(
      'INSTANCE_NOT_RUNNING',
      `the storage in ${this.#directory} is not open: it is closed, or waits for room on the disk`,
    )
  }

  async #open(): Promise<void> {
    const path = storageDirectory(this.#directory)
    const columns = columnFamilies(this.#plan)
    const database = new RocksDB(path, {
      columnFamily: columns.default,
      columnFamilies: [columns.meta, columns.log, columns.state],
      maxBackgroundJobs: 4,
    })
    try {
      await database.ready()
    } catch (thrown) {
      throw await explainOpening(this.#directory, thrown)
    }
    const currentNumber = async () => (await database.currentWalFile()).number
    const sync = new WriteAheadSync(path, { currentNumber }, this.#fileSync)
    const opened = {
      database,
      families: {
        meta: database.session({ columnFamily: columns.meta }),
        log: database.session({ columnFamily: columns.log }),
        state: database.session({ columnFamily: columns.state }),
      },
      sync,
    }
    try {
      await sync.start()
    } catch (thrown) {
      await closeDatabase(opened)
      throw await explainOpening(this.#directory, thrown)
    }
    this.#opened = opened
  }

  async #reopen(): Promise<void> {
    const opened = this.#opened
    this.#opened = null
    if (opened !== null) {
      this.#syncsBefore += opened.sync.syncs
      await closeDatabase(opened)
    }
    await this.#open()
    this.#reopenings++
  }

  /** Opening writes the memtables of the last run to tables: without room for them, better not to close. */
  async #checkSpace(): Promise<void> {
    const opened = this.#opened
    if (opened !== null) {
      this.#unflushedBytes = 0
      for (const family of families) {
        const bytes = await opened.families[family].getProperty('rocksdb.cur-size-all-mem-tables')
        this.#unflushedBytes += Number(bytes)
      }
    }
    const { bavail, bsize } = await statfs(this.#directory)
    const freeBytes = bavail * bsize
    const neededBytes = this.#unflushedBytes + reopenSlackBytes
    if (freeBytes >= neededBytes) return
    throw diskFull(
      this.#directory,
      new Error(`${freeBytes} bytes are free, ${neededBytes} are needed to go on`),
    )
  }

  #explainWrite(thrown: unknown): TidemarkError {
    if (isDiskFull(thrown)) return diskFull(this.#directory, thrown)
    const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown
    return new TidemarkError(
      'DATA_DIR_CORRUPT',
      `writing to ${join(this.#directory, 'storage')} failed: ${messageOf(cause)}`,
      { details: { directory: this.#directory }, cause: thrown },
    )
  }
}

async function writeBatch(
  database: RocksDB,
  families: Opened['families'],
  operations: readonly StorageOperation[],
): Promise<void> {
  const batch = database.write({ capacity: operations.length })
  for (const operation of operations) {
    // The binding takes an operation's column family from the session that the batch belongs to when the
    // operation is added, and has no public way to name another; a native batch holds any mix of them.
    batch._db = families[operation.family]
    if (operation.kind === 'put') batch.tryPut(operation.key, operation.value)
    else if (operation.kind === 'delete') batch.tryDelete(operation.key)
    else batch.tryDeleteRange(operation.from, operation.to)
  }
  try {
    await batch.flush()
  } finally {
    batch.destroy()
  }
}

async function closeDatabase({ database, sync }: Opened): Promise<void> {
  await sync.close()
  await database.close()
}

function columnFamilies(plan: MemoryPlan) {
  const writeBuffers = { maxWriteBufferNumber: plan.writeBuffersMax }
  const noBlockCache = {
    blockCache: false,
    tableCacheIndexAndFilterBlocks: false,
    topLevelIndexPinningTier: 0,
    partitionPinningTier: 0,
    unpartitionedPinningTier: 0,
  }
  const scanned = { ...noBlockCache, ...writeBuffers, filterPolicy: null }
  return {
    // RocksDB insists on it; nothing is ever written there.
    default: new RocksDB.ColumnFamily('default', { ...scanned, writeBufferSize: 64 * 1024 }),
    meta: new RocksDB.ColumnFamily('meta', {
      ...scanned,
      writeBufferSize: plan.metaWriteBufferBytes,
    }),
    // Read in order, through the page cache: a block cache and filters would only take memory.
    log: new RocksDB.ColumnFamily('log', {
      ...scanned,
      writeBufferSize: plan.logWriteBufferBytes,
    }),
    state: new RocksDB.ColumnFamily('state', {
      ...(plan.stateBlockCache ? {} : noBlockCache),
      ...writeBuffers,
      writeBufferSize: plan.stateWriteBufferBytes,
    }),
  }
}
