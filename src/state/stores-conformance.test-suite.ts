/**
 * What the typed stores do over any state backend: each backend's test runs `storesConformance` and
 * `storesModel` with places of its own.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TidemarkError } from '../core/errors.ts'
import { partition, storeName } from '../core/record.ts'
import type { Serde } from '../core/serde.ts'
import type { StateBackend, StateRange, StateRead } from '../core/state.ts'
import { MemoryBudget } from './memory-budget.ts'
import type { KeyValueStore, SessionStore, StoreDefinition, WindowStore } from './stores.ts'
import { openTaskStores } from './task-stores.ts'
import type { TaskStores } from './task-stores.ts'

/** Where one backend keeps its data, so that it can be opened again. */
export interface BackendPlace {
  open(): Promise<StateBackend>
  /** Closes what is open and deletes the data. */
  remove(): Promise<void>
}

export const latin1Serde: Serde<string> = {
  serialize: (text) => Buffer.from(text, 'latin1'),
  deserialize: (bytes) => bytes.toString('latin1'),
}

export const jsonSerde: Serde<unknown> = {
  serialize: (value) => Buffer.from(JSON.stringify(value)),
  deserialize: (bytes) => JSON.parse(bytes.toString()) as unknown,
}

const common = { keySerde: latin1Serde, valueSerde: jsonSerde }
const task = partition(1)

function keyValue(name: string, ttlMs: number | null = null): StoreDefinition {
  return { ...common, kind: 'key-value', name: storeName(name), ttlMs }
}

function windows(name: string, retentionMs: number): StoreDefinition {
  return { ...common, kind: 'window', name: storeName(name), windowSizeMs: 10, retentionMs }
}

function sessions(name: string, retentionMs: number): StoreDefinition {
  return { ...common, kind: 'session', name: storeName(name), retentionMs }
}

/** Counts what reaches the backend. */
class CountedBackend implements StateBackend {
  readonly #inner: StateBackend
  readonly batches: number[] = []
  readonly scans: StateRange[] = []
  failure: Error | null = null

  constructor(inner: StateBackend) {
    this.#inner = inner
  }

  async readMany(reads: readonly StateRead[]): Promise<readonly (Buffer | null)[]> {
    this.batches.push(reads.length)
    if (this.failure !== null) throw this.failure
    return this.#inner.readMany(reads)
  }

  async scan(range: StateRange): ReturnType<StateBackend['scan']> {
    this.scans.push(range)
    if (this.failure !== null) throw this.failure
    return this.#inner.scan(range)
  }

  write(changes: Parameters<StateBackend['write']>[0]): Promise<void> {
    return this.#inner.write(changes)
  }

  close(): Promise<void> {
    return this.#inner.close()
  }
}

interface Setting {
  readonly backend: CountedBackend
  readonly stores: TaskStores
  readonly budget: MemoryBudget
  commit(): Promise<number>
  /** Other stores on the same data, with nothing cached. */
  again(definitions?: readonly StoreDefinition[]): TaskStores
}

export function storesConformance(
  backendName: string,
  openPlace: () => Promise<BackendPlace>,
): void {
  const given = (
    sentence: string,
    definitions: readonly StoreDefinition[],
    body: (setting: Setting) => Promise<void>,
    budget = new MemoryBudget(10_000_000),
  ) =>
    void test(`${backendName}: ${sentence}`, async () => {
      const place = await openPlace()
      try {
        const backend = new CountedBackend(await place.open())
        const again = (others = definitions) =>
          openTaskStores({ definitions: others, partition: task, backend, budget })
        const stores = again()
        const commit = async () => {
          const changes = stores.pendingChanges()
          await backend.write(changes)
          stores.committed()
          return changes.length
        }
        await body({ backend, stores, budget, commit, again })
      } finally {
        await place.remove()
      }
    })

  readingAndWriting(given)
  committing(given)
  cachingAndCounting(given)
  ranges(given)
  timeToLive(given)
  windowRetention(given)
  sessionOverlap(given)
}

