/** Raw state over the storage that holds the log too; a layer below the typed stores. */
import type { StateBackend, StateChange, StateEntry, StateRange, StateRead } from '../core/state.ts'
import type { OrderedStorage } from './ordered-storage.ts'
import { stateKey, stateKeyEnd, stateKeyPrefixBytes } from './storage-keys.ts'
import type { StoredLog } from './stored-log.ts'

const noKey = Buffer.alloc(0)

/** The state family of a storage. Writes go through the log's single writer. */
export class StoredState implements StateBackend {
  readonly #log: StoredLog
  readonly #storage: OrderedStorage

  constructor(log: StoredLog, storage: OrderedStorage) {
    this.#log = log
    this.#storage = storage
  }

  async readMany(reads: readonly StateRead[]): Promise<readonly (Buffer | null)[]> {
    const keys: Buffer[] = []
    /** Where each key's value belongs in the answer. */
    const places: number[] = []
    for (const [index, read] of reads.entries()) {
      const key = this.#log.state.keyOf(read)
      if (key === null) continue
      keys.push(key)
      places.push(index)
    }
    const found = await this.#storage.read('state', keys)
    if (keys.length === reads.length) return found
    const values: (Buffer | null)[] = reads.map(() => null)
    for (const [index, place] of places.entries()) values[place] = found[index] ?? null
    return values
  }

  async scan(range: StateRange): Promise<readonly StateEntry[]> {
    const { store, partition, from, to, reverse, entriesMax } = range
    const number = this.#log.state.numberOf(store)
    if (number === undefined) return []
    const entries = await this.#storage.scan({
      family: 'state',
      from: stateKey(number, partition, from ?? noKey),
      to: to === undefined ? stateKeyEnd(number, partition) : stateKey(number, partition, to),
      entriesMax,
      ...(reverse === undefined ? {} : { reverse }),
    })
    return entries.map(({ key, value }) => ({ key: key.subarray(stateKeyPrefixBytes), value }))
  }

  write(changes: readonly StateChange[]): Promise<void> {
    return this.#log.writeState(changes)
  }

  /** The storage is its opener's to close. */
  close(): Promise<void> {
    return Promise.resolve()
  }
}
