/** The typed and metered layers of a session store over its cache. `openSessionStore` builds the stack. */
import { ExpirySweep } from './expiry-sweep.ts'
import { KeyText } from './key-text.ts'
import { manageTimed } from './manage-timed.ts'
import type { ManagedStore } from './managed-store.ts'
import { wrongRequest } from './prefetch-request.ts'
import { ReadPlan } from './read-plan.ts'
import { StoreMeter } from './store-meter.ts'
import type { SessionEntry, SessionStore, SessionStoreDefinition } from './stores.ts'
import type { TaskScope } from './task-scope.ts'
import { TimedCache } from './timed-cache.ts'
import { expireTimed } from './timed-expiry.ts'

export function openSessionStore(
  definition: SessionStoreDefinition,
  scope: TaskScope,
): ManagedStore {
  const { name, valueSerde, retentionMs } = definition
  const meter = new StoreMeter(name, scope.partition)
  const remedy =
    "ask for them in the processor's prefetch " +
    `(prefetch.sessions('${name}', key, earliestEndMs, latestStartMs)), ` +
    'or await store.load(key, earliestEndMs, latestStartMs)'
  const cache = new TimedCache(
    { name, valueSerde, retentionMs, suffixTimes: 2, remedy },
    scope,
    meter,
  )
  const keys = new KeyText<unknown>(definition.keySerde)
  const store = new MeteredSessionStore(new TypedSessionStore(keys, cache), meter)
  const sweep = new ExpirySweep(name, scope, retentionMs, (entries, changes) => {
    expireTimed(cache, entries, changes)
  })
  return manageTimed(store, cache, sweep, (request, plan) => {
    if (!('earliestEndMs' in request)) throw wrongRequest(store)
    cache.plan(keys.of(request.key), request.earliestEndMs, Infinity, plan)
  })
}

/** Loads and looks at all sessions that end late enough: a session that starts too late ends late too, so
 * the start narrows the answer and not the read. */
class TypedSessionStore<K, V> implements SessionStore<K, V> {
  readonly kind = 'session'
  readonly name
  readonly #keys: KeyText<K>
  readonly #cache: TimedCache

  constructor(keys: KeyText<K>, cache: TimedCache) {
    this.name = cache.shape.name
    this.#keys = keys
    this.#cache = cache
  }

  async load(key: K, earliestEndMs: number): Promise<void> {
    const plan = new ReadPlan()
    this.#cache.plan(this.#keys.of(key), earliestEndMs, Infinity, plan)
    await plan.run(this.#cache.scope.backend)
    this.#cache.scope.budget.shrink()
  }

  findSessions(
    key: K,
    earliestEndMs: number,
    latestStartMs: number,
  ): readonly SessionEntry<K, V>[] {
    const found: SessionEntry<K, V>[] = []
    for (const slot of this.#cache.between(this.#keys.of(key), earliestEndMs, Infinity)) {
      if (slot.secondaryMs > latestStartMs) continue
      const value = this.#cache.valueOf(slot) as V
      found.push({ key, startMs: slot.secondaryMs, endMs: slot.primaryMs, value })
    }
    return found
  }

  put(key: K, startMs: number, endMs: number, value: V): void {
    this.#cache.put(this.#keys.of(key), endMs, startMs, value)
  }

  remove(key: K, startMs: number, endMs: number): void {
    this.#cache.delete(this.#keys.of(key), endMs, startMs)
  }
}

class MeteredSessionStore<K, V> implements SessionStore<K, V> {
  readonly kind = 'session'
  readonly name
  readonly #inner: SessionStore<K, V>
  readonly #meter: StoreMeter

  constructor(inner: SessionStore<K, V>, meter: StoreMeter) {
    this.name = inner.name
    this.#inner = inner
    this.#meter = meter
  }

  load(key: K, earliestEndMs: number, latestStartMs: number): Promise<void> {
    return this.#inner.load(key, earliestEndMs, latestStartMs)
  }

  findSessions(
    key: K,
    earliestEndMs: number,
    latestStartMs: number,
  ): readonly SessionEntry<K, V>[] {
    this.#meter.getCount += 1
    return this.#inner.findSessions(key, earliestEndMs, latestStartMs)
  }

  put(key: K, startMs: number, endMs: number, value: V): void {
    this.#meter.putCount += 1
    this.#inner.put(key, startMs, endMs, value)
  }

  remove(key: K, startMs: number, endMs: number): void {
    this.#meter.deleteCount += 1
    this.#inner.remove(key, startMs, endMs)
  }
}
