/** Definitions of the stores that a processor works with. */
import type { StoreName } from '../core/record.ts'
import type { Serde } from '../core/serde.ts'
import type { TopicDefinition } from '../core/topic.ts'
import { versionsSerde } from '../state/versions-serde.ts'
import type {
  KeyValueStoreDefinition,
  SessionStoreDefinition,
  StoreParameters,
  VersionedStoreDefinition,
  WindowStoreDefinition,
} from '../state/stores.ts'

// Names are taken as they are: `validate` reports every illegal one of a topology at once.

interface StoreOptions {
  /** What the content is computed with (`storeParameters`): a start with others than before is refused. */
  readonly parameters?: StoreParameters
}

/** @param options.ttlMs how long after its last write, in stream time, an entry is kept; absent: for ever
 * @param options.caching false where a key that was processed hardly comes again (Kafka Streams' `withCachingDisabled`)
 * @param options.changelog as of a table (`Materialized`); its `eventTimeMsOf` gives the records their times */
export function keyValueStore<K, V>(
  name: string,
  keySerde: Serde<K>,
  valueSerde: Serde<V>,
  options: StoreOptions & {
    readonly ttlMs?: number
    readonly caching?: boolean
    readonly changelog?: TopicDefinition<K, V>
  } = {},
): KeyValueStoreDefinition<K, V> {
  const { ttlMs = null, caching = true, changelog, ...stated } = options
  const definition = {
    kind: 'key-value',
    name: name as StoreName,
    keySerde,
    valueSerde,
    ttlMs,
    caching,
    ...stated,
  } as const
  return changelog === undefined ? definition : { ...definition, factTopic: changelog }
}

/** @param options.retentionMs how long after a window's start it is kept, in stream time */
export function windowStore<K, V>(
  name: string,
  keySerde: Serde<K>,
  valueSerde: Serde<V>,
  options: StoreOptions & { readonly windowSizeMs: number; readonly retentionMs: number },
): WindowStoreDefinition<K, V> {
  return { kind: 'window', name: name as StoreName, keySerde, valueSerde, ...options }
}

/** @param options.retentionMs how long after a session's end it is kept, in stream time */
export function sessionStore<K, V>(
  name: string,
  keySerde: Serde<K>,
  valueSerde: Serde<V>,
  options: StoreOptions & { readonly retentionMs: number },
): SessionStoreDefinition<K, V> {
  return { kind: 'session', name: name as StoreName, keySerde, valueSerde, ...options }
}

/** @param options.historyMs how far back, in stream time, it is known what a key held
 * @param options.ttlMs as of a key-value store, at least the history */
export function versionedStore<K, V>(
  name: string,
  keySerde: Serde<K>,
  valueSerde: Serde<V>,
  options: StoreOptions & { readonly historyMs: number; readonly ttlMs?: number },
): VersionedStoreDefinition<K, V> {
  const { historyMs, ttlMs = null, ...stated } = options
  return {
    kind: 'versioned',
    name: name as StoreName,
    keySerde,
    valueSerde: versionsSerde(valueSerde),
    historyMs,
    ttlMs,
    ...stated,
  }
}
