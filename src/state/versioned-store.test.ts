import assert from 'node:assert/strict'
import { test } from 'node:test'
import { present } from '../core/assert.ts'
import { ManualClock } from '../core/clock.ts'
import { partition, storeName } from '../core/record.ts'
import { stringSerde } from '../core/serde.ts'
import { MemoryBudget } from './memory-budget.ts'
import { openMemoryStorage } from './memory-backend.ts'
import type { VersionedStore, VersionedStoreDefinition } from './stores.ts'
import { openTaskStores } from './task-stores.ts'
import { versionsSerde } from './versions-serde.ts'

const definition: VersionedStoreDefinition<string, string> = {
  kind: 'versioned',
  name: storeName('rows'),
  keySerde: stringSerde,
  valueSerde: versionsSerde(stringSerde),
  historyMs: 10,
  ttlMs: null,
}

async function open() {
  const storage = await openMemoryStorage({ clock: new ManualClock() })
  const stores = openTaskStores({
    definitions: [definition],
    partition: partition(0),
    backend: storage.state,
    budget: new MemoryBudget(1024 * 1024),
  })
  const rows = stores.get('rows') as VersionedStore<string, string>
  await stores.prefetch([{ store: 'rows', key: 'k' }])
  const put = (value: string | null, validFromMs: number) => {
    stores.advanceStreamTime(validFromMs)
    return rows.put('k', value, validFromMs)
  }
  const commit = async () => {
    const changes = stores.pendingChanges()
    await storage.state.write(changes)
    stores.committed()
    return changes
  }
  const close = async () => {
    stores.close()
    await storage.close()
  }
  return { rows, put, commit, close, stores }
}

test('a key is read as it was at a time, in whatever order its versions came', async () => {
  const { rows, put, close } = await open()
  put('late', 9)
  put('early', 3)
  put(null, 6)
  const values = [2, 3, 5, 6, 8, 9, 100].map((asOfMs) => rows.getAsOf('k', asOfMs)?.value)
  assert.deepEqual(values, [undefined, 'early', 'early', null, null, 'late', 'late'])
  assert.deepEqual(rows.get('k'), { value: 'late', validFromMs: 9 })
  await close()
})

test('beyond the history nothing is known but the latest version, and nothing is put', async () => {
  const { rows, put, close, stores } = await open()
  for (const [value, at] of [
    ['a', 1],
    ['b', 2],
    ['c', 30],
  ] as const)
    put(value, at)
  assert.equal(put('older', 19), false)
  assert.equal(rows.getAsOf('k', 19), undefined)
  assert.equal(rows.getAsOf('k', 20)?.value, 'b', 'it was valid where the history begins')
  stores.advanceStreamTime(1000)
  assert.equal(rows.getAsOf('k', 30)?.value, 'c')
  await close()
})

test('versions that no reader can see are dropped with the next write, and the rest is committed', async () => {
  const { rows, put, commit, close } = await open()
  for (const [value, at] of [
    ['a', 1],
    ['b', 2],
    ['c', 30],
    ['d', 45],
  ] as const)
    put(value, at)
  const [change, ...more] = await commit()
  assert.deepEqual(more, [])
  const framed = present(change?.value ?? undefined, 'a written value')
  const kept = definition.valueSerde.deserialize(framed.subarray(1))
  assert.deepEqual(
    kept.map(({ value }) => value),
    ['d', 'c'],
  )
  assert.deepEqual(
    (await rows.range({ entriesMax: 10 })).map(({ key }) => key),
    ['k'],
  )
  await close()
})
