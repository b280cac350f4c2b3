import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import { TidemarkError } from '../../core/errors.ts'
import { LocalSchemaRegistry } from '../../schema/local-schema-registry.ts'
import { MemoryRegistryStorage } from '../../schema/registry-storage.ts'
import { openMemoryStorage } from '../../state/memory-backend.ts'
import { openStorage } from '../../state/rocksdb-backend.ts'
import counting, { words } from '../test-support/counting.ts'
import { readAll, readLatest, send, testRuntime } from '../test-support/harness.ts'
import type { WorkerOptions } from './worker-host.ts'

const registry = await LocalSchemaRegistry.open(new MemoryRegistryStorage())

/** Workers load it by its URL. */
const codecsModule = new URL('../test-support/json-codecs-module.test-child.ts', import.meta.url)

function workers(count: number, topology = 'counting.ts'): WorkerOptions {
  return {
    count,
    registry,
    topologyModules: [new URL(`../test-support/${topology}`, import.meta.url).href],
    codecsModule: codecsModule.href,
  }
}

const input = Array.from({ length: 3000 }, (_, index) => ({
  id: `${index}`,
  word: index % 500 === 499 ? '' : `w${index % 37}`,
  atMs: index,
}))

for (const count of [0, 1, 2]) {
  test(`${count} workers count as one thread does, over a stop and a new start`, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'tidemark-workers-'))
    const storage = await openStorage({ directory, clock: systemClock })
    try {
      for (const half of [input.slice(0, 1500), input.slice(1500)]) {
        const runtime = testRuntime([counting], storage, {
          workers: workers(count),
          limits: { batchRecordsMax: 100, defaultPartitionCount: 3 },
        })
        await runtime.start()
        await send(storage.log, words, half)
        const { totals: before } = runtime.status()
        assert.equal(
          before.processed + before.lag,
          half.length,
          'what is durable and not processed',
        )
        await runtime.whenIdle()
        const { totals, tasks } = runtime.status()
        assert.equal(totals.processed + totals.quarantined, half.length)
        assert.equal(totals.lag, 0)
        assert.deepEqual(tasks.map(({ id }) => id).sort(), [
          'counting-0_0',
          'counting-0_1',
          'counting-0_2',
        ])
        await runtime.stop()
        assert.equal(runtime.status().state, 'stopped')
      }
      const expected = new Map<string, number>()
      for (const { word } of input) {
        if (word !== '') expected.set(word, (expected.get(word) ?? 0) + 1)
      }
      assert.deepEqual(await readLatest(storage.log, 'counts'), expected)
      const quarantined = await readAll(storage.log, 'tidemark.quarantine')
      assert.equal(new Set(quarantined.map(({ key }) => key)).size, 6)
    } finally {
      await storage.close()
      await rm(directory, { recursive: true, force: true })
    }
  })
}

test('workers on a log that holds no state write it after the commit, and restore what is lost', async () => {
  const storage = await openMemoryStorage({ clock: systemClock, sharesState: false })
  const expected = new Map<string, number>()
  for (const half of [input.slice(0, 1500), input.slice(1500)]) {
    // The second finds no state.
    const own = await openMemoryStorage({ clock: systemClock })
    const runtime = testRuntime(
      [counting],
      { log: storage.log, state: own.state },
      { workers: workers(2), limits: { batchRecordsMax: 100, defaultPartitionCount: 3 } },
    )
    await runtime.start()
    await send(storage.log, words, half)
    await runtime.whenIdle()
    await runtime.stop()
    await own.close()
    for (const { word } of half) {
      if (word !== '') expected.set(word, (expected.get(word) ?? 0) + 1)
    }
    assert.deepEqual(await readLatest(storage.log, 'counts'), expected)
  }
  await storage.close()
})

test('a processor that throws in a worker fails the runtime with its task and record', async () => {
  const storage = await openMemoryStorage({ clock: systemClock })
  const { default: failing } = await import('../test-support/failing.ts')
  const runtime = testRuntime([failing], storage, { workers: workers(1, 'failing.ts') })
  await runtime.start()
  await send(storage.log, words, [{ id: '1', word: 'bad', atMs: 1 }])
  const failure = await runtime.failed
  assert.ok(failure instanceof TidemarkError)
  assert.equal(failure.code, 'PROCESSING_FAILED')
  assert.match(failure.message, /processor look failed at words-\d, offset 0: I do not like it/)
  await storage.close()
})

test('a worker that ends by itself fails the runtime with a word that says which', async () => {
  const storage = await openMemoryStorage({ clock: systemClock })
  const { default: failing } = await import('../test-support/failing.ts')
  const runtime = testRuntime([failing], storage, { workers: workers(2, 'failing.ts') })
  await runtime.start()
  await send(storage.log, words, [{ id: '1', word: 'exit', atMs: 1 }])
  const failure = await runtime.failed
  assert.ok(failure instanceof TidemarkError)
  assert.match(failure.message, /worker [01] has ended with exit code 7/)
  assert.equal(runtime.status().state, 'failed')
  await storage.close()
})

test('no group is joined before the workers can run its tasks, which would stand still until then', async () => {
  const storage = await openMemoryStorage({ clock: systemClock })
  let joins = 0
  storage.log.joinGroup = () => {
    joins += 1
    return Promise.reject(new Error('too early'))
  }
  const runtime = testRuntime([counting], storage, { workers: workers(2, 'no-such-module.ts') })
  await assert.rejects(runtime.start(), /no-such-module/)
  assert.equal(joins, 0)
  await storage.close()
})
