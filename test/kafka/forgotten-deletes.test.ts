/** A row deleted while an instance was away, whose tombstone the broker has cleared away by its own defaults. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { pause, systemClock } from '../../src/core/clock.ts'
import { partition, storeName, topicName } from '../../src/core/record.ts'
import { stringSerde } from '../../src/core/serde.ts'
import { changelogTopic } from '../../src/runtime/changelog.ts'
import { words as plainWords, type Word } from '../../src/runtime/test-support/counting.ts'
import { send, testRuntime, until } from '../../src/runtime/test-support/harness.ts'
import { dataKey } from '../../src/state/key-layout.ts'
import { openMemoryStorage, type InMemoryStorage } from '../../src/state/memory-backend.ts'
import { defineTopology } from '../../src/topology/define.ts'
import type { TopologyGraph } from '../../src/topology/graph.ts'
import { configureTopic } from './support/configure-topic.ts'
import { clusterForTests, type TestKafka } from './support/kafka-for-tests.ts'
import { committedRecords, ourLogOnly } from './support/our-log.ts'

const store = 'kept'
const waitMaxMs = 60_000
const checkEveryMs = 100

/** Keeps the last id of each word; an empty id deletes it. */
function keeping(name: string, words: typeof plainWords): TopologyGraph {
  return defineTopology(name, (builder) => {
    builder
      .stream('word', words)
      .groupByKey('by-word')
      .aggregate(
        'keep',
        (): string | null => null,
        (_key, { id }) => (id === '' ? null : id),
        { store, valueSerde: stringSerde },
      )
  })
}

async function start(
  t: TestContext,
  kafka: TestKafka,
  topology: TopologyGraph,
  { state }: InMemoryStorage,
) {
  const id = kafka.unique('instance')
  const log = await ourLogOnly(t, kafka, { transactions: { transactionalIdOf: () => id } })
  const cluster = {
    instanceId: id,
    endpoint: null,
    numStandbyReplicas: 0,
    maxWarmupReplicas: 2,
    acceptableRecoveryLag: 10,
  }
  const runtime = testRuntime([topology], { log, state }, { cluster })
  t.after(() => runtime.stop())
  await runtime.start()
  return { log, runtime }
}

void test('a row whose delete the broker no longer has does not come back with an older state', async (t) => {
  // Set on the broker, for all its topics: nothing is to be seen of it in what a topic itself is set to.
  const overrides = { 'log.cleaner.delete.retention.ms': 100, 'log.cleaner.backoff.ms': 50 }
  const kafka = await clusterForTests(t, { overrides })
  if (kafka === undefined) return
  const words = { ...plainWords, name: topicName(kafka.unique('words')), partitionCount: 1 }
  const topology = keeping(kafka.unique('keeping'), words)
  const changelog = changelogTopic(topology.name, storeName(store))
  let atMs = 0
  const word = (text: string, id: string): Word => ({ id, word: text, atMs: (atMs += 1) })
  const open = () => openMemoryStorage({ clock: systemClock, sharesState: false })
  const keysIn = async ({ state }: InMemoryStorage) => {
    const at = { store: storeName(`${topology.name}.${store}`), partition: partition(0) }
    const rows = await state.scan({ ...at, from: dataKey(''), entriesMax: 100 })
    return rows.map(({ key }) => key.toString('latin1'))
  }

  const older = await open()
  const first = await start(t, kafka, topology, older)
  await send(first.log, words, [word('gone', '1'), word('stays', '1')])
  await first.runtime.whenIdle()
  await first.runtime.stop()
  assert.equal((await keysIn(older)).length, 2)

  const newer = await open()
  const second = await start(t, kafka, topology, newer)
  await send(second.log, words, [word('gone', '')])
  await second.runtime.whenIdle()
  assert.equal((await keysIn(newer)).length, 1)
  await configureTopic(kafka, changelog, {
    'segment.ms': '50',
    'min.cleanable.dirty.ratio': '0.0001',
  })
  const giveUpMs = systemClock.nowMs() + waitMaxMs
  const hasTombstone = async () =>
    (await committedRecords(second.log, changelog)).some(({ value }) => value === null)
  while (await hasTombstone()) {
    assert.ok(systemClock.nowMs() < giveUpMs, 'the broker clears the delete away')
    // What was written last is never compacted: it takes more to close the segment of the delete.
    await send(second.log, words, [word('more', String(atMs))])
    await second.runtime.whenIdle()
    await pause(systemClock, checkEveryMs)
  }
  const expected = await keysIn(newer)
  await second.runtime.stop()

  const third = await start(t, kafka, topology, older)
  await until('it runs', () =>
    third.runtime.status().tasks.some(({ state }) => state === 'RUNNING'),
  )
  assert.deepEqual(await keysIn(older), expected)
})
