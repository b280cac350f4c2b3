/**
 * One topology's part of the state backend: store names are unique in a topology, not across them. In the
 * backend a store is called `<topology>.<store>`.
 */
import { storeName } from '../core/record.ts'
import type { StoreName } from '../core/record.ts'
import type { StateBackend, StateChange, StateEntry, StateRange, StateRead } from '../core/state.ts'

export function scopedStoreName(topologyName: string, store: StoreName): StoreName {
  return storeName(`${topologyName}.${store}`)
}

export class ScopedState implements StateBackend {
  readonly #backend: StateBackend
  readonly #topologyName: string
  readonly #names = new Map<StoreName, StoreName>()

  constructor(backend: StateBackend, topologyName: string) {
    this.#backend = backend
    this.#topologyName = topologyName
  }

  nameOf(store: StoreName): StoreName {
    let name = this.#names.get(store)
    if (name === undefined) {
      name = scopedStoreName(this.#topologyName, store)
      this.#names.set(store, name)
    }
    return name
  }

  /** The changes under the names that the backend knows. */
  scoped(changes: readonly StateChange[]): StateChange[] {
    return changes.map(({ store, partition, key, value }) => ({
      store: this.nameOf(store),
      partition,
      key,
      value,
    }))
  }

  readMany(reads: readonly StateRead[]): Promise<readonly (Buffer | null)[]> {
    return this.#backend.readMany(
      reads.map(({ store, partition, key }) => ({ store: this.nameOf(store), partition, key })),
    )
  }

  scan(range: StateRange): Promise<readonly StateEntry[]> {
    return this.#backend.scan({ ...range, store: this.nameOf(range.store) })
  }

  write(changes: readonly StateChange[]): Promise<void> {
    return this.#backend.write(this.scoped(changes))
  }

  /** The backend is its opener's to close. */
  close(): Promise<void> {
    return Promise.resolve()
  }
}
