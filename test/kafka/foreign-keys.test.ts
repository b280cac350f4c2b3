/** A foreign-key join whose two sides are on different instances, against one instance in memory. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { systemClock } from '../../src/core/clock.ts'
import { partitionForKey } from '../../src/core/partitioner.ts'
import { topicName } from '../../src/core/record.ts'
import type { ProducerRecord } from '../../src/core/record.ts'
import { stringSerde } from '../../src/core/serde.ts'
import type { Serde } from '../../src/core/serde.ts'
import type { TopicDefinition } from '../../src/core/topic.ts'
import type { Log } from '../../src/log/log.ts'
import { openKafkaLog } from '../../src/log/kafka/open-kafka-log.ts'
import type { KafkaLog } from '../../src/log/kafka/open-kafka-log.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import { readLatest, testRuntime, until } from '../../src/runtime/test-support/harness.ts'
import { jsonCodec, schemaOf } from '../../src/runtime/test-support/json-codec.ts'
import { openMemoryStorage } from '../../src/state/memory-backend.ts'
import { defineTopology } from '../../src/topology/define.ts'
import type { TopologyGraph } from '../../src/topology/graph.ts'
import { Random, seedOfRun } from '../integration/support/random.ts'
import { kafkaTest } from './support/kafka-for-tests.ts'
import type { TestKafka } from './support/kafka-for-tests.ts'

interface Order {
  readonly user: string
  readonly item: string
}

interface User {
  readonly name: string
}

/** A change of a table at its time; null deletes. */
interface Change {
  readonly table: 'orders' | 'users'
  readonly key: string
  readonly value: Order | User | null
  readonly atMs: number
}

const partitionCount = 4
const orderCount = 60
const userCount = 12

function topologyCalled(name: string): TopologyGraph {
  const [orders, users] = [topic<Order>(name, 'orders'), topic<User>(name, 'users')]
  return defineTopology(name, (builder) => {
    const left = builder.table('orders', orders, { store: 'orders', valueSerde: json<Order>() })
    const right = builder.table('users', users, { store: 'users', valueSerde: json<User>() })
    const joined = left.foreignKeyLeftJoin(
      'joined',
      right,
      ({ user }) => user,
      ({ item }, user) => `${item}:${user?.name ?? null}`,
      { store: 'joined', valueSerde: stringSerde },
    )
    joined.toStream('joined-changed').to('joined-out', topic<string>(name, 'joined'))
    joined
      .groupBy('by-result', (_key, value) => [value, 1], {
        keySerde: stringSerde,
        valueSerde: json<number>(),
      })
      .count('count', { store: 'counts' })
      .toStream('count-changed')
      .to('by-result-out', topic<number>(name, 'by-result'))
  })
}

function topic<V>(topology: string, table: string): TopicDefinition<string, V> {
  return {
    name: topicName(`${topology}-${table}`),
    keySerde: stringSerde,
    schema: schemaOf(table),
    partitionCount,
    cleanupPolicy: 'compact',
    retentionMs: null,
  }
}

function json<V>(): Serde<V> {
  return {
    serialize: (value) => Buffer.from(JSON.stringify(value)),
    deserialize: (bytes) => JSON.parse(bytes.toString()) as V,
  }
}

/** Users come, are renamed and go; orders are made, given to others, and taken back. */
function changesOf(random: Random, fromMs: number, count: number): Change[] {
  return Array.from({ length: count }, (_, index): Change => {
    const atMs = fromMs + index
    const user = `u${random.between(0, userCount - 1)}`
    const isGone = random.between(0, 9) === 0
    if (random.between(0, 3) === 0) {
      return { table: 'users', key: user, value: isGone ? null : { name: `n${index}` }, atMs }
    }
    const key = `o${random.between(0, orderCount - 1)}`
    const item = `i${random.between(0, 4)}`
    return { table: 'orders', key, value: isGone ? null : { user, item }, atMs }
  })
}

async function append(log: Log, topology: string, changes: readonly Change[]): Promise<void> {
  const records = changes.map(({ table, key, value, atMs }) => {
    const keyBytes = stringSerde.serialize(key)
    const record: ProducerRecord = {
      key: keyBytes,
      value: value === null ? null : jsonCodec().encode(value),
      timestampMs: atMs,
    }
    return { table, partition: partitionForKey(keyBytes, partitionCount), record }
  })
  const batches = Map.groupBy(records, ({ table, partition }) => `${table}-${partition}`)
  await log.append(
    [...batches.values()].map((batch) => ({
      topic: topicName(`${topology}-${batch[0]?.table}`),
      partition: batch[0]?.partition ?? partitionForKey(Buffer.alloc(0), partitionCount),
      records: batch.map(({ record }) => record),
    })),
  )
}

