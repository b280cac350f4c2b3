/**
 * A key-value store that remembers what each key held before (KIP-889). A key's versions are one value, newest first:
 * right for rows that change now and then, reference data above all; a key that changes a thousand times within its
 * history is written whole each time.
 *
 * Kept are the versions that were valid at stream time − history or later. The latest one is kept whatever its age.
 */
import { assert } from '../core/assert.ts'
import type { TaskScope } from './task-scope.ts'
import { openKeyValueStore } from './key-value-store.ts'
import type { ManagedStore } from './managed-store.ts'
import type {
  KeyValueEntry,
  KeyValueStore,
  Version,
  VersionedStore,
  VersionedStoreDefinition,
} from './stores.ts'

export function openVersionedStore(
  { name, keySerde, valueSerde, historyMs, ttlMs }: VersionedStoreDefinition,
  scope: TaskScope,
): ManagedStore {
  const inner = openKeyValueStore({ kind: 'key-value', name, keySerde, valueSerde, ttlMs }, scope)
  assert(inner.store.kind === 'key-value', 'versions are kept in a key-value store')
  const rows = inner.store as KeyValueStore<unknown, readonly Version<unknown>[]>
  const store = new TypedVersionedStore(rows, scope, historyMs)
  return {
    store,
    meter: inner.meter,
    get pendingCount() {
      return inner.pendingCount
    },
    plan: (request, plan) => {
      inner.plan(request, plan)
    },
    takeChanges: (changes) => {
      inner.takeChanges(changes)
    },
    committed: () => {
      inner.committed()
    },
    discard: () => {
      inner.discard()
    },
    expire: (entriesMax) => inner.expire(entriesMax),
  }
}

class TypedVersionedStore<K, V> implements VersionedStore<K, V> {
  readonly kind = 'versioned'
  readonly name
  readonly #rows: KeyValueStore<K, readonly Version<V>[]>
  readonly #scope: TaskScope
  readonly #historyMs: number

  constructor(rows: KeyValueStore<K, readonly Version<V>[]>, scope: TaskScope, historyMs: number) {
    this.name = rows.name
    this.#rows = rows
    this.#scope = scope
    this.#historyMs = historyMs
  }

  get(key: K): Version<V> | undefined {
    return this.#rows.get(key)?.[0]
  }

  getAsOf(key: K, asOfMs: number): Version<V> | undefined {
    const versions = this.#rows.get(key) ?? []
    const [latest] = versions
    if (latest === undefined || latest.validFromMs <= asOfMs) return latest
    if (asOfMs < this.#horizonMs) return undefined
    return versions.find(({ validFromMs }) => validFromMs <= asOfMs)
  }

  put(key: K, value: V | null, validFromMs: number): boolean {
    if (validFromMs < this.#horizonMs) return false
    const versions = this.#rows.get(key) ?? []
    const newer = versions.filter((version) => version.validFromMs > validFromMs)
    const older = versions.filter((version) => version.validFromMs < validFromMs)
    this.#rows.put(key, this.#kept([...newer, { value, validFromMs }, ...older]))
    return true
  }

  load(keys: readonly K[]): Promise<void> {
    return this.#rows.load(keys)
  }

  async range(
    range: Parameters<VersionedStore<K, V>['range']>[0],
  ): Promise<readonly KeyValueEntry<K, readonly Version<V>[]>[]> {
    return this.#rows.range(range)
  }

  /** Versions before it are gone, but for the one that was valid then. */
  get #horizonMs(): number {
    return this.#scope.streamTimeMs - this.#historyMs
  }

  #kept(versions: readonly Version<V>[]): readonly Version<V>[] {
    const horizonMs = this.#horizonMs
    const validThen = versions.findIndex(({ validFromMs }) => validFromMs <= horizonMs)
    return validThen === -1 ? versions : versions.slice(0, validThen + 1)
  }
}