type Given = (
  sentence: string,
  definitions: readonly StoreDefinition[],
  body: (setting: Setting) => Promise<void>,
  budget?: MemoryBudget,
) => void

function keyValueOf(stores: TaskStores, name: string): KeyValueStore<string, unknown> {
  return stores.get(name) as KeyValueStore<string, unknown>
}

function windowsOf(stores: TaskStores, name: string): WindowStore<string, unknown> {
  return stores.get(name) as WindowStore<string, unknown>
}

function sessionsOf(stores: TaskStores, name: string): SessionStore<string, unknown> {
  return stores.get(name) as SessionStore<string, unknown>
}

function isError(code: string, ...parts: string[]): (thrown: unknown) => boolean {
  return (thrown) => {
    assert.ok(thrown instanceof TidemarkError)
    assert.equal(thrown.code, code)
    for (const part of parts) assert.ok(thrown.message.includes(part), thrown.message)
    return true
  }
}

function readingAndWriting(given: Given): void {
  given(
    'a key that was never asked for is an error that says how to mend it',
    [keyValue('scores')],
    async ({ stores }) => {
      const store = keyValueOf(stores, 'scores')
      assert.throws(
        () => store.get('ada'),
        isError('STORE_KEY_NOT_LOADED', 'scores', 'ada', 'prefetch'),
      )
      await store.load(['ada'])
      assert.equal(store.get('ada'), undefined)
      store.put('bob', 1)
      assert.equal(store.get('bob'), 1)
    },
  )

  given(
    'windows and sessions that were never asked for are errors too',
    [windows('w', 100), sessions('s', 100)],
    async ({ stores }) => {
      const window = windowsOf(stores, 'w')
      const session = sessionsOf(stores, 's')
      const code = 'STORE_KEY_NOT_LOADED'
      assert.throws(() => window.fetch('ada', 10), isError(code, 'w', 'ada', 'prefetch.windows'))
      assert.throws(() => session.findSessions('ada', 0, 9), isError(code, 'prefetch.sessions'))
      await stores.prefetch([
        { store: 'w', key: 'ada', fromMs: 10, toMs: 20 },
        { store: 's', key: 'ada', earliestEndMs: 5, latestStartMs: 9 },
      ])
      assert.equal(window.fetch('ada', 20), undefined)
      assert.deepEqual(session.findSessions('ada', 5, 9), [])
      assert.throws(() => window.fetch('ada', 21), isError(code))
      assert.throws(() => window.fetchRange('ada', 9, 20), isError(code))
      assert.throws(() => session.findSessions('ada', 4, 9), isError(code))
    },
  )

  given(
    'a request of the wrong kind, or for no store, is refused with names',
    [keyValue('kv'), windows('w', 9)],
    async ({ stores }) => {
      const code = 'TOPOLOGY_INVALID'
      await assert.rejects(
        stores.prefetch([{ store: 'w', key: 'a' }]),
        isError(code, 'w', 'fromMs'),
      )
      await assert.rejects(
        stores.prefetch([{ store: 'kv', key: 'a', fromMs: 1, toMs: 2 }]),
        isError(code, 'kv'),
      )
      assert.throws(() => stores.get('nothing'), isError(code, 'nothing', 'kv, w'))
    },
  )

  given(
    'what is committed is read again by stores that have nothing in memory',
    [keyValue('kv'), windows('w', 100), sessions('s', 100)],
    async ({ stores, commit, again }) => {
      keyValueOf(stores, 'kv').put('a', { n: 1 })
      windowsOf(stores, 'w').put('a', -30, 'before the epoch')
      windowsOf(stores, 'w').put('a', 30, 'after it')
      sessionsOf(stores, 's').put('a', 5, 9, 'short')
      await commit()
      const others = again()
      await others.prefetch([
        { store: 'kv', key: 'a' },
        { store: 'w', key: 'a', fromMs: -100, toMs: 100 },
        { store: 's', key: 'a', earliestEndMs: 0, latestStartMs: 100 },
      ])
      assert.deepEqual(keyValueOf(others, 'kv').get('a'), { n: 1 })
      assert.deepEqual(windowsOf(others, 'w').fetchRange('a', -100, 100), [
        { key: 'a', windowStartMs: -30, value: 'before the epoch' },
        { key: 'a', windowStartMs: 30, value: 'after it' },
      ])
      assert.deepEqual(sessionsOf(others, 's').findSessions('a', 0, 100), [
        { key: 'a', startMs: 5, endMs: 9, value: 'short' },
      ])
    },
  )

  given(
    'a batch is one read for all keys of all stores',
    [keyValue('one'), keyValue('two'), windows('w', 100)],
    async ({ stores, backend }) => {
      await stores.prefetch([
        { store: 'one', key: 'a' },
        { store: 'two', key: 'a' },
        { store: 'one', key: 'a' },
        { store: 'two', key: 'b' },
        { store: 'w', key: 'b', fromMs: 10, toMs: 10 },
      ])
      await stores.prefetch([{ store: 'one', key: 'a' }])
      assert.equal(backend.batches.length, 1)
      assert.equal(backend.scans.length, 0)
      await stores.prefetch([
        { store: 'one', key: 'c' },
        { store: 'w', key: 'b', fromMs: 0, toMs: 50 },
        { store: 'w', key: 'b', fromMs: 10, toMs: 10 },
      ])
      assert.deepEqual([backend.batches.length, backend.scans.length], [2, 1])
      await stores.prefetch([{ store: 'w', key: 'b', fromMs: 20, toMs: 40 }])
      assert.equal(backend.scans.length, 1)
      await stores.prefetch([{ store: 'w', key: 'b', fromMs: 20, toMs: 70 }])
      const [first, second] = backend.scans
      assert.ok(first?.to !== undefined && second?.from !== undefined)
      assert.ok(second.from.compare(first.to) >= 0, 'only what is missing is scanned')
      await stores.prefetch([{ store: 'w', key: 'b', fromMs: -20, toMs: 30 }])
      const third = backend.scans[2]
      assert.ok(third?.to !== undefined && first.from !== undefined)
      assert.ok(third.to.compare(first.from) <= 0, 'at the other end too')
    },
  )

  given(
    'a read that fails leaves its keys not loaded, evictable, and can be tried again',
    [keyValue('kv'), windows('w', 50)],
    async ({ stores, backend, commit, budget }) => {
      const requests = [
        { store: 'kv', key: 'a' },
        ...Array.from({ length: 100 }, (_, n) => ({
          store: 'w',
          key: `a${n}`,
          fromMs: 0,
          toMs: 9,
        })),
      ]
      backend.failure = new Error('disk on fire')
      await assert.rejects(stores.prefetch(requests), /disk on fire/)
      assert.throws(() => keyValueOf(stores, 'kv').get('a'), isError('STORE_KEY_NOT_LOADED'))
      assert.throws(() => windowsOf(stores, 'w').fetch('a1', 5), isError('STORE_KEY_NOT_LOADED'))
      await commit()
      assert.equal(budget.usedBytes, 0)
      backend.failure = null
      await stores.prefetch(requests)
      assert.equal(keyValueOf(stores, 'kv').get('a'), undefined)
      assert.equal(windowsOf(stores, 'w').fetch('a1', 5), undefined)
    },
    new MemoryBudget(0),
  )

  given(
    'what is requested before a commit and loaded after it is there',
    [keyValue('kv'), windows('w', 50), sessions('s', 50)],
    async ({ stores, commit }) => {
      const requests = [
        { store: 'kv', key: 'a' },
        { store: 'w', key: 'a', fromMs: 0, toMs: 0 },
        { store: 'w', key: 'b', fromMs: 0, toMs: 9 },
        { store: 's', key: 'a', earliestEndMs: 0, latestStartMs: 9 },
      ]
      for (const request of requests) assert.equal(stores.request(request), false)
      for (const request of requests) assert.equal(stores.request(request), false)
      await commit()
      await stores.load()
      assert.equal(keyValueOf(stores, 'kv').get('a'), undefined)
      assert.equal(windowsOf(stores, 'w').fetch('a', 0), undefined)
      assert.equal(windowsOf(stores, 'w').fetch('b', 9), undefined)
      assert.deepEqual(sessionsOf(stores, 's').findSessions('a', 0, 9), [])
      for (const request of requests) assert.equal(stores.request(request), true)
    },
    new MemoryBudget(0),
  )

  given(
    'a read under way does not replace what was written meanwhile',
    [keyValue('kv'), windows('w', 50)],
    async ({ stores, commit, again }) => {
      keyValueOf(stores, 'kv').put('a', 'old')
      windowsOf(stores, 'w').put('a', 10, 'old')
      await commit()
      const others = again()
      const reading = others.prefetch([
        { store: 'kv', key: 'a' },
        { store: 'w', key: 'a', fromMs: 0, toMs: 20 },
      ])
      keyValueOf(others, 'kv').put('a', 'new')
      windowsOf(others, 'w').put('a', 10, 'new')
      await reading
      assert.equal(keyValueOf(others, 'kv').get('a'), 'new')
      assert.equal(windowsOf(others, 'w').fetch('a', 10), 'new')
    },
  )
}

