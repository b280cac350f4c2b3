/** Log and state in memory, with the semantics of the embedded ones: for the test driver. */
import type { Clock } from '../core/clock.ts'
import type { StateBackend } from '../core/state.ts'
import type { GroupAssignor } from '../log/group-assignor.ts'
import type { MaintenanceOptions } from '../log/maintenance-options.ts'
import { MemoryStorage } from '../log/memory/memory-storage.ts'
import { StoredLog } from '../log/stored-log.ts'
import { StoredState } from '../log/stored-state.ts'

export interface OpenMemoryStorageOptions {
  readonly clock: Clock
  /** False: the log is as one that keeps its records apart from any state, as Kafka does. Default true. */
  readonly sharesState?: boolean
  readonly recordBytesMax?: number
  readonly assignor?: GroupAssignor
  readonly maintenance?: Partial<MaintenanceOptions>
}

export interface InMemoryStorage {
  readonly log: StoredLog
  readonly state: StateBackend
  close(): Promise<void>
}

export async function openMemoryStorage(
  options: OpenMemoryStorageOptions,
): Promise<InMemoryStorage> {
  const storage = new MemoryStorage()
  // The storage is memory already: a cached tail would hold the same batches again.
  const log = await StoredLog.open(storage, { ...options, tailCacheBytesMax: 0 })
  return { log, state: new StoredState(log, storage), close: () => log.close() }
}
