/** Commits without transactions on a real broker: what they keep of the port's promises, and what they give up. */
import assert from 'node:assert/strict'

import { systemClock } from '../../src/core/clock.ts'
import type { TopicName } from '../../src/core/record.ts'
import type { KafkaCluster, KafkaConnection } from '../../src/log/kafka/kafka-cluster.ts'
import { openKafkaLog } from '../../src/log/kafka/open-kafka-log.ts'
import { committedOffsets } from '../../src/log/kafka/offsets/committed-offsets.ts'
import { ProtocolError } from '../../src/log/kafka/protocol-error.ts'
import type { ProduceRequest } from '../../src/log/kafka/transactions/produce-request.ts'
import type { AppendResult, GroupMetadata, TransactionalProducer } from '../../src/log/log.ts'
import { readLatest, send, testRuntime, until } from '../../src/runtime/test-support/harness.ts'
import type { counts, words } from '../../src/runtime/test-support/counting.ts'
import { LocalSchemaRegistry } from '../../src/schema/local-schema-registry.ts'
import { MemoryRegistryStorage } from '../../src/schema/registry-storage.ts'
import { openMemoryStorage } from '../../src/state/memory-backend.ts'
import type { TopologyGraph } from '../../src/topology/graph.ts'
import { kafkaTest } from './support/kafka-for-tests.ts'
import type { TestKafka } from './support/kafka-for-tests.ts'
import {
  around,
  at,
  clusterOf,
  contentOf,
  cutting,
  newTopic,
  noGroup,
  position,
  recording,
  records,
  transactionsOn,
} from './transactions-support.ts'

const guarantee = 'at-least-once'
/** NOT_LEADER_OR_FOLLOWER. */
const notLeader = 6

kafkaTest('records and offsets are there without a transaction', async (kafka, t) => {
  const cluster = await clusterOf(t, kafka)
  const topic = await newTopic(cluster, kafka.unique('facts'))
  const group = noGroup(kafka.unique('group'))
  const seen = recording(cluster)
  const transactions = transactionsOn(seen.cluster, { guarantee, transactionalIdOf: () => 'one' })
  const producers = await Promise.all(['a', 'b'].map((id) => transactions.producer(id)))
  for (let turn = 1; turn <= 3; turn++) {
    const results = await Promise.all(
      producers.map((producer, index) =>
        commit(producer, topic, `${index} ${turn}`, group, turn, index),
      ),
    )
    assert.deepEqual(
      results.map((result) => result[0]?.baseOffset),
      [turn - 1, turn - 1],
    )
  }
  assert.deepEqual(await contentOf(cluster, topic, 1), {
    committed: ['1 1', '1 2', '1 3'],
    aborted: [],
  })
  assert.equal(await offsetOf(cluster, group.groupId, topic), 3)
  const names = new Set(seen.requests.map((request) => request.split(' ')[0]))
  assert.deepEqual([...names].sort(), ['InitProducerId', 'OffsetCommit', 'Produce'])
})

kafkaTest('who is refused is told, those beside it are not repeated', async (kafka, t) => {
  const cluster = await clusterOf(t, kafka)
  const topic = await newTopic(cluster, kafka.unique('facts'))
  const stale = { groupId: kafka.unique('stale'), generationId: 3, memberId: 'who left' }
  const current = noGroup(kafka.unique('current'))
  const transactions = transactionsOn(cluster, { guarantee, transactionalIdOf: () => 'one' })
  const producers = await Promise.all(['a', 'b'].map((id) => transactions.producer(id)))
  const outcomes = await Promise.allSettled(
    [stale, current].map((group, index) => {
      const producer = producers[index]
      assert.ok(producer !== undefined)
      return commit(producer, topic, group.groupId, group, 1)
    }),
  )
  const [refused, committed] = outcomes
  assert.ok(refused?.status === 'rejected')
  assert.equal((refused.reason as { code?: unknown }).code, 'PRODUCER_FENCED')
  assert.equal(committed?.status, 'fulfilled')
  const content = await contentOf(cluster, topic)
  assert.deepEqual(content.committed.toSorted(), [current.groupId, stale.groupId])
  assert.equal(await offsetOf(cluster, stale.groupId, topic), null)
  assert.equal(await offsetOf(cluster, current.groupId, topic), 1)
})

for (const cut of ['before the request', 'before the answer'] as const) {
  kafkaTest(`a request that is cut ${cut} repeats nothing`, async (kafka, t) => {
    const cluster = await clusterOf(t, kafka)
    for (const request of ['Produce', 'OffsetCommit']) {
      const topic = await newTopic(cluster, kafka.unique('facts'))
      const group = noGroup(kafka.unique('group'))
      const { cluster: faulty, cuts } = cutting(cluster, request, cut, 2)
      const producer = await transactionsOn(faulty, { guarantee }).producer('task')
      for (const turn of [1, 2, 3]) await commit(producer, topic, `turn ${turn}`, group, turn)
      assert.equal(cuts(), 2, `${request} was cut`)
      const { committed } = await contentOf(cluster, topic)
      assert.deepEqual(committed, ['turn 1', 'turn 2', 'turn 3'], request)
      assert.equal(await offsetOf(cluster, group.groupId, topic), 3)
    }
  })
}