function committing(given: Given): void {
  given(
    'many writes of an entry are serialized once, at the commit',
    [
      {
        ...keyValue('kv'),
        valueSerde: {
          serialize: (value: { serializedCount: number }) => {
            value.serializedCount += 1
            return Buffer.from('x')
          },
          deserialize: () => ({ serializedCount: 0 }),
        },
      } as StoreDefinition,
    ],
    async ({ stores, commit }) => {
      const value = { serializedCount: 0 }
      for (let index = 0; index < 10; index += 1) keyValueOf(stores, 'kv').put('a', value)
      assert.equal(stores.pendingEntryCount, 1)
      assert.equal(await commit(), 1)
      assert.equal(value.serializedCount, 1)
      assert.equal(stores.pendingEntryCount, 0)
      assert.equal(await commit(), 0)
    },
  )

  given(
    'what was written and removed in one commit leaves no change where the backend has none',
    [keyValue('kv'), windows('w', 50), sessions('s', 50)],
    async ({ stores, commit }) => {
      await stores.prefetch([
        { store: 'kv', key: 'a' },
        { store: 'w', key: 'a', fromMs: 0, toMs: 9 },
        { store: 's', key: 'a', earliestEndMs: 0, latestStartMs: 9 },
      ])
      keyValueOf(stores, 'kv').put('a', 1)
      keyValueOf(stores, 'kv').delete('a')
      windowsOf(stores, 'w').put('a', 5, 1)
      windowsOf(stores, 'w').delete('a', 5)
      sessionsOf(stores, 's').put('a', 5, 6, 1)
      sessionsOf(stores, 's').remove('a', 5, 6)
      assert.equal(await commit(), 0)
    },
  )

  given(
    'writes made while a commit is under way belong to the next one',
    [keyValue('kv')],
    async ({ stores, backend, again }) => {
      const store = keyValueOf(stores, 'kv')
      store.put('a', 1)
      const changes = stores.pendingChanges()
      store.put('a', 2)
      store.put('b', 2)
      await backend.write(changes)
      stores.committed()
      assert.equal(store.get('a'), 2)
      const others = keyValueOf(again(), 'kv')
      assert.deepEqual(await others.range({ entriesMax: 9 }), [{ key: 'a', value: 1 }])
      assert.equal(stores.pendingChanges().length, 2)
      stores.committed()
    },
  )

  given(
    'a discard takes back every write, expiry and stream time since the last commit',
    [keyValue('kv', 10)],
    async ({ stores, commit }) => {
      const store = keyValueOf(stores, 'kv')
      stores.advanceStreamTime(100)
      store.put('a', 'kept')
      await commit()
      stores.advanceStreamTime(200)
      store.put('b', 'gone')
      assert.equal(await stores.expire(10), 1)
      assert.equal(stores.pendingChanges().length > 0, true)
      stores.discard()
      assert.throws(() => store.get('b'), isError('STORE_KEY_NOT_LOADED'))
      await store.load(['a', 'b'])
      assert.equal(store.get('a'), 'kept')
      assert.equal(store.get('b'), undefined)
      assert.equal(stores.pendingChanges().length, 0)
    },
  )
}

