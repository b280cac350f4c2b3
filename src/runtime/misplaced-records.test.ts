/** Records that their producer put into another partition than their key belongs to. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../core/clock.ts'
import { partitionForKey } from '../core/partitioner.ts'
import { partition } from '../core/record.ts'
import { quarantineTopic, type QuarantineEntry } from '../quality/quarantine.ts'
import { openMemoryStorage } from '../state/memory-backend.ts'
import { defineTopology } from '../topology/define.ts'
import type { TopologyGraph } from '../topology/graph.ts'
import counting, { counts, words } from './test-support/counting.ts'
import { readAll, readLatest, testRuntime } from './test-support/harness.ts'

const partitionCount = 3
const key = Buffer.from('apple')
const own = partitionForKey(key, partitionCount)
const value = Buffer.from(JSON.stringify({ id: '1', word: 'apple', atMs: 1 }))

const stateless = defineTopology('stateless', (builder) => {
  builder
    .stream('word', words)
    .mapValues('ones', () => 1)
    .to('out', counts)
})

/** One record in each partition, and what became of them. */
async function run(topology: TopologyGraph, values: readonly (Buffer | null)[]) {
  const storage = await openMemoryStorage({ clock: systemClock })
  const limits = { defaultPartitionCount: partitionCount }
  const runtime = testRuntime([topology], storage, { limits })
  try {
    await runtime.start()
    for (const [at, each] of values.entries()) {
      const records = [{ key, value: each, timestampMs: 1 }]
      await storage.log.append([{ topic: words.name, partition: partition(at), records }])
    }
    await runtime.whenIdle()
    const kept = (await readAll(storage.log, quarantineTopic.name)).map(
      (record) => record.value as QuarantineEntry,
    )
    return { kept, counted: await readLatest(storage.log, counts.name), ...runtime.status().totals }
  } finally {
    await runtime.stop()
    await storage.close()
  }
}

const elsewhere = [0, 1, 2].filter((at) => at !== own)

test('are kept and explained where a task has state, and never counted', async () => {
  const { kept, counted, processed, quarantined } = await run(counting, [value, value, value])
  assert.deepEqual([...counted], [['apple', 1]])
  assert.deepEqual([processed, quarantined], [1, 2])
  assert.deepEqual(kept.map((entry) => entry.partition).sort(), elsewhere)
  for (const { check, level, reason } of kept) {
    assert.deepEqual([check, level], ['KEY_MISPLACED', 'Critical'])
    assert.match(
      reason,
      new RegExp(`partition \\d of words, and its key "apple" belongs to ${own}`),
    )
  }
})

test('are deletes, too, which go by the key that they bear', async () => {
  const { kept } = await run(counting, [null, null, null])
  assert.deepEqual(kept.map((entry) => entry.partition).sort(), elsewhere)
})

test('are taken where nothing is kept of a key', async () => {
  const { processed, quarantined } = await run(stateless, [value, value, value])
  assert.deepEqual([processed, quarantined], [3, 0])
})
