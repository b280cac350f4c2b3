/** A source topic is given partitions while a topology reads it: nothing in them is lost in silence. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { systemClock } from '../../src/core/clock.ts'
import { topicName, type Partition } from '../../src/core/record.ts'
import { openKafkaLog } from '../../src/log/kafka/open-kafka-log.ts'
import {
  counts as plainCounts,
  words as plainWords,
} from '../../src/runtime/test-support/counting.ts'
import { readAll, send, testRuntime, until } from '../../src/runtime/test-support/harness.ts'
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
  const limits = { sourceTopicsIntervalMs: lookIntervalMs }
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
  const known = { topic: words.name, partition: 0 as Partition }
  const processed = () =>
    one.runtime.status().totals.processed + two.runtime.status().totals.processed
  await one.log.append([{ ...known, records: [{ key: Buffer.from('e'), value, timestampMs: 0 }] }])
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
