/**
 * How a join reads another table: from the store beneath it, through the filters and mappings between. A
 * table that is only a filter or a mapping of another one therefore needs no store of its own.
 */
import type { StoreName } from '../core/record.ts'
import type { Serde } from '../core/serde.ts'
import type {
  KeyValueStore,
  SessionStore,
  Version,
  VersionedStore,
  WindowStore,
} from '../state/stores.ts'
import type { Buffered } from './buffered.ts'
import type { Prefetch, ProcessorContext } from './processor.ts'
import type { Timestamped } from './timestamped.ts'
import type { Windowed } from './windowed.ts'

export interface TableView<K, V> {
  /** What a node that reads the table declares. */
  readonly stores: readonly StoreName[]
  /** Of what the store holds; its bytes tell one version of a row from another. */
  readonly storedSerde: Serde<Timestamped<unknown>>
  prefetch(key: K, prefetch: Prefetch): void
  open(context: ProcessorContext): TableReader<K, V>
}

export interface TableReader<K, V> {
  get(key: K): Timestamped<V> | undefined
  /** Of a versioned table: the row as it was at a time. */
  readonly getAsOf?: (key: K, asOfMs: number) => Timestamped<V> | undefined
  /** What the store itself holds, before any mapping. */
  stored(key: K): Timestamped<unknown> | undefined
}

export function keyValueView<K, V>(
  store: StoreName,
  storedSerde: Serde<Timestamped<V>>,
): TableView<K, V> {
  return {
    stores: [store],
    storedSerde,
    prefetch: (key, prefetch) => {
      prefetch.key(store, key)
    },
    open: (context) => {
      const rows = context.store<KeyValueStore<K, Timestamped<V>>>(store)
      return { get: (key) => rows.get(key), stored: (key) => rows.get(key) }
    },
  }
}

export function versionedView<K, V>(
  store: StoreName,
  storedSerde: Serde<Timestamped<V>>,
): TableView<K, V> {
  return {
    stores: [store],
    storedSerde,
    prefetch: (key, prefetch) => {
      prefetch.key(store, key)
    },
    open: (context) => {
      const rows = context.store<VersionedStore<K, V>>(store)
      const get = (key: K) => rowOf(rows.get(key))
      return { get, getAsOf: (key, asOfMs) => rowOf(rows.getAsOf(key, asOfMs)), stored: get }
    },
  }
}

function rowOf<V>(version: Version<V> | undefined): Timestamped<V> | undefined {
  if (version === undefined) return undefined
  return { value: version.value, timestampMs: version.validFromMs }
}

export function windowView<K, V>(
  store: StoreName,
  storedSerde: Serde<Timestamped<V>>,
): TableView<Windowed<K>, V> {
  return {
    stores: [store],
    storedSerde,
    prefetch: ({ key, windowStartMs }, prefetch) => {
      prefetch.windows(store, key, windowStartMs, windowStartMs)
    },
    open: (context) => {
      const rows = context.store<WindowStore<K, Timestamped<V>>>(store)
      const get = ({ key, windowStartMs }: Windowed<K>) => rows.fetch(key, windowStartMs)
      return { get, stored: get }
    },
  }
}

export function sessionView<K, V>(
  store: StoreName,
  storedSerde: Serde<Timestamped<V>>,
): TableView<Windowed<K>, V> {
  return {
    stores: [store],
    storedSerde,
    prefetch: ({ key, windowStartMs, windowEndMs }, prefetch) => {
      prefetch.sessions(store, key, windowEndMs, windowStartMs)
    },
    open: (context) => {
      const rows = context.store<SessionStore<K, Timestamped<V>>>(store)
      const get = ({ key, windowStartMs, windowEndMs }: Windowed<K>) =>
        rows
          .findSessions(key, windowEndMs, windowStartMs)
          .find((session) => session.startMs === windowStartMs && session.endMs === windowEndMs)
          ?.value
      return { get, stored: get }
    },
  }
}

/** The table after `transform`; null leaves the key out. */
export function mappedView<K, V, R>(
  view: TableView<K, V>,
  transform: (value: V, key: K) => R | null,
): TableView<K, R> {
  return {
    stores: view.stores,
    storedSerde: view.storedSerde,
    prefetch: (key, prefetch) => {
      view.prefetch(key, prefetch)
    },
    open: (context) => {
      const reader = view.open(context)
      const mapped = (row: Timestamped<V> | undefined, key: K): Timestamped<R> | undefined => {
        if (row === undefined) return undefined
        const value = row.value === null ? null : transform(row.value, key)
        return { value, timestampMs: row.timestampMs }
      }
      const { getAsOf } = reader
      return {
        get: (key) => mapped(reader.get(key), key),
        ...(getAsOf === undefined
          ? {}
          : { getAsOf: (key: K, asOfMs: number) => mapped(getAsOf(key, asOfMs), key) }),
        stored: (key) => reader.stored(key),
      }
    },
  }
}

/** The table as it was last handed on: what is held back in `held` is not in it yet. */
export function suppressedView<K, V>(view: TableView<K, V>, held: StoreName): TableView<K, V> {
  return {
    stores: [...view.stores, held],
    storedSerde: view.storedSerde,
    prefetch: (key, prefetch) => {
      view.prefetch(key, prefetch)
      prefetch.key(held, key)
    },
    open: (context) => {
      const reader = view.open(context)
      const waiting = context.store<KeyValueStore<K, Buffered<V>>>(held)
      return {
        get: (key) => {
          const update = waiting.get(key)
          if (update === undefined) return reader.get(key)
          return { value: update.change.oldValue, timestampMs: update.timestampMs }
        },
        stored: (key) => reader.stored(key),
      }
    },
  }
}
