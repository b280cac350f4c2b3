import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { systemClock } from '../core/clock.ts'
import { topicName, type Partition, type TopicName } from '../core/record.ts'
import { counts, words } from '../runtime/test-support/counting.ts'
import { readAll, readLatest, send, until } from '../runtime/test-support/harness.ts'
import { TestCluster } from '../runtime/test-support/test-cluster.ts'
import { MemoryRegistryStorage } from '../schema/registry-storage.ts'
import { openMemoryStorage } from '../state/memory-backend.ts'
import { defineTopology } from '../topology/define.ts'
import { factStarts, noteFactStarts } from './fact-starts.ts'

const facts = topicName('facts')
const ids = (id: string) => ({
  topicIds: (names: readonly TopicName[]) =>
    Promise.resolve(new Map(names.map((name) => [name, id]))),
  topicNames: () => Promise.resolve([facts, counts.name]),
})
const at = (number: number) => number as Partition

async function logWithFacts(t: TestContext) {
  const { log, close } = await openMemoryStorage({ clock: systemClock })
  t.after(close)
  await log.createTopics([
    { name: facts, partitionCount: 2, cleanupPolicy: 'compact', retentionMs: null },
  ])
  const records = [1, 2, 3].map((timestampMs) => ({
    key: Buffer.from('k'),
    value: null,
    timestampMs,
  }))
  await log.append([{ topic: facts, partition: at(1), records }])
  return log
}

test('state begins behind what a reset has found in its facts', async (t) => {
  const log = Object.assign(await logWithFacts(t), ids('one'))
  const meta = new MemoryRegistryStorage()
  const before = await factStarts([meta], log)
  assert.equal(before(facts, at(1)), null)
  await noteFactStarts(meta, log, 'counting', [facts])
  const from = await factStarts([meta], log)
  assert.deepEqual([from(facts, at(0)), from(facts, at(1)), from(facts, at(2))], [0, 3, null])
  assert.equal(from(topicName('others'), at(0)), null)
})

test('whoever takes a topology over under another name begins behind the resets of the one before', async (t) => {
  const log = Object.assign(await logWithFacts(t), ids('one'))
  const [before, own, stranger] = [1, 2, 3].map(() => new MemoryRegistryStorage())
  assert.ok(before && own && stranger)
  await noteFactStarts(before, log, 'counting', [facts])
  await stranger.append([{ key: 'something', value: 'else' }])
  const taken = await factStarts([stranger, before, own], log)
  assert.equal(taken(facts, at(1)), 3)
  const record = { key: Buffer.from('k'), value: null, timestampMs: 4 }
  await log.append([{ topic: facts, partition: at(1), records: [record] }])
  await noteFactStarts(own, log, 'counting', [facts])
  for (const metas of [
    [before, own],
    [own, before],
  ]) {
    assert.equal((await factStarts(metas, log))(facts, at(1)), 4)
  }
})

test('a topic that was made anew is state from its start', async (t) => {
  const log = Object.assign(await logWithFacts(t), ids('one'))
  const meta = new MemoryRegistryStorage()
  await noteFactStarts(meta, log, 'counting', [facts])
  const from = await factStarts([meta], ids('two'))
  assert.equal(from(facts, at(1)), null)
})

test('a topic that was deleted since is asked for nothing: a start makes it anew', async (t) => {
  const log = Object.assign(await logWithFacts(t), ids('one'))
  const meta = new MemoryRegistryStorage()
  await noteFactStarts(meta, log, 'counting', [facts])
  const from = await factStarts([meta], {
    topicNames: () => Promise.resolve([topicName('others')]),
    topicIds: (names) =>
      names.length === 0 ? Promise.resolve(new Map()) : Promise.reject(new Error(names.join())),
  })
  assert.equal(from(facts, at(1)), null)
})

test('after a reset without its facts a topology counts anew, and the facts of before stay', async (t) => {
  const graph = defineTopology('counting', (builder) => {
    builder
      .stream('word', words)
      .groupByKey('by-word')
      .count('count', { store: 'counts', changelog: counts })
  })
  const say = (...texts: string[]) =>
    texts.map((word, index) => ({ id: `${index}`, word, atMs: index }))
  const meta = new MemoryRegistryStorage()
  const instances = await TestCluster.open([graph])
  t.after(() => instances.close())
  const { log } = instances
  const one = await instances.start('one')
  await send(log, words, say('a', 'b', 'a'))
  await one.whenIdle()
  await instances.stop('one')
  assert.deepEqual(Object.fromEntries(await readLatest(log, counts.name)), { a: 2, b: 1 })
  const written = (await readAll(log, counts.name)).length

  await noteFactStarts(meta, Object.assign(log, ids('one')), 'counting', [counts.name])
  const cluster = {
    ...{ endpoint: null, numStandbyReplicas: 0, maxWarmupReplicas: 2, acceptableRecoveryLag: 10 },
    stateFrom: await factStarts([meta], ids('one')),
  }
  // One that has followed the reset, and one that comes later.
  for (const [instanceId, expected] of [
    ['two', { a: 1, b: 1 }],
    ['three', { a: 2, b: 1 }],
  ] as const) {
    const runtime = await instances.start(instanceId, { cluster: { ...cluster, instanceId } })
    await until('all tasks run', () => {
      const { tasks } = runtime.status()
      return tasks.length === 4 && tasks.every(({ state }) => state === 'RUNNING')
    })
    await send(log, words, say('a'))
    await runtime.whenIdle()
    await instances.stop(instanceId)
    assert.deepEqual(Object.fromEntries(await readLatest(log, counts.name)), expected)
  }
  assert.equal((await readAll(log, counts.name)).length, written + 2)
})
