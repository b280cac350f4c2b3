/** A source topic is given partitions while a topology reads it: nothing in them is lost in silence. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { systemClock } from '../../src/core/clock.ts'
import { partitionForKey } from '../../src/core/partitioner.ts'
import { topicName, type Partition } from '../../src/core/record.ts'
import { openKafkaLog } from '../../src/log/kafka/open-kafka-log.ts'
import {
  counts as plainCounts,
  words as plainWords,
} from '../../src/runtime/test-support/counting.ts'
import {
  readAll,
  readLatest,
  send,
  testRuntime,
  until,
} from '../../src/runtime/test-support/harness.ts'
import * as joining from '../../src/runtime/test-support/joining.ts'
import { openMemoryStorage } from '../../src/state/memory-backend.ts'
import { defineTopology } from '../../src/topology/define.ts'
import type { TopologyGraph } from '../../src/topology/graph.ts'
import { addPartitions } from './support/add-partitions.ts'
import { kafkaTest, type TestKafka } from './support/kafka-for-tests.ts'

const lookIntervalMs = 100
const say = (...texts: string[]) =>
  texts.map((word, index) => ({ id: `${index}`, word, atMs: index }))

/** With a store, or with none. */
function counting(kafka: TestKafka) {
  const words = { ...plainWords, name: topicName(kafka.unique('words')), partitionCount: 2 }
  const topology = defineTopology(kafka.unique('counting'), (builder) => {
    builder.stream('word', words).groupByKey('by-word').count('count', { store: 'counts' })
  })
  return { words, topology }
}

function copying(kafka: TestKafka, name: string, words: ReturnType<typeof counting>['words']) {
  const lengths = { ...plainCounts, name: topicName(`${name}-lengths`), partitionCount: 1 }
  const topology = defineTopology(name, (builder) => {
    builder
      .stream('word', words)
      .mapValues('length', (value) => value?.word.length ?? 0)
      .to('out', lengths)
  })
  return { topology, lengths }
}

async function start(t: TestContext, kafka: TestKafka, topology: TopologyGraph, name: string) {
  const id = kafka.unique(name)
  const log = await openKafkaLog({
    ...{ bootstrapServers: kafka.servers, clientId: name, clock: systemClock },
    transactions: { transactionalIdOf: () => id },
    // The group looks as well, and shares the topic out anew.
    group: { sessionTimeoutMs: 6000, heartbeatIntervalMs: 200, topicsIntervalMs: lookIntervalMs },
  })
  const storage = await openMemoryStorage({ clock: systemClock })
  const cluster = {
    ...{ instanceId: name, endpoint: `http://${name}`, numStandbyReplicas: 0 },
    ...{ maxWarmupReplicas: 2, acceptableRecoveryLag: 10 },
  }
  const limits = { topicsIntervalMs: lookIntervalMs }
  const runtime = testRuntime([topology], { log, state: storage.state }, { cluster, limits })
  await runtime.start()
  let isStopped = false
  const stop = async () => {
    if (isStopped) return
    isStopped = true
    await runtime.stop()
    await log.close()
    await storage.close()
  }
  t.after(stop)
  return { log, runtime, stop }
}

kafkaTest('what comes to added partitions counts as lag, for all instances', async (kafka, t) => {
  const { words, topology } = counting(kafka)
  const one = await start(t, kafka, topology, 'one')
  const two = await start(t, kafka, topology, 'two')
  await send(one.log, words, say('a', 'b', 'c'))
  await one.runtime.whenIdle()
  await addPartitions(kafka, words.name, 4)
  for (const { runtime } of [one, two]) {
    await until('it is noticed', () => runtime.status().addedPartitions.length === 1)
  }
  assert.equal(await one.runtime.lag(), 0)
  const added = { topic: words.name, partition: 2 as Partition }
  const value = Buffer.from(JSON.stringify({ id: '9', word: 'd', atMs: 9 }))
  await two.log.append([
    { ...added, records: [{ key: Buffer.from('d'), value, timestampMs: 0 }] },
    { ...added, partition: 3 as Partition, records: [{ key: null, value, timestampMs: 0 }] },
  ])
  assert.deepEqual([await one.runtime.lag(), await two.runtime.lag()], [2, 2])
  await until('the status counts them once', () => {
    const lags = [one, two].map(({ runtime }) => runtime.status().totals.lag)
    return lags.toSorted().join() === '0,2'
  })
  const expected = {
    ...{ topologyName: topology.name, subTopology: 0, topic: words.name },
    ...{ known: 2, now: 4, unread: 2, effect: 'keys-move' as const },
  }
  await until('both tell it', () =>
    [one, two].every(({ runtime }) => runtime.status().addedPartitions[0]?.unread === 2),
  )
  assert.deepEqual(one.runtime.status().addedPartitions, [expected])
  assert.deepEqual(two.runtime.status().addedPartitions, [expected])
  // What is known goes on.
  const key = Buffer.from('d')
  const known = { topic: words.name, partition: partitionForKey(key, words.partitionCount) }
  const processed = () =>
    one.runtime.status().totals.processed + two.runtime.status().totals.processed
  await one.log.append([{ ...known, records: [{ key, value, timestampMs: 0 }] }])
  await until('the known partitions are read', () => processed() === 4)
  assert.equal(await one.runtime.lag(), 2)
})