function cachingAndCounting(given: Given): void {
  given(
    'a budget of nothing holds what the batch needs until its commit, and nothing after it',
    [keyValue('kv'), windows('w', 50)],
    async ({ stores, budget, commit }) => {
      await stores.prefetch([{ store: 'kv', key: 'a' }])
      keyValueOf(stores, 'kv').put('b', 1)
      windowsOf(stores, 'w').put('a', 1, 1)
      assert.equal(budget.isExceeded, true)
      await stores.prefetch([{ store: 'kv', key: 'c' }])
      assert.equal(keyValueOf(stores, 'kv').get('a'), undefined)
      await commit()
      assert.equal(budget.usedBytes, 0)
      assert.throws(() => keyValueOf(stores, 'kv').get('a'), isError('STORE_KEY_NOT_LOADED'))
      await stores.prefetch([{ store: 'kv', key: 'b' }])
      assert.equal(keyValueOf(stores, 'kv').get('b'), 1)
    },
    new MemoryBudget(0),
  )

  given(
    'the entry used longest ago is evicted first, whichever store holds it',
    [keyValue('one'), keyValue('two')],
    async ({ stores, budget, commit }) => {
      keyValueOf(stores, 'one').put('old', 'x'.repeat(100))
      await commit()
      keyValueOf(stores, 'two').put('new', 'x'.repeat(100))
      await commit()
      assert.ok(budget.usedBytes > 0 && budget.usedBytes <= budget.bytesMax)
      keyValueOf(stores, 'one').get('old')
      await commit()
      keyValueOf(stores, 'one').put('third', 'x'.repeat(100))
      await commit()
      assert.ok(budget.usedBytes <= budget.bytesMax)
      assert.equal(keyValueOf(stores, 'one').get('old'), 'x'.repeat(100))
      assert.throws(() => keyValueOf(stores, 'two').get('new'), isError('STORE_KEY_NOT_LOADED'))
    },
    new MemoryBudget(1600),
  )

  given(
    'each store counts its calls, hits, misses and bytes',
    [keyValue('kv')],
    async ({ stores, commit }) => {
      const store = keyValueOf(stores, 'kv')
      await stores.prefetch([{ store: 'kv', key: 'a' }])
      await stores.prefetch([{ store: 'kv', key: 'a' }])
      store.get('a')
      store.put('a', 12345)
      store.delete('b')
      await commit()
      const [statistics] = stores.statistics()
      assert.deepEqual(
        { ...statistics },
        {
          store: 'kv',
          partition: 1,
          getCount: 1,
          putCount: 1,
          deleteCount: 1,
          hitCount: 1,
          missCount: 1,
          readBytes: 0,
          writtenBytes: 6,
          evictedCount: 0,
          expiredCount: 0,
          expiredPutCount: 0,
        },
      )
    },
  )
}