kafkaTest(
  'a leader that refuses a producer’s first batch has not taken the second',
  async (kafka, t) => {
    const cluster = await clusterOf(t, kafka)
    const before = await newTopic(cluster, kafka.unique('before'))
    const topic = await newTopic(cluster, kafka.unique('facts'))
    const asked: string[] = []
    const becomingLeader = around(cluster, (kind) => {
      if (kind.name !== 'Produce') return kind
      const versions = kind.versions.map((one) => ({
        ...one,
        send: async (connection: KafkaConnection, request: Parameters<typeof one.send>[1]) => {
          const { batches } = request as ProduceRequest
          asked.push(...batches.map((batch) => batch.topic))
          if (asked.at(-1) === before) await until('both wait to go together', bothWait)
          else if (asked.length === 2) throw new ProtocolError(notLeader, 'Produce')
          return await one.send(connection, request)
        },
      }))
      return { ...kind, versions }
    })
    const transactions = transactionsOn(becomingLeader, {
      guarantee,
      transactionalIdOf: () => 'one',
    })
    const bothWait = () => transactions.stats().get('one')?.waitingCallers === 2
    const [first, ...others] = await Promise.all(
      ['a', 'b', 'c'].map((id) => transactions.producer(id)),
    )
    assert.ok(first !== undefined)
    const blocking = commit(first, before, 'before', noGroup(kafka.unique('group')), 1)
    await until('the first is under way', () => asked.length === 1)
    const both = others.map((producer, index) =>
      commit(producer, topic, `of ${index}`, noGroup(kafka.unique('group')), 1),
    )
    await Promise.all([blocking, ...both])
    assert.deepEqual((await contentOf(cluster, topic)).committed, ['of 0', 'of 1'])
  },
)

for (const [request, facts] of [
  ['Produce', ['fact']],
  ['OffsetCommit', ['fact', 'fact']],
] as const) {
  kafkaTest(`who dies before ${request} leaves the offset to be read again`, async (kafka, t) => {
    const cluster = await clusterOf(t, kafka)
    const topic = await newTopic(cluster, kafka.unique('facts'))
    const group = noGroup(kafka.unique('group'))
    const dying = around(cluster, (kind) => {
      if (kind.name !== request) return kind
      const died = () => Promise.reject(new Error('died'))
      return { ...kind, versions: kind.versions.map(({ version }) => ({ version, send: died })) }
    })
    const first = await transactionsOn(dying, { guarantee }).producer('task')
    await assert.rejects(commit(first, topic, 'fact', group, 1), /died/)
    assert.equal(await offsetOf(cluster, group.groupId, topic), null)
    const second = await transactionsOn(cluster, { guarantee }).producer('task')
    await commit(second, topic, 'fact', group, 1)
    assert.deepEqual((await contentOf(cluster, topic)).committed, facts)
    assert.equal(await offsetOf(cluster, group.groupId, topic), 1)
  })
}

interface NamedCounting {
  readonly default: TopologyGraph
  readonly namedWords: typeof words
  readonly namedCounts: typeof counts
}

kafkaTest('a runtime does not know the difference, over a stop and a restore', async (kafka) => {
  const url = new URL('../../src/runtime/test-support/named-counting.ts', import.meta.url)
  url.searchParams.set('name', kafka.unique('counting'))
  const topology = (await import(url.href)) as NamedCounting
  for (const turn of [1, 2]) await countOnce(kafka, topology, url.href, turn)
})

/** Each time with a state that is empty before. */
async function countOnce(
  kafka: TestKafka,
  { default: graph, namedWords, namedCounts }: NamedCounting,
  url: string,
  turn: number,
): Promise<void> {
  const log = await openKafkaLog({
    bootstrapServers: kafka.servers,
    clientId: 'test',
    clock: systemClock,
    transactions: { guarantee, transactionalIdOf: () => 'one' },
  })
  const { state } = await openMemoryStorage({ clock: systemClock })
  const runtime = testRuntime(
    [graph],
    { log, state },
    {
      workers: {
        count: 1,
        topologyModules: [url],
        registry: await LocalSchemaRegistry.open(new MemoryRegistryStorage()),
        codecsModule: new URL(
          '../../src/runtime/test-support/json-codecs-module.test-child.ts',
          import.meta.url,
        ).href,
      },
    },
  )
  await runtime.start()
  const said = Array.from({ length: 500 }, (_, id) => ({
    id: `${id}`,
    word: `w${id % 20}`,
    atMs: id,
  }))
  await send(log, namedWords, said)
  await runtime.whenIdle()
  await until('all run', () => runtime.status().tasks.every(({ state }) => state === 'RUNNING'))
  const found = await readLatest(log, namedCounts.name)
  assert.deepEqual(
    [...found.values()],
    Array.from({ length: 20 }, () => 25 * turn),
  )
  await runtime.stop()
  await log.close()
}

async function commit(
  producer: TransactionalProducer,
  topic: TopicName,
  value: string,
  group: GroupMetadata,
  offset: number,
  partition = 0,
): Promise<readonly AppendResult[]> {
  const transaction = producer.begin()
  transaction.send({ ...at(topic, partition), records: records(value) })
  transaction.sendOffsets(group, [{ ...at(topic, 0), offset: position(offset) }])
  return await transaction.commit()
}

async function offsetOf(
  cluster: KafkaCluster,
  groupId: string,
  topic: TopicName,
): Promise<number | null> {
  const options = { cluster, clock: systemClock, giveUpAfterMs: 20_000 }
  const [offset] = await committedOffsets(groupId, [at(topic, 0)], options)
  return offset?.offset ?? null
}
