/** A store over all tasks of a test driver, for a test to look at. */
import type { AnyStore, KeyValueEntry, SessionEntry, WindowEntry } from '../state/stores.ts'

const entriesMax = 1_000_000

export class TestStore<K = unknown, V = unknown> {
  /** By partition. */
  readonly partitions: readonly AnyStore[]

  constructor(partitions: readonly AnyStore[]) {
    this.partitions = partitions
  }

  /** The value of a key-value store's key; undefined where no task has one. */
  async get(key: K): Promise<V | undefined> {
    for (const store of this.partitions) {
      if (store.kind !== 'key-value') throw wrongKind(store, 'key-value')
      await store.load([key])
      const value = store.get(key) as V | undefined
      if (value !== undefined) return value
    }
    return undefined
  }

  /** All entries of a key-value store. */
  async entries(): Promise<KeyValueEntry<K, V>[]> {
    const entries: KeyValueEntry<K, V>[] = []
    for (const store of this.partitions) {
      if (store.kind !== 'key-value') throw wrongKind(store, 'key-value')
      entries.push(...((await store.range({ entriesMax })) as KeyValueEntry<K, V>[]))
    }
    return entries
  }

  /** All windows of a window store. */
  async windows(): Promise<WindowEntry<K, V>[]> {
    const windows: WindowEntry<K, V>[] = []
    for (const store of this.partitions) {
      if (store.kind !== 'window') throw wrongKind(store, 'window')
      const found = await store.all(-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, entriesMax)
      windows.push(...(found as WindowEntry<K, V>[]))
    }
    return windows
  }

  /** All sessions of a key of a session store. */
  async sessions(key: K): Promise<SessionEntry<K, V>[]> {
    const sessions: SessionEntry<K, V>[] = []
    const range = [-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER] as const
    for (const store of this.partitions) {
      if (store.kind !== 'session') throw wrongKind(store, 'session')
      await store.load(key, ...range)
      sessions.push(...(store.findSessions(key, ...range) as SessionEntry<K, V>[]))
    }
    return sessions
  }
}

function wrongKind(store: AnyStore, kind: string): RangeError {
  return new RangeError(`store ${store.name} is a ${store.kind} store, not a ${kind} store`)
}