function ranges(given: Given): void {
  given(
    'a range merges uncommitted writes with the backend, over several pages, both ways',
    [keyValue('kv')],
    async ({ stores, commit }) => {
      const store = keyValueOf(stores, 'kv')
      const key = (index: number) => `k${String(index).padStart(5, '0')}`
      const count = 2500
      for (let index = 0; index < count; index += 2) store.put(key(index), index)
      await commit()
      for (let index = 1; index < count; index += 2) store.put(key(index), index)
      for (let index = 0; index < count; index += 10) store.delete(key(index))
      const expected = Array.from({ length: count }, (_, index) => index).filter(
        (n) => n % 10 !== 0,
      )
      const all = await store.range({ entriesMax: 9999 })
      assert.deepEqual(
        all.map((entry) => entry.value),
        expected,
      )
      const last = await store.range({ entriesMax: 1500, reverse: true })
      assert.deepEqual(
        last.map((entry) => entry.value),
        [...expected].reverse().slice(0, 1500),
      )
      const prefix = await store.range({ prefix: Buffer.from('k0001'), entriesMax: 99 })
      assert.deepEqual(
        prefix.map((entry) => entry.value),
        expected.filter((n) => n > 10 && n < 20),
      )
    },
  )
}

function timeToLive(given: Given): void {
  given(
    'an entry is gone when it was written before stream time less the TTL, and not a moment earlier',
    [keyValue('kv', 10)],
    async ({ stores, commit }) => {
      const store = keyValueOf(stores, 'kv')
      stores.advanceStreamTime(100)
      store.put('a', 1)
      await commit()
      stores.advanceStreamTime(110)
      assert.equal(store.get('a'), 1)
      stores.advanceStreamTime(111)
      assert.equal(store.get('a'), undefined)
      assert.deepEqual(await store.range({ entriesMax: 9 }), [])
      stores.advanceStreamTime(50)
      assert.equal(store.get('a'), undefined)
    },
  )

  given(
    'a write keeps an entry alive, with or without the old one loaded',
    [keyValue('kv', 10)],
    async ({ stores, commit, backend, again }) => {
      stores.advanceStreamTime(100)
      keyValueOf(stores, 'kv').put('a', 1)
      await commit()
      const blind = again()
      blind.advanceStreamTime(108)
      keyValueOf(blind, 'kv').put('a', 2)
      await backend.write(blind.pendingChanges())
      blind.committed()
      blind.advanceStreamTime(112)
      assert.equal(await blind.expire(10), 1)
      await backend.write(blind.pendingChanges())
      blind.committed()
      assert.equal(keyValueOf(blind, 'kv').get('a'), 2)
      blind.advanceStreamTime(119)
      assert.ok((await blind.expire(10)) > 0)
      const left = blind.pendingChanges()
      assert.ok(left.every((change) => change.value === null))
      await backend.write(left)
      const store = storeName('kv')
      assert.deepEqual(await backend.scan({ store, partition: task, entriesMax: 9 }), [])
    },
  )

  given(
    'expiry is bounded a call, goes on where it stopped, and deletes as ordinary changes',
    [keyValue('kv', 10), windows('w', 10)],
    async ({ stores, commit }) => {
      stores.advanceStreamTime(0)
      for (let index = 0; index < 10; index += 1) {
        keyValueOf(stores, 'kv').put(`k${index}`, index)
        windowsOf(stores, 'w').put(`k${index}`, index, index)
      }
      await commit()
      stores.advanceStreamTime(1000)
      assert.equal(await stores.expire(8), 8)
      assert.equal(stores.pendingEntryCount, 16)
      assert.equal(await stores.expire(8), 8)
      assert.equal(await stores.expire(8), 4)
      assert.equal(await stores.expire(8), 0)
      const changes = stores.pendingChanges()
      assert.equal(changes.length, 40)
      assert.ok(changes.every((change) => change.value === null))
      assert.deepEqual(
        stores.statistics().map((statistics) => statistics.expiredCount),
        [10, 10],
      )
    },
  )

  given(
    'the index lists an entry once: a delete takes both away, a live entry is not visited',
    [keyValue('kv', 640)],
    async ({ stores, commit }) => {
      const store = keyValueOf(stores, 'kv')
      stores.advanceStreamTime(101)
      store.put('a', 1)
      assert.equal(await commit(), 2)
      stores.advanceStreamTime(109)
      store.put('a', 2)
      assert.equal(await commit(), 1)
      stores.advanceStreamTime(750)
      assert.equal(await stores.expire(9), 0)
      store.delete('a')
      assert.equal(await commit(), 2)
    },
  )

  given(
    'an entry that is listed too early after a change of the TTL is listed anew by the sweep',
    [keyValue('kv', 640)],
    async ({ stores, commit, again, backend }) => {
      stores.advanceStreamTime(1001)
      keyValueOf(stores, 'kv').put('a', 'short')
      await commit()
      const longer = again([keyValue('kv', 64_000)])
      longer.advanceStreamTime(1500)
      await longer.prefetch([{ store: 'kv', key: 'a' }])
      keyValueOf(longer, 'kv').put('a', 'long')
      await backend.write(longer.pendingChanges())
      longer.committed()
      for (const streamTimeMs of [65_400, 66_001]) {
        longer.advanceStreamTime(streamTimeMs)
        assert.equal(await longer.expire(9), 1)
        await backend.write(longer.pendingChanges())
        longer.committed()
      }
      const store = storeName('kv')
      assert.deepEqual(await backend.scan({ store, partition: task, entriesMax: 9 }), [])
    },
  )

  given(
    'no sweep runs inside a commit, and one that a discard overtakes has no effect',
    [windows('w', 10)],
    async ({ stores, backend, commit }) => {
      windowsOf(stores, 'w').put('b', 5, 1)
      await commit()
      windowsOf(stores, 'w').put('a', 0, 1)
      stores.advanceStreamTime(10)
      const changes = stores.pendingChanges()
      stores.advanceStreamTime(20)
      assert.equal(await stores.expire(9), 0)
      await backend.write(changes)
      stores.committed()
      const sweeping = stores.expire(9)
      stores.discard()
      assert.equal(await sweeping, 0)
      assert.equal(stores.pendingEntryCount, 0)
      stores.advanceStreamTime(20)
      assert.equal(await stores.expire(9), 2)
    },
  )

  given(
    'an expired entry that was written again is not deleted by the sweep',
    [keyValue('kv', 10)],
    async ({ stores, commit }) => {
      stores.advanceStreamTime(0)
      keyValueOf(stores, 'kv').put('a', 'old')
      await commit()
      stores.advanceStreamTime(50)
      keyValueOf(stores, 'kv').put('a', 'new')
      assert.equal(await stores.expire(9), 1)
      const values = stores.pendingChanges().filter((change) => change.key[0] === 0)
      assert.deepEqual(
        values.map((change) => change.value === null),
        [false],
      )
      assert.equal(stores.statistics()[0]?.expiredCount, 0)
    },
  )

  given(
    'an expired entry that is written again before the sweep commits stays',
    [keyValue('kv', 10)],
    async ({ stores, commit, again }) => {
      stores.advanceStreamTime(0)
      keyValueOf(stores, 'kv').put('a', 'old')
      await commit()
      stores.advanceStreamTime(50)
      assert.equal(await stores.expire(9), 1)
      keyValueOf(stores, 'kv').put('a', 'new')
      await commit()
      const others = again()
      others.advanceStreamTime(55)
      await others.prefetch([{ store: 'kv', key: 'a' }])
      assert.equal(keyValueOf(others, 'kv').get('a'), 'new')
    },
  )

  given(
    'a TTL that is given to a store later, or changed, takes effect on entries written since',
    [keyValue('kv')],
    async ({ stores, commit, again, backend }) => {
      keyValueOf(stores, 'kv').put('a', 'for ever')
      await commit()
      const timed = again([keyValue('kv', 640)])
      timed.advanceStreamTime(1000)
      await timed.prefetch([{ store: 'kv', key: 'a' }])
      assert.equal(keyValueOf(timed, 'kv').get('a'), 'for ever')
      keyValueOf(timed, 'kv').put('a', 'timed')
      await backend.write(timed.pendingChanges())
      const shorter = again([keyValue('kv', 10)])
      shorter.advanceStreamTime(1011)
      await shorter.prefetch([{ store: 'kv', key: 'a' }])
      assert.equal(keyValueOf(shorter, 'kv').get('a'), undefined)
    },
  )
}

