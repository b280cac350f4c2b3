import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ManualClock } from '../core/clock.ts'
import { partition, storeName } from '../core/record.ts'
import { stringSerde } from '../core/serde.ts'
import { MemoryBudget } from './memory-budget.ts'
import { openMemoryStorage } from './memory-backend.ts'
import type {
  KeyValueStore,
  SessionStore,
  StoreDefinition,
  VersionedStore,
  WindowStore,
} from './stores.ts'
import { openTaskStores } from './task-stores.ts'
import type { TaskStores } from './task-stores.ts'
import { versionsSerde } from './versions-serde.ts'

const text = { keySerde: stringSerde, valueSerde: stringSerde }
const definitions: StoreDefinition[] = [
  { kind: 'key-value', name: storeName('rows'), ...text, ttlMs: null },
  { kind: 'key-value', name: storeName('passing'), ...text, ttlMs: 50 },
  { kind: 'window', name: storeName('windows'), ...text, windowSizeMs: 1, retentionMs: 1000 },
  { kind: 'session', name: storeName('sessions'), ...text, retentionMs: 1000 },
  {
    kind: 'versioned',
    name: storeName('versions'),
    keySerde: stringSerde,
    valueSerde: versionsSerde(stringSerde),
    historyMs: 1000,
    ttlMs: null,
  },
]
const keys = ['a', 'b']

interface Write {
  readonly store: string
  readonly key: string
  readonly atMs: number
  readonly value: string | null
}

const writes = fc.array(
  fc.record<Write>({
    store: fc.constantFrom(...definitions.map(({ name }) => name)),
    key: fc.constantFrom(...keys),
    atMs: fc.nat(3),
    value: fc.option(fc.constantFrom('x', 'y', '')),
  }),
  { maxLength: 8 },
)

function write(stores: TaskStores, { store: name, key, atMs, value }: Write): void {
  const store = stores.get(name)
  switch (store.kind) {
    case 'key-value':
      if (value === null) (store as KeyValueStore<string, string>).delete(key)
      else (store as KeyValueStore<string, string>).put(key, value)
      return
    case 'window':
      if (value === null) (store as WindowStore<string, string>).delete(key, atMs)
      else (store as WindowStore<string, string>).put(key, atMs, value)
      return
    case 'session':
      if (value === null) (store as SessionStore<string, string>).remove(key, 0, atMs)
      else (store as SessionStore<string, string>).put(key, 0, atMs, value)
      return
    case 'versioned':
      ;(store as VersionedStore<string, string>).put(key, value, atMs)
  }
}

async function load(stores: TaskStores): Promise<void> {
  await stores.prefetch(
    keys.flatMap((key) => [
      { store: 'rows', key },
      { store: 'passing', key },
      { store: 'versions', key },
      { store: 'windows', key, fromMs: 0, toMs: 3 },
      { store: 'sessions', key, earliestEndMs: 0, latestStartMs: 3 },
    ]),
  )
}

/** @param isLoaded what the record in hand writes was read before */
async function written(
  committed: readonly Write[],
  pending: readonly Write[],
  takenBack: readonly Write[],
  isLoaded: boolean,
) {
  const storage = await openMemoryStorage({ clock: new ManualClock() })
  const options = { definitions, partition: partition(0), backend: storage.state }
  const first = openTaskStores({ ...options, budget: new MemoryBudget(1024 * 1024) })
  first.advanceStreamTime(10)
  await load(first)
  for (const each of committed) write(first, each)
  await storage.state.write(first.pendingChanges())
  first.close()
  const stores = openTaskStores({ ...options, budget: new MemoryBudget(1024 * 1024) })
  stores.advanceStreamTime(20)
  if (isLoaded) await load(stores)
  else await stores.prefetch(keys.map((key) => ({ store: 'versions', key })))
  for (const each of pending) write(stores, each)
  stores.undo.open()
  for (const each of takenBack) write(stores, each)
  stores.undo.takeBack()
  const changes = stores.pendingChanges()
  await storage.state.write(changes)
  stores.committed()
  await load(stores)
  const held = keys.map((key) => [
    (stores.get('rows') as KeyValueStore<string, string>).get(key),
    (stores.get('passing') as KeyValueStore<string, string>).get(key),
    (stores.get('versions') as VersionedStore<string, string>).get(key),
    (stores.get('windows') as WindowStore<string, string>).fetchRange(key, 0, 3),
    (stores.get('sessions') as SessionStore<string, string>).findSessions(key, 0, 3),
  ])
  stores.close()
  await storage.close()
  return { changes, held }
}

test('writes that are taken back leave stores and changes as if they had not been', async () => {
  const property = fc.asyncProperty(
    writes,
    writes,
    writes,
    fc.boolean(),
    async (committed, pending, takenBack, isLoaded) => {
      const expected = await written(committed, pending, [], isLoaded)
      const found = await written(committed, pending, takenBack, isLoaded)
      assert.deepEqual(found.held, expected.held)
      assert.deepEqual(found.changes, expected.changes)
    },
  )
  await fc.assert(property, { numRuns: 300 })
})
