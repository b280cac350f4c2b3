/** Raw state over the storage that holds the log too, and the opening of both: they are one database. */
import type { Clock } from '../core/clock.ts'
import type { StateBackend } from '../core/state.ts'
import type { GroupAssignor } from '../log/group-assignor.ts'
import type { MaintenanceOptions } from '../log/maintenance-options.ts'
import { StoredLog } from '../log/stored-log.ts'
import type { StoredLogStats } from '../log/stored-log.ts'
import { StoredState } from '../log/stored-state.ts'
import { forgetPid, notePid, prepareDataDirectory } from '../log/embedded/data-directory.ts'
import { memoryBudgetBytesDefault, planMemory } from '../log/embedded/memory-plan.ts'
import { RocksdbStorage } from '../log/embedded/rocksdb-storage.ts'
import type { Durability, RocksdbStorageStats } from '../log/embedded/rocksdb-storage.ts'

export interface OpenStorageOptions {
  readonly directory: string
  readonly clock: Clock
  /** Default `fsync`. */
  readonly durability?: Durability
  /** Of memtables, block cache, cached log tail and waiting appends together. Default 256 MiB. */
  readonly memoryBudgetBytes?: number
  readonly recordBytesMax?: number
  readonly transactionRecordBytesMax?: number
  readonly assignor?: GroupAssignor
  readonly maintenance?: Partial<MaintenanceOptions>
}

export interface StorageStats extends StoredLogStats, RocksdbStorageStats {}

export interface Storage {
  readonly log: StoredLog
  readonly state: StateBackend
  stats(): Promise<StorageStats>
  /** Writes what was submitted, closes the log, and leaves everything on the disk. */
  close(): Promise<void>
}

/** Opens, or makes, a data directory. One process has it open at a time.
 * @throws TidemarkError DATA_DIR_IN_USE | DATA_DIR_NEWER | DATA_DIR_CORRUPT | DISK_FULL | CONFIGURATION_INVALID */
export async function openStorage(options: OpenStorageOptions): Promise<Storage> {
  const { directory, durability = 'fsync' } = options
  const plan = planMemory(options.memoryBudgetBytes ?? memoryBudgetBytesDefault)
  await prepareDataDirectory(directory)
  const storage = await RocksdbStorage.open({ directory, plan, durability })
  let log: StoredLog
  try {
    await notePid(directory, process.pid)
    const { tailCacheBytesMax, queuedBytesMax } = plan
    log = await StoredLog.open(storage, { ...options, tailCacheBytesMax, queuedBytesMax })
  } catch (thrown) {
    await storage.close()
    throw thrown
  }
  return {
    log,
    state: new StoredState(log, storage),
    stats: async () => ({ ...log.stats(), ...(await storage.stats()) }),
    close: async () => {
      await log.close()
      await storage.close()
      await forgetPid(directory)
    },
  }
}
