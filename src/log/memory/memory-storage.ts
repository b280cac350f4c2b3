/** The ordered storage in memory: for the test driver. Deterministic; nothing survives the process. */
import { assert } from '../../core/assert.ts'
import type {
  OrderedStorage,
  StorageEntry,
  StorageFamily,
  StorageOperation,
  StorageRange,
} from '../ordered-storage.ts'
import { OrderedBytes } from './ordered-bytes.ts'

export class MemoryStorage implements OrderedStorage {
  readonly #families: Readonly<Record<StorageFamily, OrderedBytes>> = {
    meta: new OrderedBytes(),
    log: new OrderedBytes(),
    state: new OrderedBytes(),
  }

  read(family: StorageFamily, keys: readonly Buffer[]): Promise<readonly (Buffer | null)[]> {
    const entries = this.#families[family]
    return Promise.resolve(keys.map((key) => entries.get(key)))
  }

  scan({ family, ...range }: StorageRange): Promise<readonly StorageEntry[]> {
    return Promise.resolve(this.#families[family].scan(range))
  }

  write(operations: readonly StorageOperation[]): Promise<void> {
    for (const operation of operations) {
      const entries = this.#families[operation.family]
      if (operation.kind === 'put') entries.put(operation.key, kept(operation))
      else if (operation.kind === 'delete') entries.delete(operation.key)
      else entries.deleteRange(operation.from, operation.to)
    }
    return Promise.resolve()
  }

  recover(): Promise<void> {
    assert(false, 'a write to memory does not fail')
  }

  purge(): Promise<void> {
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

/** State values are their store's to reuse after a commit; what is in the log and in meta is ours. */
function kept({ family, value }: StorageOperation & { kind: 'put' }): Buffer {
  return family === 'state' ? Buffer.from(value) : value
}
