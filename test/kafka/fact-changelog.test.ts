/** A store whose changelog is its fact topic, on a broker: restored, followed and taken over, record by record. */
import assert from 'node:assert/strict'
import { systemClock } from '../../src/core/clock.ts'
import { topicName } from '../../src/core/record.ts'
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
import { openMemoryStorage } from '../../src/state/memory-backend.ts'
import { defineTopology } from '../../src/topology/define.ts'
import type { TopologyGraph } from '../../src/topology/graph.ts'
import { kafkaTest } from './support/kafka-for-tests.ts'
import type { TestKafka } from './support/kafka-for-tests.ts'

/** An instance without any state of its own. */
async function start(kafka: TestKafka, topology: TopologyGraph, name: string) {
  const id = kafka.unique(name)
  const log = await openKafkaLog({
    bootstrapServers: kafka.servers,
    clientId: name,
    clock: systemClock,
    transactions: { transactionalIdOf: () => id },
    group: { sessionTimeoutMs: 6000, heartbeatIntervalMs: 200 },
  })
  const storage = await openMemoryStorage({ clock: systemClock })
  const cluster = {
    instanceId: name,
    endpoint: `http://${name}`,
    numStandbyReplicas: 1,
    maxWarmupReplicas: 2,
    acceptableRecoveryLag: 10,
    probingRebalanceIntervalMs: 1_000,
  }
  const runtime = testRuntime([topology], { log, state: storage.state }, { cluster })
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

type Instance = Awaited<ReturnType<typeof start>>

const isRunningAll = ({ runtime }: Instance) => {
  const { tasks } = runtime.status()
  return tasks.length === 2 && tasks.every(({ state }) => state === 'RUNNING')
}

kafkaTest('state comes back from facts on a broker, and standbys follow them', async (kafka) => {
  const words = { ...plainWords, name: topicName(kafka.unique('words')), partitionCount: 2 }
  const facts = { ...plainCounts, name: topicName(kafka.unique('facts')), partitionCount: 2 }
  const topology = defineTopology(kafka.unique('counting'), (builder) => {
    builder
      .stream('word', words)
      .groupByKey('by-word')
      .count('count', { store: 'counts', changelog: facts })
  })
  const say = (count: number) =>
    Array.from({ length: count }, (_, at) => ({ id: `${at}`, word: `w${at % 7}`, atMs: at }))
  const total = (latest: ReadonlyMap<string, unknown>) =>
    [...latest.values()].reduce<number>((sum, count) => sum + Number(count), 0)

  const first = await start(kafka, topology, 'first')
  try {
    await send(first.log, words, say(70))
    await first.runtime.whenIdle()
    assert.equal(total(await readLatest(first.log, facts.name)), 70)
  } finally {
    await first.stop()
  }

  const second = await start(kafka, topology, 'second')
  let third: Instance | null = null
  try {
    await until('second runs all', () => isRunningAll(second))
    const restored = second.runtime.status().restored
    assert.deepEqual([...new Set(restored.map(({ topic }) => topic))], [facts.name])
    const written = (await readAll(second.log, facts.name)).length
    assert.equal(
      restored.reduce((sum, each) => sum + each.restored, 0),
      written,
    )
    await send(second.log, words, say(70))
    await second.runtime.whenIdle()
    assert.equal(total(await readLatest(second.log, facts.name)), 140)

    third = await start(kafka, topology, 'third')
    const { runtime } = third
    await until('each follows what the other runs', () => {
      const tasks = second.runtime.hostsOf(topology.name)?.tasks ?? []
      const owners = new Set(tasks.map(({ active }) => active))
      const { standbys } = runtime.status()
      return owners.size === 2 && standbys.length === 1 && standbys.every(({ lag }) => lag === 0)
    })
    const taken = runtime.status().standbys.map(({ taskId }) => taskId)
    await second.stop()
    const heir = third
    await until('third runs all', () => isRunningAll(heir))
    for (const each of runtime.status().restored) {
      if (taken.includes(each.taskId))
        assert.deepEqual([each.fromScratch, each.restored], [null, 0])
    }
    await send(third.log, words, say(70))
    await runtime.whenIdle()
    assert.equal(total(await readLatest(third.log, facts.name)), 210)
    const names = (await third.log.describeTopics()).map(({ name }) => name)
    assert.deepEqual(
      names.filter((name) => name.startsWith(`${topology.name}-`)),
      [],
    )
  } finally {
    await third?.stop()
    await second.stop()
  }
})
