/**
 * The typed stores that processors see, and their definitions. Reads are synchronous and see only what is
 * loaded; `load…` and the scans read through to the backend. Writes stay in the task until its commit.
 */
import type { Serde } from '../core/serde.ts'
import type { StoreName } from '../core/record.ts'
import type { TopicDefinition } from '../core/topic.ts'

interface StoreCommon<K, V> {
  readonly name: StoreName
  readonly keySerde: Serde<K>
  readonly valueSerde: Serde<V>
  /** Absent: the content follows from the events and the code alone. */
  readonly parameters?: StoreParameters
}

/** What a store's content was computed with: with others, the same events would have given another. */
export interface StoreParameters {
  /** As the rows that rest on the store name them. */
  readonly version: string
  /** Of all their values: equal where these are. */
  readonly fingerprint: string
}

export interface KeyValueStoreDefinition<K = any, V = any> extends StoreCommon<K, V> {
  readonly kind: 'key-value'
  /** An entry not written for so long, in stream time, is gone; null keeps it. */
  readonly ttlMs: number | null
  /** False: nothing stays in memory beyond its commit. Absent: as long as there is room. */
  readonly caching?: boolean
  /** The fact topic that is written from this store and is its changelog. */
  readonly factTopic?: TopicDefinition<K, any>
}

export interface WindowStoreDefinition<K = any, V = any> extends StoreCommon<K, V> {
  readonly kind: 'window'
  readonly windowSizeMs: number
  /** Windows that start before stream time − retention are gone. */
  readonly retentionMs: number
}

export interface SessionStoreDefinition<K = any, V = any> extends StoreCommon<K, V> {
  readonly kind: 'session'
  readonly retentionMs: number
}

/** Its value serde is that of a key's versions. */
export interface VersionedStoreDefinition<K = any, V = any> extends StoreCommon<
  K,
  readonly Version<V>[]
> {
  readonly kind: 'versioned'
  /** How far back, in stream time, it is known what a key held. */
  readonly historyMs: number
  /** As of a key-value store; at least the history. */
  readonly ttlMs: number | null
}

export type StoreDefinition =
  | KeyValueStoreDefinition
  | WindowStoreDefinition
  | SessionStoreDefinition
  | VersionedStoreDefinition

export interface KeyValueEntry<K, V> {
  readonly key: K
  readonly value: V
}

export interface KeyRange<K> {
  /** Inclusive, by serialized order. */
  readonly from?: K
  /** Exclusive, by serialized order. */
  readonly to?: K
  /** Only keys whose serialized form starts with these bytes. */
  readonly prefix?: Buffer
  readonly reverse?: boolean
  readonly entriesMax: number
}

export interface KeyValueStore<K, V> {
  readonly kind: 'key-value'
  readonly name: StoreName
  /** @throws TidemarkError STORE_KEY_NOT_LOADED where neither the runtime nor `load` has read the key */
  get(key: K): V | undefined
  put(key: K, value: V): void
  delete(key: K): void
  load(keys: readonly K[]): Promise<void>
  /** Sees this task's uncommitted writes. Every entry it returns counts as loaded. */
  range(range: KeyRange<K>): Promise<readonly KeyValueEntry<K, V>[]>
}

export interface WindowEntry<K, V> {
  readonly key: K
  readonly windowStartMs: number
  readonly value: V
}

export interface WindowStore<K, V> {
  readonly kind: 'window'
  readonly name: StoreName
  fetch(key: K, windowStartMs: number): V | undefined
  put(key: K, windowStartMs: number, value: V): void
  delete(key: K, windowStartMs: number): void
  load(key: K, fromMs: number, toMs: number): Promise<void>
  /** Windows of a key that start in [fromMs, toMs], ascending; they must be loaded. */
  fetchRange(key: K, fromMs: number, toMs: number): readonly WindowEntry<K, V>[]
  /** All windows that start in [fromMs, toMs], by key and start. */
  all(fromMs: number, toMs: number, entriesMax: number): Promise<readonly WindowEntry<K, V>[]>
}

export interface SessionEntry<K, V> {
  readonly key: K
  readonly startMs: number
  readonly endMs: number
  readonly value: V
}

export interface SessionStore<K, V> {
  readonly kind: 'session'
  readonly name: StoreName
  load(key: K, earliestEndMs: number, latestStartMs: number): Promise<void>
  /** Sessions of a key that end at or after and start at or before; they must be loaded. */
  findSessions(key: K, earliestEndMs: number, latestStartMs: number): readonly SessionEntry<K, V>[]
  put(key: K, startMs: number, endMs: number, value: V): void
  remove(key: K, startMs: number, endMs: number): void
}

export interface Version<V> {
  /** Null: the key held nothing. */
  readonly value: V | null
  /** Event time, milliseconds since the epoch; until the next version's. */
  readonly validFromMs: number
}

/** Prefetched by key, as a key-value store is. */
export interface VersionedStore<K, V> {
  readonly kind: 'versioned'
  readonly name: StoreName
  /** The latest version. @throws TidemarkError STORE_KEY_NOT_LOADED, as the others that take a key do */
  get(key: K): Version<V> | undefined
  /** The version that was valid at a time; undefined where there was none, or where it is too long ago. */
  getAsOf(key: K, asOfMs: number): Version<V> | undefined
  /** Takes the place of a version of just that time. Null deletes from then on.
   * @returns false where the time is before the history: nothing was put */
  put(key: K, value: V | null, validFromMs: number): boolean
  load(keys: readonly K[]): Promise<void>
  /** All versions of each key, newest first. */
  range(range: KeyRange<K>): Promise<readonly KeyValueEntry<K, readonly Version<V>[]>[]>
}

export type AnyStore =
  | KeyValueStore<any, any>
  | WindowStore<any, any>
  | SessionStore<any, any>
  | VersionedStore<any, any>
