/** Records that a broker has deleted before they were processed; and a table's source topic, followed on a broker. */
import assert from 'node:assert/strict'
import { systemClock } from '../../src/core/clock.ts'
import { offset, topicName } from '../../src/core/record.ts'
import { stringSerde } from '../../src/core/serde.ts'
import { openKafkaLog } from '../../src/log/kafka/open-kafka-log.ts'
import type { RuntimeOptions } from '../../src/runtime/runtime.ts'
import {
  counts as plainCounts,
  words as plainWords,
} from '../../src/runtime/test-support/counting.ts'
import { send, testRuntime, until } from '../../src/runtime/test-support/harness.ts'
import { openMemoryStorage } from '../../src/state/memory-backend.ts'
import type { InMemoryStorage } from '../../src/state/memory-backend.ts'
import { defineTopology } from '../../src/topology/define.ts'
import type { TopologyGraph } from '../../src/topology/graph.ts'
import { kafkaTest } from './support/kafka-for-tests.ts'
import type { TestKafka } from './support/kafka-for-tests.ts'

function namesOf(kafka: TestKafka) {
  const words = { ...plainWords, name: topicName(kafka.unique('words')), partitionCount: 1 }
  const counts = { ...plainCounts, name: topicName(kafka.unique('counts')) }
  const topology = defineTopology(kafka.unique('counting'), (builder) => {
    builder
      .stream('word', words)
      .groupByKey('by-word')
      .count('count', { store: 'counts', emit: 'on-commit' })
      .toStream('counted')
      .to('counts-out', counts)
  })
  return { words, topology }
}

async function start(
  kafka: TestKafka,
  topology: TopologyGraph,
  name: string,
  options: Partial<RuntimeOptions> & { readonly numStandbyReplicas?: number } = {},
) {
  const { numStandbyReplicas = 0, ...rest } = options
  const id = kafka.unique(name)
  const log = await openKafkaLog({
    bootstrapServers: kafka.servers,
    clientId: name,
    clock: systemClock,
    transactions: { transactionalIdOf: () => id },
    group: { sessionTimeoutMs: 6000, heartbeatIntervalMs: 200 },
  })
  const storage: InMemoryStorage = await openMemoryStorage({ clock: systemClock })
  const runtime = testRuntime(
    [topology],
    { log, state: storage.state },
    {
      ...rest,
      cluster: {
        instanceId: name,
        endpoint: `http://${name}`,
        numStandbyReplicas,
        maxWarmupReplicas: 2,
        acceptableRecoveryLag: 10,
        probingRebalanceIntervalMs: 1_000,
      },
    },
  )
  await runtime.start()
  let isStopped = false
  const stop = async () => {
    if (isStopped) return
    isStopped = true
    await runtime.stop()
    await log.close()
    await storage.close()
  }
  return { log, runtime, stop }
}

const say = (...texts: string[]) =>
  texts.map((word, index) => ({ id: `${index}`, word, atMs: index }))

kafkaTest(
  'what a broker has deleted is counted, at a start and in the middle of a run',
  async (kafka) => {
    const { words, topology } = namesOf(kafka)
    const at = { topic: words.name, partition: 0 as never }
    const first = await start(kafka, topology, 'first')
    await send(first.log, words, say('a', 'a', 'a', 'a'))
    await first.runtime.whenIdle()
    await first.runtime.stop()
    await send(first.log, words, say('a', 'a', 'a'))
    await first.log.deleteRecords([{ ...at, offset: offset(6) }])
    await first.stop()

    let isPaused = false
    const second = await start(kafka, topology, 'second', {
      pausedUntil: () => (isPaused ? systemClock.nowMs() + 10 : null),
      limits: { bufferedRecordsMax: 1, batchBytesMax: 1 },
    })
    try {
      const skipsOf = () =>
        second.runtime
          .status()
          .tasks.flatMap(({ skips }) =>
            skips.map(({ offsets, from, to }) => ({ offsets, from, to })),
          )
      await until('what is left is processed', () => second.runtime.status().totals.processed === 1)
      assert.deepEqual(skipsOf(), [{ offsets: 2, from: 4, to: 6 }])

      isPaused = true
      await send(second.log, words, say('a'))
      await until('it holds one', () => second.runtime.status().tasks[0]?.inputs[0]?.buffered === 1)
      for (let index = 0; index < 4; index += 1) await send(second.log, words, say('a'))
      await second.log.deleteRecords([{ ...at, offset: offset(11) }])
      isPaused = false
      await until('the rest is processed', () => second.runtime.status().totals.processed === 3)
      assert.deepEqual(skipsOf(), [{ offsets: 5, from: 8, to: 11 }])
      assert.equal(second.runtime.status().tasks[0]?.restarts, 0)
    } finally {
      await second.stop()
    }
  },
)

kafkaTest(
  'a standby follows the source topic of a table, and takes over in place',
  async (kafka) => {
    const rows = { ...plainCounts, name: topicName(kafka.unique('rows')), partitionCount: 2 }
    const source = { ...rows, keyOf: (value: number) => `${value % 50}` }
    const out = { ...plainCounts, name: topicName(kafka.unique('out')) }
    const valueSerde = {
      serialize: (value: number) => Buffer.from(`${value}`),
      deserialize: (bytes: Buffer) => Number(bytes.toString()),
    }
    const topology = defineTopology(kafka.unique('table'), (builder) => {
      builder
        .table('rows', source, { store: 'rows', valueSerde, changelog: 'source-topic' })
        .groupBy('by-value', (key, value) => [key, value], { keySerde: stringSerde, valueSerde })
        .count('count', { store: 'values' })
        .toStream('counted')
        .to('out', out)
    })
    const options = { numStandbyReplicas: 1, limits: { sourceEndsIntervalMs: 50 } }
    const one = await start(kafka, topology, 'one', options)
    const two = await start(kafka, topology, 'two', options)
    try {
      await send(
        one.log,
        source,
        Array.from({ length: 100 }, (_, at) => at),
      )
      await until('tasks and standbys are with both', () => {
        const tasks = one.runtime.hostsOf(topology.name)?.tasks ?? []
        const owners = new Set(tasks.map(({ active }) => active))
        return owners.size === 2 && tasks.every((task) => task.standbys.length === 1)
      })
      await one.runtime.whenIdle()
      await two.runtime.whenIdle()
      const isCaughtUp = async () => {
        const [description] = await one.log.describeTopics([source.name])
        const partitions = (description?.partitions ?? []).map(({ partition }) => ({
          topic: source.name,
          partition,
        }))
        const committed = await one.log.committedOffsets(topology.name, partitions)
        const standbys = [one, two].flatMap(({ runtime }) => runtime.status().standbys)
        return (
          committed.reduce((sum, found) => sum + (found?.offset ?? 0), 0) === 100 &&
          standbys.length > 0 &&
          standbys.every(({ lag }) => lag === 0)
        )
      }
      await until('the standbys have caught up', isCaughtUp)
      const taken = two.runtime.status().standbys.map(({ taskId }) => taskId)
      await one.stop()
      await until('two runs everything', () => {
        const { tasks } = two.runtime.status()
        return tasks.length >= 4 && tasks.every(({ state }) => state === 'RUNNING')
      })
      const restored = two.runtime
        .status()
        .restored.filter(({ topic, taskId }) => topic === source.name && taken.includes(taskId))
      assert.ok(restored.length > 0, 'the table of a standby that took over')
      for (const each of restored) assert.deepEqual([each.fromScratch, each.restored], [null, 0])
    } finally {
      await one.stop()
      await two.stop()
    }
  },
)
