/**
 * The typed layer of a key-value store over its cache, the range scans that merge uncommitted writes with the
 * backend, and the metered layer on top. `openKeyValueStore` builds the stack.
 */
import { inspect } from 'node:util'
import type { StateChange, StateEntry } from '../core/state.ts'
import { ExpirySweep } from './expiry-sweep.ts'
import { dataKey, emptyValue, indexKey, timeBytes, writtenMsOf } from './key-layout.ts'
import { KeyText } from './key-text.ts'
import { KeyValueCache } from './key-value-cache.ts'
import { readRange } from './key-value-range.ts'
import type { ManagedStore } from './managed-store.ts'
import { wrongRequest } from './prefetch-request.ts'
import { StoreMeter } from './store-meter.ts'
import type { KeyRange, KeyValueEntry, KeyValueStore, KeyValueStoreDefinition } from './stores.ts'
import type { TaskScope } from './task-scope.ts'

export function openKeyValueStore(
  definition: KeyValueStoreDefinition,
  scope: TaskScope,
): ManagedStore {
  const meter = new StoreMeter(definition.name, scope.partition)
  const cache = new KeyValueCache(definition, scope, meter)
  const keys = new KeyText<unknown>(definition.keySerde)
  const store = new MeteredKeyValueStore(new TypedKeyValueStore(definition, keys, cache), meter)
  const sweep = new ExpirySweep(definition.name, scope, definition.ttlMs ?? 0, (entries, changes) =>
    expireEntries(cache, definition, entries, changes),
  )
  return {
    store,
    meter,
    get pendingCount() {
      return cache.dirtyCount + sweep.pendingCount
    },
    plan: (request, plan) => {
      if ('fromMs' in request || 'earliestEndMs' in request) throw wrongRequest(store)
      cache.plan(keys.of(request.key), plan)
    },
    takeChanges: (changes) => {
      sweep.takeChanges(changes)
      cache.takeChanges(changes)
    },
    committed: () => {
      cache.committed()
    },
    discard: () => {
      cache.discard()
      sweep.discard()
    },
    expire: async (entriesMax) => (definition.ttlMs === null ? 0 : sweep.run(entriesMax)),
  }
}

/** An index entry is stale where its key was written again since, without the index entry having been known. */
async function expireEntries(
  cache: KeyValueCache,
  { name: store }: KeyValueStoreDefinition,
  indexEntries: readonly StateEntry[],
  changes: StateChange[],
): Promise<void> {
  const { backend, partition } = cache.scope
  const keyTexts = indexEntries.map(({ key }) => key.toString('latin1', 1 + timeBytes))
  const reads = keyTexts.map((keyText) => ({ store, partition, key: dataKey(keyText) }))
  const values = reads.length === 0 ? [] : await backend.readMany(reads)
  for (const [index, entry] of indexEntries.entries()) {
    const keyText = keyTexts[index] ?? ''
    changes.push({ store, partition, key: entry.key, value: null })
    const framed = values[index] ?? null
    // A write that waits for its commit brings its own index entry.
    if (framed === null || cache.peek(keyText)?.isDirty === true) continue
    const writtenMs = writtenMsOf(framed)
    if (cache.isExpired(writtenMs)) {
      changes.push({ store, partition, key: dataKey(keyText), value: null })
      cache.meter.expiredCount += 1
      continue
    }
    const listedMs = cache.indexMsOf(writtenMs)
    if (listedMs === null) continue
    changes.push({ store, partition, key: indexKey(keyText, listedMs), value: emptyValue })
  }
}

class TypedKeyValueStore<K, V> implements KeyValueStore<K, V> {
  readonly kind = 'key-value'
  readonly name
  readonly #keys: KeyText<K>
  readonly #cache: KeyValueCache

  constructor(definition: KeyValueStoreDefinition, keys: KeyText<K>, cache: KeyValueCache) {
    this.name = definition.name
    this.#keys = keys
    this.#cache = cache
  }

  get(key: K): V | undefined {
    const slot = this.#cache.find(this.#keys.of(key))
    if (slot === undefined) throw this.#cache.notLoaded(inspect(key))
    return this.#cache.valueOf(slot) as V | undefined
  }

  put(key: K, value: V): void {
    this.#cache.put(this.#keys.of(key), value)
  }

  delete(key: K): void {
    this.#cache.delete(this.#keys.of(key))
  }

  load(keys: readonly K[]): Promise<void> {
    return this.#cache.load(keys.map((key) => this.#keys.of(key)))
  }

  async range(range: KeyRange<K>): Promise<readonly KeyValueEntry<K, V>[]> {
    const slots = await readRange(this.#cache, {
      from: range.from === undefined ? '' : this.#keys.of(range.from),
      to: range.to === undefined ? null : this.#keys.of(range.to),
      prefix: range.prefix?.toString('latin1') ?? '',
      reverse: range.reverse === true,
      entriesMax: range.entriesMax,
    })
    return slots.map((slot) => ({
      key: this.#keys.parse(slot.keyText),
      value: this.#cache.valueOf(slot) as V,
    }))
  }
}

class MeteredKeyValueStore<K, V> implements KeyValueStore<K, V> {
  readonly kind = 'key-value'
  readonly name
  readonly #inner: KeyValueStore<K, V>
  readonly #meter: StoreMeter

  constructor(inner: KeyValueStore<K, V>, meter: StoreMeter) {
    this.name = inner.name
    this.#inner = inner
    this.#meter = meter
  }

  get(key: K): V | undefined {
    this.#meter.getCount += 1
    return this.#inner.get(key)
  }

  put(key: K, value: V): void {
    this.#meter.putCount += 1
    this.#inner.put(key, value)
  }

  delete(key: K): void {
    this.#meter.deleteCount += 1
    this.#inner.delete(key)
  }

  load(keys: readonly K[]): Promise<void> {
    return this.#inner.load(keys)
  }

  async range(range: KeyRange<K>): Promise<readonly KeyValueEntry<K, V>[]> {
    const entries = await this.#inner.range(range)
    this.#meter.getCount += entries.length
    return entries
  }
}