interface Results {
  readonly joined: readonly (readonly [string, unknown])[]
  readonly byResult: readonly (readonly [string, unknown])[]
}

async function resultsOf(log: Log, topology: string): Promise<Results> {
  const rows = async (table: string) =>
    [...(await readLatest(log, `${topology}-${table}`))]
      .filter(([, value]) => value !== null && value !== 0)
      .sort(([left], [right]) => (left < right ? -1 : 1))
  return { joined: await rows('joined'), byResult: await rows('by-result') }
}

async function inMemory(topology: TopologyGraph, changes: readonly Change[]): Promise<Results> {
  const storage = await openMemoryStorage({ clock: systemClock })
  const runtime = testRuntime([topology], storage)
  await runtime.start()
  await append(storage.log, topology.name, changes)
  await runtime.whenIdle()
  await runtime.stop()
  const results = await resultsOf(storage.log, topology.name)
  await storage.close()
  return results
}

interface Instance {
  readonly log: KafkaLog
  readonly runtime: Runtime
}

async function startInstance(
  t: TestContext,
  kafka: TestKafka,
  topology: TopologyGraph,
): Promise<Instance> {
  const name = kafka.unique('instance')
  const log = await openKafkaLog({
    bootstrapServers: kafka.servers,
    clientId: name,
    clock: systemClock,
    transactions: { transactionalIdOf: () => name },
    group: { sessionTimeoutMs: 6_000, heartbeatIntervalMs: 200 },
  })
  const { state } = await openMemoryStorage({ clock: systemClock, sharesState: false })
  const runtime = testRuntime(
    [topology],
    { log, state },
    {
      cluster: {
        instanceId: name,
        endpoint: null,
        numStandbyReplicas: 0,
        maxWarmupReplicas: 2,
        acceptableRecoveryLag: 10_000,
      },
      limits: { defaultPartitionCount: partitionCount },
    },
  )
  t.after(async () => {
    await runtime.stop()
    await log.close()
  })
  await runtime.start()
  return { log, runtime }
}

/** `topic-partition` of the inputs of the tasks that run here. */
function inputsAt({ runtime }: Instance): Set<string> {
  const tasks = runtime.status().tasks.filter(({ state }) => state === 'RUNNING')
  return new Set(
    tasks.flatMap(({ inputs }) => inputs.map(({ topic, partition }) => `${topic}-${partition}`)),
  )
}

/** Pairs of partitions of orders and of users that are not on one instance. */
function apart(topology: string, [one, two]: readonly [Instance, Instance]): number {
  const of = (instance: Instance, table: string) =>
    [...inputsAt(instance)].filter((input) => input.startsWith(`${topology}-${table}-`)).length
  return of(one, 'orders') * of(two, 'users') + of(two, 'orders') * of(one, 'users')
}

const taskCount = 3 * partitionCount
const runningAt = ({ runtime }: Instance) =>
  runtime.status().tasks.filter(({ state }) => state === 'RUNNING').length

kafkaTest(
  'a foreign-key join across two instances that come and go gives what one in memory gives',
  async (kafka, t) => {
    const seed = seedOfRun()
    t.diagnostic(`TIDEMARK_TEST_SEED=${seed} repeats the changes`)
    const random = new Random(seed)
    const topology = topologyCalled(kafka.unique('foreign-keys'))
    const changes: Change[] = []
    const change = async (log: Log, count: number) => {
      const more = changesOf(random, changes.length, count)
      changes.push(...more)
      await append(log, topology.name, more)
    }

    const one = await startInstance(t, kafka, topology)
    await change(one.log, 300)
    const two = await startInstance(t, kafka, topology)
    await until('both run, while orders and users change', async () => {
      await change(one.log, 10)
      return runningAt(one) + runningAt(two) === taskCount && runningAt(two) > 0
    })
    assert.ok(apart(topology.name, [one, two]) > 0, 'orders and users are on different instances')
    await change(one.log, 300)
    await one.runtime.whenIdle()
    assert.deepEqual(await resultsOf(two.log, topology.name), await inMemory(topology, changes))

    await change(two.log, 300)
    // Without its state, what it had is restored at the other, in the midst of changes.
    const stopped = one.runtime.stop()
    await until('the other runs all, while orders and users change', async () => {
      await change(two.log, 10)
      return runningAt(two) === taskCount
    })
    await stopped
    await change(two.log, 100)
    await two.runtime.whenIdle()
    const found = await resultsOf(two.log, topology.name)
    assert.ok(found.joined.length > orderCount / 2)
    assert.deepEqual(found, await inMemory(topology, changes))
  },
)
