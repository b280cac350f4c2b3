/** What is loaded, written, committed and cached, over any backend. */
import assert from 'node:assert/strict'
import { MemoryBudget } from './memory-budget.ts'
import type { StoreDefinition } from './stores.ts'
import {
  keyValue,
  windows,
  sessions,
  keyValueOf,
  windowsOf,
  sessionsOf,
  isError,
} from './stores-setting.test-suite.ts'
import type { Given } from './stores-setting.test-suite.ts'

export function readingAndWriting(given: Given): void {
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

export function committing(given: Given): void {
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

export function cachingAndCounting(given: Given): void {
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
    'a store without caching has nothing in memory beyond the commit, and reads it again',
    [{ ...keyValue('kv'), caching: false } as StoreDefinition, keyValue('cached')],
    async ({ stores, backend, budget, commit }) => {
      const requests = ['kv', 'cached'].map((store) => ({ store, key: 'a' }))
      await stores.prefetch(requests)
      for (const { store } of requests) keyValueOf(stores, store).put('a', 1)
      await commit()
      assert.throws(() => keyValueOf(stores, 'kv').get('a'), isError('STORE_KEY_NOT_LOADED'))
      assert.equal(keyValueOf(stores, 'cached').get('a'), 1)
      backend.batches.length = 0
      await stores.prefetch(requests)
      assert.deepEqual(backend.batches, [1])
      assert.equal(keyValueOf(stores, 'kv').get('a'), 1)
      stores.pendingChanges()
      // Touched again while the commit is under way: it belongs to the next one.
      assert.equal(keyValueOf(stores, 'kv').get('a'), 1)
      stores.committed()
      assert.equal(keyValueOf(stores, 'kv').get('a'), 1)
      const used = budget.usedBytes
      await commit()
      assert.ok(budget.usedBytes < used)
    },
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
    // Two of the three have room.
    new MemoryBudget(3600),
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
