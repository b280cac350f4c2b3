import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../core/clock.ts'
import type { Offset, Partition, StoreName } from '../core/record.ts'
import { sessionWindows, tumblingWindows } from '../processors/windows.ts'
import type { TopologyGraph } from '../topology/graph.ts'
import { defineTopology } from '../topology/define.ts'
import { dataKey } from '../state/key-layout.ts'
import { openMemoryStorage } from '../state/memory-backend.ts'
import { changelogTopic } from './changelog.ts'
import { counts, words } from './test-support/counting.ts'
import { send, testRuntime } from './test-support/harness.ts'

const timed = { ...words, eventTimeMsOf: ({ atMs }: { readonly atMs: number }) => atMs }

const expiring: readonly TopologyGraph[] = [
  defineTopology('ttl', (builder) => {
    builder
      .stream('word', timed)
      .groupByKey('by-word')
      .count('count', { store: 'kept', ttlMs: 10 })
      .toStream('counted')
      .to('out', counts)
  }),
  defineTopology('windows', (builder) => {
    builder
      .stream('word', timed)
      .groupByKey('by-word')
      .windowedBy(tumblingWindows({ sizeMs: 10, graceMs: 0 }))
      .count('count', { store: 'kept' })
  }),
  defineTopology('sessions', (builder) => {
    builder
      .stream('word', timed)
      .groupByKey('by-word')
      .windowedBy(sessionWindows({ gapMs: 5, graceMs: 0 }))
      .count('count', { store: 'kept' })
  }),
]

for (const topology of expiring) {
  test(`${topology.name}: what expires in the state is deleted in the changelog too`, async () => {
    const storage = await openMemoryStorage({ clock: systemClock, sharesState: false })
    const { log, state } = storage
    const runtime = testRuntime([topology], storage, { limits: { defaultPartitionCount: 1 } })
    await runtime.start()
    for (const atMs of [1, 2, 100_000, 200_000]) {
      await send(log, words, [{ id: `${atMs}`, word: `w${atMs}`, atMs }])
      await runtime.whenIdle()
    }
    await runtime.stop()

    const topic = changelogTopic(topology.name, 'kept' as StoreName)
    const partition = 0 as Partition
    const [fetched] = await log.fetch({
      partitions: [{ topic, partition, offset: 0 as Offset }],
      bytesMax: 1024 * 1024,
      bytesPerPartitionMax: 1024 * 1024,
      waitMaxMs: 0,
      isolation: 'read_committed',
    })
    const replayed = new Map<string, string>()
    let deletes = 0
    for (const { key, value } of fetched?.records ?? []) {
      const text = key?.toString('latin1') ?? assert.fail()
      if (value === null) deletes += 1
      if (value === null) replayed.delete(text)
      else replayed.set(text, value.toString('latin1'))
    }
    assert.ok(deletes > 0)
    const store = `${topology.name}.kept` as StoreName
    const entries = await state.scan({ store, partition, from: dataKey(''), entriesMax: 100 })
    assert.deepEqual(
      [...replayed].sort(),
      entries.map(({ key, value }) => [key.toString('latin1'), value.toString('latin1')]),
    )
    assert.ok([...replayed.keys()].every((key) => !/w[12]$/.test(key)))
    await storage.close()
  })
}
