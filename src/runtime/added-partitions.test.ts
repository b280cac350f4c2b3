import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { ManualClock, systemClock } from '../core/clock.ts'
import { offset, partition, topicName } from '../core/record.ts'
import { stringSerde } from '../core/serde.ts'
import { numberSerde } from '../processors/number-serde.ts'
import { openMemoryStorage } from '../state/memory-backend.ts'
import { defineTopology } from '../topology/define.ts'
import type { TopologyGraph } from '../topology/graph.ts'
import { keyValueStore } from '../topology/stores.ts'
import { addedPartitions, AddedPartitionsWatch } from './added-partitions.ts'
import { IdleCheck } from './idle-check.ts'
import { openInputs } from './open-inputs.ts'
import { broadcastPositionsStore, PositionsStore } from './positions-store.ts'
import { ScopedState } from './scoped-state.ts'
import { compileTopology } from './task-plan.ts'
import { counts, words } from './test-support/counting.ts'
import { send, until } from './test-support/harness.ts'

/** As the topologies know them. */
const one = { ...words, partitionCount: 1 }
const out = { ...counts, partitionCount: 1 }

const counting = defineTopology('counting', (builder) => {
  builder.stream('word', one).groupByKey('by-word').count('count', { store: 'counts' })
})
const copying = defineTopology('copying', (builder) => {
  builder
    .stream('word', one)
    .mapValues('length', (value) => value?.word.length ?? 0)
    .to('out', out)
})

/** Known with one partition; each task reads it whole. */
const reference = { ...counts, name: topicName('reference'), partitionCount: 1 }
const referring = defineTopology('referring', (builder) => {
  builder.process('refer', {
    inputs: [
      builder.stream('word', { ...words, partitionCount: 3 }),
      builder.broadcast('all-references', reference),
    ],
    stores: [keyValueStore('known', stringSerde, numberSerde)],
    supplier: () => ({ process: () => undefined }),
  })
})

/** With two records of reference data in an added partition, and no words. */
async function logWithReference(t: TestContext) {
  const storage = await logWith(t, [])
  const { name, cleanupPolicy, retentionMs } = reference
  await storage.log.createTopics([{ name, cleanupPolicy, retentionMs, partitionCount: 3 }])
  const text = Buffer.from('1')
  const records = [1, 2].map((timestampMs) => ({ key: text, value: text, timestampMs }))
  await storage.log.append([{ topic: name, partition: partition(2), records }])
  return storage
}

/** What stands in the log: three partitions, with these words in them. */
async function logWith(t: TestContext, texts: readonly string[]) {
  const storage = await openMemoryStorage({ clock: systemClock })
  t.after(() => storage.close())
  const { name, cleanupPolicy, retentionMs } = words
  await storage.log.createTopics([{ name, cleanupPolicy, retentionMs, partitionCount: 3 }])
  const say = texts.map((word, index) => ({ id: `${index}`, word, atMs: index }))
  await send(storage.log, words, say)
  return storage
}

const texts = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j']

async function unreadBeyondFirst(storage: Awaited<ReturnType<typeof logWith>>) {
  const [description] = await storage.log.describeTopics([words.name])
  const [first] = description?.partitions ?? []
  return { unread: texts.length - (first?.highWatermark ?? 0), first: first?.highWatermark ?? 0 }
}

test('records in added partitions are told by topic, and why they are not read', async (t) => {
  const storage = await logWith(t, texts)
  const { unread } = await unreadBeyondFirst(storage)
  assert.ok(unread > 0 && unread < texts.length)
  const described = await storage.log.describeTopics()
  const found = addedPartitions([counting, copying], 3, described)
  const words3 = { subTopology: 0, topic: words.name, known: 1, now: 3, unread }
  assert.deepEqual(found, [
    { topologyName: 'counting', ...words3, effect: 'keys-move' },
    { topologyName: 'copying', ...words3, effect: 'stateless' },
  ])
  assert.deepEqual(addedPartitions([counting], 3, []), [])
})

test('an instance is not idle while records stand in partitions that nobody reads', async (t) => {
  const storage = await logWith(t, texts)
  const { unread, first } = await unreadBeyondFirst(storage)
  const check = new IdleCheck({
    ...{ log: storage.log, state: storage.state, defaultPartitionCount: 3, isOwn: () => true },
    topologies: new Map([['counting', compileTopology(counting)]]),
  })
  assert.equal(await check.lag(), texts.length)
  const group = { groupId: 'counting', generationId: -1, memberId: '' }
  await storage.log.commitOffsets(group, [
    { topic: words.name, partition: 0 as never, offset: offset(first) },
  ])
  assert.equal(await check.lag(), unread)
})

test('the log is looked at now and then, until the watch is stopped', async (t) => {
  const storage = await logWith(t, texts)
  const clock = new ManualClock()
  const graphs: readonly TopologyGraph[] = [counting]
  const watch = new AddedPartitionsWatch({
    ...{ log: storage.log, clock, graphs, defaultPartitionCount: 3, intervalMs: 1000 },
  })
  watch.start()
  assert.equal(watch.found.length, 0)
  clock.advance(1000)
  await until('it has looked', () => watch.found.length === 1)
  const before = watch.found[0]?.unread ?? 0
  await send(storage.log, words, [{ id: 'x', word: 'j', atMs: 1 }])
  await until('it has looked again', () => {
    clock.advance(1000)
    return (watch.found[0]?.unread ?? 0) === before + 1
  })
  watch.stop()
})

test('reference data in added partitions is told, and counts once for each instance', async (t) => {
  const storage = await logWithReference(t)
  const described = await storage.log.describeTopics()
  const at = { topologyName: 'referring', subTopology: 0, topic: reference.name }
  assert.deepEqual(addedPartitions([referring], 3, described), [
    { ...at, known: 1, now: 3, unread: 2, effect: 'broadcast' },
  ])
  for (const ownsTasks of [true, false]) {
    const check = new IdleCheck({
      ...{ log: storage.log, state: storage.state, defaultPartitionCount: 3 },
      isOwn: () => ownsTasks,
      topologies: new Map([['referring', compileTopology(referring)]]),
    })
    assert.equal(await check.lag(), 2, ownsTasks ? 'with all tasks' : 'without a task')
  }
})

test('a task that starts later reads no more of reference data than those that run', async (t) => {
  const { log, state } = await logWithReference(t)
  const [graph] = compileTopology(referring).taskGraphs
  assert.ok(graph !== undefined)
  const opened = await openInputs({
    ...{ graph, log, clock: systemClock, partition: partition(0), committed: [null] },
    broadcastPositions: new PositionsStore(
      new ScopedState(state, 'referring'),
      broadcastPositionsStore(0),
      partition(0),
    ),
    partitionCountOf: (topic) => (topic === reference.name ? 1 : 3),
  })
  assert.deepEqual(
    opened.map(({ input: { topic, partition: number } }) => `${topic} ${number}`),
    ['words 0', 'reference 0'],
  )
})
