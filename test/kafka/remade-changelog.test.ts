/** A changelog that somebody has deleted and made anew: what a state holds of the old one is no part of the new one. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { systemClock } from '../../src/core/clock.ts'
import {
  partition,
  storeName,
  topicName,
  type ProducerRecord,
  type TopicName,
} from '../../src/core/record.ts'
import type { KafkaLog } from '../../src/log/kafka/open-kafka-log.ts'
import { changelogTopic } from '../../src/runtime/changelog.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import {
  counts as plainCounts,
  words as plainWords,
} from '../../src/runtime/test-support/counting.ts'
import { readLatest, send, testRuntime, until } from '../../src/runtime/test-support/harness.ts'
import { dataKey } from '../../src/state/key-layout.ts'
import { openMemoryStorage, type InMemoryStorage } from '../../src/state/memory-backend.ts'
import { defineTopology } from '../../src/topology/define.ts'
import { kafkaTest, type TestKafka } from './support/kafka-for-tests.ts'
import { committedRecords, ourLogOnly } from './support/our-log.ts'

type Counting = ReturnType<typeof countingOf>

/** One partition, so one task and one changelog to read. */
function countingOf(kafka: TestKafka) {
  const words = { ...plainWords, name: topicName(kafka.unique('words')), partitionCount: 1 }
  const counts = { ...plainCounts, name: topicName(kafka.unique('counts')) }
  const topology = defineTopology(kafka.unique('counting'), (builder) => {
    builder
      .stream('word', words)
      .groupByKey('by-word')
      .count('count', { store: 'kept' })
      .toStream('counted')
      .to('counts-out', counts)
  })
  return { words, counts, topology, changelog: changelogTopic(topology.name, storeName('kept')) }
}

async function start(
  t: TestContext,
  kafka: TestKafka,
  { topology }: Counting,
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
  const limits = { defaultPartitionCount: 1, topicsIntervalMs: 50 }
  const runtime = testRuntime([topology], { log, state }, { cluster, limits })
  t.after(() => runtime.stop())
  await runtime.start()
  return { log, runtime }
}

const say = (...texts: string[]) =>
  texts.map((word, index) => ({ id: `${index}`, word, atMs: index }))

const isRunning = (runtime: Runtime) => () =>
  runtime.status().tasks.some(({ state }) => state === 'RUNNING')

async function makeAnew(log: KafkaLog, topic: TopicName): Promise<void> {
  await log.deleteTopics([topic])
  await log.createTopics([
    { name: topic, partitionCount: 1, cleanupPolicy: 'compact', retentionMs: null },
  ])
}

async function entriesIn({ state }: InMemoryStorage, { topology }: Counting) {
  const at = { store: storeName(`${topology.name}.kept`), partition: partition(0) }
  const entries = await state.scan({ ...at, from: dataKey(''), entriesMax: 100 })
  return new Map(entries.map(({ key, value }) => [key.toString('hex'), value.toString('hex')]))
}

kafkaTest(
  'a changelog made anew while nobody ran, and longer than before, is what the state is after the start',
  async (kafka, t) => {
    const counting = countingOf(kafka)
    const { changelog, words, counts } = counting
    const own = await openMemoryStorage({ clock: systemClock })
    const first = await start(t, kafka, counting, own)
    for (const word of ['old', 'kept', 'kept']) {
      await send(first.log, words, say(word))
      await first.runtime.whenIdle()
    }
    await first.runtime.stop()

    const operator = await ourLogOnly(t, kafka)
    const before = await committedRecords(operator, changelog)
    assert.equal(before.length, 3)
    await makeAnew(operator, changelog)
    // One at the front, where the old one had been read already, and more than it had.
    const { value } = before[1] ?? assert.fail()
    const record = (key: string): ProducerRecord => ({ key: dataKey(key), value, timestampMs: 1 })
    const names = ['new', ...Array.from({ length: 20 }, () => 'kept')]
    await operator.append([
      { topic: changelog, partition: partition(0), records: names.map(record) },
    ])

    const second = await start(t, kafka, counting, own)
    await until('it runs', isRunning(second.runtime))
    const remade = await committedRecords(operator, changelog)
    const expected = new Map(
      remade.map(({ key, value: kept }) => [key?.toString('hex'), kept?.toString('hex')]),
    )
    assert.equal(expected.size, 2)
    assert.deepEqual(await entriesIn(own, counting), expected)
    const [restored] = second.runtime.status().restored
    assert.equal(restored?.fromScratch, 'checkpoint of a topic that was deleted and made anew')

    await send(second.log, words, say('new', 'old'))
    await second.runtime.whenIdle()
    const latest = await readLatest(second.log, counts.name)
    assert.deepEqual([latest.get('new'), latest.get('old')], [2, 1])
    await second.runtime.stop()

    const third = await start(t, kafka, counting, own)
    await until('it runs', isRunning(third.runtime))
    const [again] = third.runtime.status().restored
    assert.deepEqual([again?.fromScratch, again?.restored], [null, 0], 'it is the same topic now')
  },
)

kafkaTest(
  'a changelog made anew while its task runs ends the instance by name, and the next start is of it',
  async (kafka, t) => {
    const counting = countingOf(kafka)
    const { changelog, words } = counting
    const own = await openMemoryStorage({ clock: systemClock })
    const first = await start(t, kafka, counting, own)
    await send(first.log, words, say('old', 'old'))
    await first.runtime.whenIdle()
    const operator = await ourLogOnly(t, kafka)
    await makeAnew(operator, changelog)
    const failure = String(await first.runtime.failed)
    assert.match(failure, new RegExp(`changelog topic ${changelog} was deleted and made anew`))

    const second = await start(t, kafka, counting, own)
    await until('it runs', isRunning(second.runtime))
    assert.equal((await entriesIn(own, counting)).size, 0)
  },
)
