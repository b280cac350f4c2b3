/** Ranges, and what time does to entries, windows and sessions, over any backend. */
import assert from 'node:assert/strict'
import { storeName } from '../core/record.ts'
import { MemoryBudget } from './memory-budget.ts'
import {
  task,
  keyValue,
  windows,
  sessions,
  keyValueOf,
  windowsOf,
  sessionsOf,
} from './stores-setting.test-suite.ts'
import type { Given } from './stores-setting.test-suite.ts'

export function ranges(given: Given): void {
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

  given(
    'a commit that lands between a scan and its answer hides nothing from the range',
    [keyValue('kv'), windows('w', 100)],
    async ({ stores, backend }) => {
      const commitAfterScan = () => {
        const changes = stores.pendingChanges()
        backend.afterScan = async () => {
          await backend.write(changes)
          stores.committed()
        }
      }
      keyValueOf(stores, 'kv').put('a', 1)
      commitAfterScan()
      const range = await keyValueOf(stores, 'kv').range({ entriesMax: 9 })
      assert.deepEqual(range, [{ key: 'a', value: 1 }])
      windowsOf(stores, 'w').put('a', 5, 1)
      commitAfterScan()
      const all = await windowsOf(stores, 'w').all(0, 9, 9)
      assert.deepEqual(all, [{ key: 'a', windowStartMs: 5, value: 1 }])
    },
    new MemoryBudget(0),
  )
}

export function timeToLive(given: Given): void {
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

export function windowRetention(given: Given): void {
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

export function sessionOverlap(given: Given): void {
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
