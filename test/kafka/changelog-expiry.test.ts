/** What expires in a state is deleted in its changelog topic too, so that who restores it does not find it again. */
import assert from 'node:assert/strict'
import { systemClock } from '../../src/core/clock.ts'
import { storeName, topicName } from '../../src/core/record.ts'
import type { Partition } from '../../src/core/record.ts'
import { openKafkaLog } from '../../src/log/kafka/open-kafka-log.ts'
import type { Log } from '../../src/log/log.ts'
import { sessionWindows, tumblingWindows } from '../../src/processors/windows.ts'
import { changelogTopic } from '../../src/runtime/changelog.ts'
import { counts, words } from '../../src/runtime/test-support/counting.ts'
import { send, testRuntime, until } from '../../src/runtime/test-support/harness.ts'
import { dataKey } from '../../src/state/key-layout.ts'
import { openMemoryStorage } from '../../src/state/memory-backend.ts'
import { defineTopology } from '../../src/topology/define.ts'
import type { TopologyGraph } from '../../src/topology/graph.ts'
import { kafkaTest } from './support/kafka-for-tests.ts'

/** Stream time comes by so far beyond the first words that all of them expire. */
const timesMs = [1, 2, 100_000, 200_000]
const partition = 0 as Partition

function expiring(name: string): { words: typeof words; topologies: readonly TopologyGraph[] } {
  const timed: typeof words = {
    ...words,
    name: topicName(`${name}-words`),
    eventTimeMsOf: ({ atMs }) => atMs,
  }
  const topologies = [
    defineTopology(`${name}-ttl`, (builder) => {
      builder
        .stream('word', timed)
        .groupByKey('by-word')
        .count('count', { store: 'kept', ttlMs: 10 })
        .toStream('counted')
        .to('out', { ...counts, name: topicName(`${name}-counts`) })
    }),
    defineTopology(`${name}-windows`, (builder) => {
      builder
        .stream('word', timed)
        .groupByKey('by-word')
        .windowedBy(tumblingWindows({ sizeMs: 10, graceMs: 0 }))
        .count('count', { store: 'kept' })
    }),
    defineTopology(`${name}-sessions`, (builder) => {
      builder
        .stream('word', timed)
        .groupByKey('by-word')
        .windowedBy(sessionWindows({ gapMs: 5, graceMs: 0 }))
        .count('count', { store: 'kept' })
    }),
  ]
  return { words: timed, topologies }
}

interface Replayed {
  readonly entries: ReadonlyMap<string, string>
  readonly deletes: number
}

async function replay(log: Log, topology: TopologyGraph): Promise<Replayed> {
  const topic = changelogTopic(topology.name, storeName('kept'))
  const [described] = await log.describeTopics([topic])
  const [at] = described?.partitions ?? []
  assert.ok(at !== undefined)
  assert.equal(described?.cleanupPolicy, 'compact', 'the broker clears away what is deleted')
  const entries = new Map<string, string>()
  let deletes = 0
  for (let offset = at.logStartOffset; offset < at.highWatermark;) {
    const [fetched] = await log.fetch({
      partitions: [{ topic, partition, offset }],
      bytesMax: 1_048_576,
      bytesPerPartitionMax: 1_048_576,
      waitMaxMs: 1_000,
      isolation: 'read_committed',
    })
    for (const { key, value } of fetched?.records ?? []) {
      const text = key?.toString('latin1') ?? assert.fail('every change has a key')
      if (value === null) {
        deletes += 1
        entries.delete(text)
      } else entries.set(text, value.toString('latin1'))
    }
    offset = fetched?.nextOffset ?? assert.fail('the changelog was read')
  }
  return { entries, deletes }
}

kafkaTest(
  'a row past its TTL, a closed window and a closed session are tombstones in their changelogs, and are not restored',
  async (kafka, t) => {
    const name = kafka.unique('expiring')
    const { words: timed, topologies } = expiring(name)
    const log = await openKafkaLog({
      bootstrapServers: kafka.servers,
      clientId: name,
      clock: systemClock,
      transactions: { transactionalIdOf: () => name },
    })
    t.after(() => log.close())
    const start = async () => {
      const { state } = await openMemoryStorage({ clock: systemClock, sharesState: false })
      const runtime = testRuntime(
        topologies,
        { log, state },
        {
          limits: { defaultPartitionCount: 1 },
          cluster: {
            instanceId: name,
            endpoint: null,
            numStandbyReplicas: 0,
            maxWarmupReplicas: 2,
            acceptableRecoveryLag: 10,
          },
        },
      )
      t.after(() => runtime.stop())
      await runtime.start()
      return { runtime, state }
    }
    const keptBy = async (state: Awaited<ReturnType<typeof start>>['state'], graph: string) => {
      const store = storeName(`${graph}.kept`)
      const rows = await state.scan({ store, partition, from: dataKey(''), entriesMax: 100 })
      return rows.map(({ key, value }) => [key.toString('latin1'), value.toString('latin1')])
    }

    const first = await start()
    for (const atMs of timesMs) {
      await send(log, timed, [{ id: `${atMs}`, word: `w${atMs}`, atMs }])
      await first.runtime.whenIdle()
    }
    await first.runtime.stop()
    for (const topology of topologies) {
      const { entries, deletes } = await replay(log, topology)
      const expired = [...entries.keys()].filter((key) => /w[12](?!\d)/.test(key))
      assert.deepEqual(expired, [], `${topology.name} has expired rows in its changelog`)
      assert.ok(deletes >= 2, `${topology.name}: ${deletes} tombstones`)
      assert.deepEqual([...entries].sort(), await keptBy(first.state, topology.name))
    }

    const second = await start()
    await until('all is restored', () => {
      const { tasks } = second.runtime.status()
      return tasks.length === topologies.length && tasks.every(({ state }) => state === 'RUNNING')
    })
    assert.ok(second.runtime.status().restored.every((each) => each.fromScratch !== null))
    for (const { name: graph } of topologies) {
      const kept = await keptBy(second.state, graph)
      assert.ok(kept.length > 0, graph)
      assert.deepEqual(kept, await keptBy(first.state, graph))
    }
  },
)