function windowRetention(given: Given): void {
  given(
    'a window is gone when it starts before stream time less the retention; a late write to it is counted',
    [windows('w', 20)],
    async ({ stores, commit }) => {
      const store = windowsOf(stores, 'w')
      store.put('a', 80, 'kept')
      store.put('a', 79, 'gone')
      await commit()
      stores.advanceStreamTime(100)
      assert.equal(store.fetch('a', 80), 'kept')
      assert.equal(store.fetch('a', 79), undefined)
      assert.deepEqual(await store.all(0, 200, 9), [{ key: 'a', windowStartMs: 80, value: 'kept' }])
      store.put('a', 79, 'too late')
      assert.equal(store.fetch('a', 79), undefined)
      assert.equal(stores.statistics()[0]?.expiredPutCount, 1)
      assert.equal(await stores.expire(9), 1)
      assert.equal(await commit(), 2)
    },
  )

  given(
    'windows of a key that is a prefix of another are not mixed up',
    [windows('w', 1_000_000)],
    async ({ stores, commit, again }) => {
      // The bytes of a window start that lies between the two that are asked for.
      const longer = `a${Buffer.from('8000000000000005', 'hex').toString('latin1')}`
      windowsOf(stores, 'w').put('a', 1, 'first')
      windowsOf(stores, 'w').put(longer, 5, 'of the longer key')
      windowsOf(stores, 'w').put('a', 9, 'second')
      await commit()
      const others = again()
      await others.prefetch([{ store: 'w', key: 'a', fromMs: 0, toMs: 10 }])
      assert.deepEqual(windowsOf(others, 'w').fetchRange('a', 0, 10), [
        { key: 'a', windowStartMs: 1, value: 'first' },
        { key: 'a', windowStartMs: 9, value: 'second' },
      ])
    },
  )

  given(
    'all windows in a range come by key and start, whether committed or not',
    [windows('w', 1000)],
    async ({ stores, commit }) => {
      const store = windowsOf(stores, 'w')
      for (const key of ['c', 'a', 'b'])
        for (const start of [30, 10, 20]) store.put(key, start, key)
      await commit()
      store.delete('a', 20)
      store.put('aa', 20, 'aa')
      const found = await store.all(20, 30, 4)
      assert.deepEqual(
        found.map(({ key, windowStartMs }) => `${key}${windowStartMs}`),
        ['a30', 'aa20', 'b20', 'b30'],
      )
      const changes = stores.pendingChanges()
      store.put('aa', 20, 'written again while its commit is under way')
      store.put('b', 30, 'written again after its commit')
      const again = await store.all(20, 30, 4)
      assert.deepEqual(
        again.map(({ key, windowStartMs }) => `${key}${windowStartMs}`),
        ['a30', 'aa20', 'b20', 'b30'],
      )
      assert.ok(changes.length > 0)
    },
  )
}