kafkaTest('where there is no state a start with the new count reads them', async (kafka, t) => {
  const { words } = counting(kafka)
  const name = kafka.unique('copying')
  const before = await start(t, kafka, copying(kafka, name, words).topology, 'one')
  await send(before.log, words, say('a', 'bb'))
  await before.runtime.whenIdle()
  await addPartitions(kafka, words.name, 4)
  await until('it is noticed', () => before.runtime.status().addedPartitions.length === 1)
  assert.equal(before.runtime.status().addedPartitions[0]?.effect, 'stateless')
  const added = { topic: words.name, partition: 3 as Partition }
  const value = Buffer.from(JSON.stringify({ id: '9', word: 'ccc', atMs: 9 }))
  await before.log.append([{ ...added, records: [{ key: null, value, timestampMs: 0 }] }])
  await before.stop()

  const { topology, lengths } = copying(kafka, name, { ...words, partitionCount: 4 })
  const after = await start(t, kafka, topology, 'one')
  await after.runtime.whenIdle()
  assert.deepEqual(after.runtime.status().addedPartitions, [])
  const found = await readAll(after.log, lengths.name)
  assert.deepEqual(found.map((each) => each.value).sort(), [1, 2, 3])
})

/** Orders meet users, which each task reads whole. */
function enriching(kafka: TestKafka) {
  const name = kafka.unique('enriching')
  const [orders, users, enriched] = [joining.orders, joining.users, joining.enriched].map(
    (topic) => ({ ...topic, name: topicName(`${name}-${topic.name}`), partitionCount: 2 }),
  ) as [typeof joining.orders, typeof joining.users, typeof joining.enriched]
  const of = (userPartitions: number) =>
    joining.enrichingOf(name, {
      ...{ orders, enriched },
      users: { ...users, partitionCount: userPartitions },
    })
  return { orders, users, enriched, of }
}

kafkaTest(
  'reference data in added partitions is read by all tasks or by none',
  async (kafka, t) => {
    const { orders, users, enriched, of } = enriching(kafka)
    const order = (from: number) =>
      Array.from({ length: 8 }, (_, index) => {
        const id = from + index
        return { id: `${id}`, user: id % 2 === 0 ? 'ann' : 'ben', item: 'pen', atMs: id }
      })
    const one = await start(t, kafka, of(2), 'one')
    const two = await start(t, kafka, of(2), 'two')
    const runs = ({ runtime }: typeof one, count: number) => {
      const { tasks } = runtime.status()
      return tasks.length === count && tasks.every(({ state }) => state === 'RUNNING')
    }
    await until('each runs a task', () => runs(one, 1) && runs(two, 1))
    await send(one.log, users, [{ id: 'ann', name: 'Ann', atMs: 1 }])
    await send(one.log, orders, order(0))
    const lags = () => Promise.all([one, two].map(({ runtime }) => runtime.lag()))
    await until('both have read all', async () => (await lags()).join() === '0,0')

    await addPartitions(kafka, users.name, 4)
    const found = () => [one, two].map(({ runtime }) => runtime.status().addedPartitions[0])
    await until('it is noticed', () => found().every((each) => each?.now === 4))
    const value = Buffer.from(JSON.stringify({ id: 'ben', name: 'Ben', atMs: 2 }))
    const records = [{ key: Buffer.from('ben'), value, timestampMs: 2 }]
    await one.log.append([{ topic: users.name, partition: 3 as Partition, records }])
    await until('both tell it', () => found().every((each) => each?.unread === 1))
    assert.deepEqual(
      found().map((each) => each?.effect),
      ['broadcast', 'broadcast'],
    )
    assert.deepEqual(await lags(), [1, 1])

    await two.stop()
    await until('one runs both tasks', () => runs(one, 2))
    await send(one.log, orders, order(8))
    await until('one has read what is known', async () => (await one.runtime.lag()) === 1)
    const names = async (log: typeof one.log) => {
      const rows = await readLatest(log, enriched.name)
      return { of: rows.size, names: [...new Set(rows.values())].sort() }
    }
    assert.deepEqual(await names(one.log), { of: 16, names: ['pen:Ann', 'pen:null'] })
    await one.stop()

    const again = await start(t, kafka, of(4), 'one')
    await again.runtime.whenIdle()
    assert.deepEqual(again.runtime.status().addedPartitions, [])
    assert.deepEqual(await names(again.log), { of: 16, names: ['pen:Ann', 'pen:Ben'] })
  },
)
