/** The typed and metered layers of a window store over its cache. `openWindowStore` builds the stack. */
import { ExpirySweep } from './expiry-sweep.ts'
import { KeyText } from './key-text.ts'
import { manageTimed } from './manage-timed.ts'
import type { ManagedStore } from './managed-store.ts'
import { wrongRequest } from './prefetch-request.ts'
import { ReadPlan } from './read-plan.ts'
import { StoreMeter } from './store-meter.ts'
import type { WindowEntry, WindowStore, WindowStoreDefinition } from './stores.ts'
import type { TaskScope } from './task-scope.ts'
import { TimedCache } from './timed-cache.ts'
import { expireTimed } from './timed-expiry.ts'
import { readAllWindows } from './window-range.ts'

export function openWindowStore(definition: WindowStoreDefinition, scope: TaskScope): ManagedStore {
  const { name, valueSerde, retentionMs } = definition
  const meter = new StoreMeter(name, scope.partition)
  const remedy =
    `ask for them in the processor's prefetch (prefetch.windows('${name}', key, fromMs, toMs)), ` +
    'or await store.load(key, fromMs, toMs)'
  const cache = new TimedCache(
    { name, valueSerde, retentionMs, suffixTimes: 1, remedy },
    scope,
    meter,
  )
  const keys = new KeyText<unknown>(definition.keySerde)
  const store = new MeteredWindowStore(new TypedWindowStore(keys, cache), meter)
  const sweep = new ExpirySweep(name, scope, retentionMs, (entries, changes) => {
    expireTimed(cache, entries, changes)
  })
  return manageTimed(store, cache, sweep, (request, plan) => {
    if (!('fromMs' in request)) throw wrongRequest(store)
    cache.plan(keys.of(request.key), request.fromMs, request.toMs, plan)
  })
}

class TypedWindowStore<K, V> implements WindowStore<K, V> {
  readonly kind = 'window'
  readonly name
  readonly #keys: KeyText<K>
  readonly #cache: TimedCache

  constructor(keys: KeyText<K>, cache: TimedCache) {
    this.name = cache.shape.name
    this.#keys = keys
    this.#cache = cache
  }

  fetch(key: K, windowStartMs: number): V | undefined {
    return this.#cache.get(this.#keys.of(key), windowStartMs, 0) as V | undefined
  }

  put(key: K, windowStartMs: number, value: V): void {
    this.#cache.put(this.#keys.of(key), windowStartMs, 0, value)
  }

  delete(key: K, windowStartMs: number): void {
    this.#cache.delete(this.#keys.of(key), windowStartMs, 0)
  }

  async load(key: K, fromMs: number, toMs: number): Promise<void> {
    const plan = new ReadPlan()
    this.#cache.plan(this.#keys.of(key), fromMs, toMs, plan)
    await plan.run(this.#cache.scope.backend)
    this.#cache.scope.budget.shrink()
  }

  fetchRange(key: K, fromMs: number, toMs: number): readonly WindowEntry<K, V>[] {
    return this.#cache.between(this.#keys.of(key), fromMs, toMs).map((slot) => ({
      key,
      windowStartMs: slot.primaryMs,
      value: this.#cache.valueOf(slot) as V,
    }))
  }

  async all(
    fromMs: number,
    toMs: number,
    entriesMax: number,
  ): Promise<readonly WindowEntry<K, V>[]> {
    const slots = await readAllWindows(this.#cache, fromMs, toMs, entriesMax)
    return slots.map((slot) => ({
      key: this.#keys.parse(slot.group.keyText),
      windowStartMs: slot.primaryMs,
      value: this.#cache.valueOf(slot) as V,
    }))
  }
}

class MeteredWindowStore<K, V> implements WindowStore<K, V> {
  readonly kind = 'window'
  readonly name
  readonly #inner: WindowStore<K, V>
  readonly #meter: StoreMeter

  constructor(inner: WindowStore<K, V>, meter: StoreMeter) {
    this.name = inner.name
    this.#inner = inner
    this.#meter = meter
  }

  fetch(key: K, windowStartMs: number): V | undefined {
    this.#meter.getCount += 1
    return this.#inner.fetch(key, windowStartMs)
  }

  put(key: K, windowStartMs: number, value: V): void {
    this.#meter.putCount += 1
    this.#inner.put(key, windowStartMs, value)
  }

  delete(key: K, windowStartMs: number): void {
    this.#meter.deleteCount += 1
    this.#inner.delete(key, windowStartMs)
  }

  load(key: K, fromMs: number, toMs: number): Promise<void> {
    return this.#inner.load(key, fromMs, toMs)
  }

  fetchRange(key: K, fromMs: number, toMs: number): readonly WindowEntry<K, V>[] {
    this.#meter.getCount += 1
    return this.#inner.fetchRange(key, fromMs, toMs)
  }

  async all(
    fromMs: number,
    toMs: number,
    entriesMax: number,
  ): Promise<readonly WindowEntry<K, V>[]> {
    const entries = await this.#inner.all(fromMs, toMs, entriesMax)
    this.#meter.getCount += entries.length
    return entries
  }
}
