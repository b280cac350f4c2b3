/** Records that a broker has deleted before they were processed. */
import assert from 'node:assert/strict'
import { systemClock } from '../../src/core/clock.ts'
import { offset, topicName } from '../../src/core/record.ts'
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
  options: Partial<RuntimeOptions> = {},
) {
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
      ...options,
      cluster: {
        instanceId: name,
        endpoint: `http://${name}`,
        numStandbyReplicas: 0,
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
