import assert from 'node:assert/strict'
import { appendFile, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { prepareDataDirectory, storageDirectory } from './data-directory.ts'
import { memoryBudgetBytesMin, planMemory } from './memory-plan.ts'
import { RocksdbStorage } from './rocksdb-storage.ts'
import { WriteAheadSync } from './write-ahead-sync.ts'

/** Bytes of the write-ahead logs that were not there when their file was last synced. */
async function unsyncedBytes(directory: string, synced: ReadonlyMap<number, number>) {
  let bytes = 0
  for (const name of await readdir(directory)) {
    if (!name.endsWith('.log')) continue
    // RocksDB may delete a log between the listing and here, once its records are in a table.
    const found = await stat(join(directory, name)).catch(() => null)
    if (found !== null) bytes += found.size - (synced.get(found.ino) ?? 0)
  }
  return bytes
}

test('after every write, all write-ahead logs are synced to their end, across memtables', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-sync-'))
  await prepareDataDirectory(directory)
  const synced = new Map<number, number>()
  const storage = await RocksdbStorage.open({
    directory,
    plan: planMemory(memoryBudgetBytesMin),
    durability: 'fsync',
    fileSync: async (handle) => {
      const { ino, size } = await handle.stat()
      await handle.datasync()
      synced.set(ino, size)
    },
  })
  try {
    const families = ['meta', 'log', 'state'] as const
    for (let round = 0; round < 150; round++) {
      const family = families[round % 3] ?? 'log'
      const key = Buffer.from(`${round}`)
      await storage.write([{ kind: 'put', family, key, value: Buffer.alloc(120_000, round) }])
      assert.equal(await unsyncedBytes(storageDirectory(directory), synced), 0, `write ${round}`)
    }
    assert.ok(synced.size > 3, `${synced.size} write-ahead logs were used`)
  } finally {
    await storage.close()
    await rm(directory, { recursive: true })
  }
})

test('one write over several logs syncs each of them, and one that is gone is no failure', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-sync-'))
  const synced = new Map<number, number>()
  let current = 4
  const write = (...numbers: number[]) =>
    Promise.all(
      numbers.map((number) => appendFile(join(directory, `00000${number}.log`), `${number}`)),
    )
  const sync = new WriteAheadSync(
    directory,
    { currentNumber: () => Promise.resolve(current) },
    async (handle) => {
      const { ino, size } = await handle.stat()
      synced.set(ino, size)
    },
  )
  try {
    await write(4)
    await sync.start()
    await sync.afterWrite()
    assert.equal(await unsyncedBytes(directory, synced), 0)
    // The write began in log 4 and ended in log 8; log 6 came and stayed between.
    await write(4, 6, 8)
    current = 8
    await sync.afterWrite()
    assert.equal(await unsyncedBytes(directory, synced), 0)
    await rm(join(directory, '000004.log'))
    await rm(join(directory, '000006.log'))
    await write(9)
    await rm(join(directory, '000008.log'))
    current = 9
    await sync.afterWrite()
    assert.equal(await unsyncedBytes(directory, synced), 0)
  } finally {
    await sync.close()
    await rm(directory, { recursive: true })
  }
})