function sessionOverlap(given: Given): void {
  given(
    'sessions are found by overlap, edges included, in order of their end',
    [sessions('s', 1000)],
    async ({ stores, commit, again }) => {
      for (const [start, end] of [
        [0, 10],
        [20, 30],
        [15, 60],
        [40, 50],
      ] as const) {
        sessionsOf(stores, 's').put('a', start, end, `${start}-${end}`)
      }
      await commit()
      const others = again()
      const found = async (earliestEndMs: number, latestStartMs: number) => {
        await others.prefetch([{ store: 's', key: 'a', earliestEndMs, latestStartMs }])
        const entries = sessionsOf(others, 's').findSessions('a', earliestEndMs, latestStartMs)
        return entries.map((entry) => entry.value)
      }
      assert.deepEqual(await found(30, 40), ['20-30', '40-50', '15-60'])
      assert.deepEqual(await found(31, 39), ['15-60'])
      assert.deepEqual(await found(10, 14), ['0-10'])
      assert.deepEqual(await found(61, 99), [])
    },
  )

  given(
    'a session is gone when it ends before stream time less the retention',
    [sessions('s', 20)],
    async ({ stores, commit }) => {
      const store = sessionsOf(stores, 's')
      store.put('a', 10, 80, 'kept')
      store.put('a', 10, 79, 'gone')
      await commit()
      stores.advanceStreamTime(100)
      await store.load('a', 0, 100)
      assert.deepEqual(
        store.findSessions('a', 0, 100).map((entry) => entry.value),
        ['kept'],
      )
      assert.equal(await stores.expire(9), 1)
    },
  )
}
