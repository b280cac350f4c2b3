/** The runtime on a real broker: state beside the log, restored, followed and moved. */
import assert from 'node:assert/strict'
import { systemClock } from '../../src/core/clock.ts'
import { TidemarkError } from '../../src/core/errors.ts'
import { storeName, type TopicName } from '../../src/core/record.ts'
import type { StateBackend } from '../../src/core/state.ts'
import type { KafkaLog } from '../../src/log/kafka/open-kafka-log.ts'
import { openKafkaLog } from '../../src/log/kafka/open-kafka-log.ts'
import { changelogTopic } from '../../src/runtime/changelog.ts'
import type { Runtime, RuntimeOptions } from '../../src/runtime/runtime.ts'
import { readLatest, send, testRuntime, until } from '../../src/runtime/test-support/harness.ts'
import type { counts, words } from '../../src/runtime/test-support/counting.ts'
import { LocalSchemaRegistry } from '../../src/schema/local-schema-registry.ts'
import { MemoryRegistryStorage } from '../../src/schema/registry-storage.ts'
import { openMemoryStorage } from '../../src/state/memory-backend.ts'
import type { InMemoryStorage } from '../../src/state/memory-backend.ts'
import type { TopologyGraph } from '../../src/topology/graph.ts'
import { configureTopic } from './support/configure-topic.ts'
import { kafkaTest } from './support/kafka-for-tests.ts'
import type { TestKafka } from './support/kafka-for-tests.ts'

interface NamedCounting {
  readonly default: TopologyGraph
  readonly namedWords: typeof words
  readonly namedCounts: typeof counts
}

interface Names {
  readonly url: string
  readonly topology: TopologyGraph
  readonly words: typeof words
  readonly counts: typeof counts
}

/** Workers load it by the same URL. */
function moduleUrl(name: string): string {
  const url = new URL('../../src/runtime/test-support/named-counting.ts', import.meta.url)
  url.searchParams.set('name', name)
  return url.href
}

async function named(kafka: TestKafka): Promise<Names> {
  const url = moduleUrl(kafka.unique('counting'))
  const module = (await import(url)) as NamedCounting
  return { url, topology: module.default, words: module.namedWords, counts: module.namedCounts }
}

interface Instance {
  readonly log: KafkaLog
  readonly runtime: Runtime
  readonly state: InMemoryStorage
}

async function openLog(kafka: TestKafka, name: string): Promise<KafkaLog> {
  return openKafkaLog({
    bootstrapServers: kafka.servers,
    clientId: name,
    clock: systemClock,
    transactions: { transactionalIdOf: () => name },
    group: { sessionTimeoutMs: 6000, heartbeatIntervalMs: 200 },
  })
}

async function startInstance(
  kafka: TestKafka,
  { topology }: Names,
  name: string,
  own: InMemoryStorage,
  options: Partial<RuntimeOptions> = {},
): Promise<Instance> {
  const log = await openLog(kafka, name)
  const runtime = testRuntime(
    [topology],
    { log, state: own.state },
    {
      cluster: {
        instanceId: name,
        endpoint: `http://${name}`,
        numStandbyReplicas: 0,
        maxWarmupReplicas: 2,
        acceptableRecoveryLag: 10,
      },
      ...options,
    },
  )
  await runtime.start()
  return { log, runtime, state: own }
}

async function stopInstance({ log, runtime }: Instance): Promise<void> {
  await runtime.stop()
  await log.close()
}

function say(count: number, from = 0) {
  return Array.from({ length: count }, (_, index) => ({
    id: `${from + index}`,
    word: `w${(from + index) % 40}`,
    atMs: from + index,
  }))
}

async function expectCounts(log: KafkaLog, topic: string, count: number): Promise<void> {
  const expected = new Map<string, number>()
  for (const { word } of say(count)) expected.set(word, (expected.get(word) ?? 0) + 1)
  const found = await readLatest(log, topic)
  assert.deepEqual(
    [...found].sort(([left], [right]) => (left < right ? -1 : 1)),
    [...expected].sort(([left], [right]) => (left < right ? -1 : 1)),
  )
}

function running({ runtime }: Instance): string[] {
  return runtime
    .status()
    .tasks.filter(({ state }) => state === 'RUNNING')
    .map(({ id }) => id)
}

function memory() {
  return openMemoryStorage({ clock: systemClock })
}

kafkaTest(
  'a state that is behind is brought up by the tail, one that is lost in full',
  async (kafka) => {
    const names = await named(kafka)
    const own = await memory()
    const first = await startInstance(kafka, names, kafka.unique('one'), own)
    await send(first.log, names.words, say(400))
    await first.runtime.whenIdle()
    await stopInstance(first)

    const losing: StateBackend = {
      ...own.state,
      readMany: (reads) => own.state.readMany(reads),
      scan: (range) => own.state.scan(range),
      write: () => Promise.resolve(),
    }
    // As crashes between steps 4 and 5 of every commit.
    const second = await startInstance(kafka, names, kafka.unique('one'), { ...own, state: losing })
    await send(second.log, names.words, say(40, 400))
    await second.runtime.whenIdle()
    await stopInstance(second)

    const third = await startInstance(kafka, names, kafka.unique('one'), own)
    await until('all run', () => running(third).length === 4)
    const tail = third.runtime.status().restored
    assert.ok(tail.every(({ fromScratch }) => fromScratch === null))
    const tailRecords = tail.reduce((sum, { restored }) => sum + restored, 0)
    assert.ok(tailRecords >= 40 && tailRecords < 200, `${tailRecords} records of the tail`)
    await send(third.log, names.words, say(60, 440))
    await third.runtime.whenIdle()
    await expectCounts(third.log, names.counts.name, 500)
    await stopInstance(third)

    const fresh = await memory()
    const fourth = await startInstance(kafka, names, kafka.unique('one'), fresh)
    await send(fourth.log, names.words, say(100, 500))
    await fourth.runtime.whenIdle()
    assert.ok(
      fourth.runtime.status().restored.every((each) => each.fromScratch === 'no local state'),
    )
    await expectCounts(fourth.log, names.counts.name, 600)
    await stopInstance(fourth)
  },
)

kafkaTest(
  'tasks move between two instances while records flow, and nothing is counted twice',
  async (kafka) => {
    const names = await named(kafka)
    const one = await startInstance(kafka, names, kafka.unique('one'), await memory())
    await send(one.log, names.words, say(400))
    await one.runtime.whenIdle()
    const two = await startInstance(kafka, names, kafka.unique('two'), await memory())
    let sent = 400
    await until('the tasks are shared', async () => {
      await send(one.log, names.words, say(10, sent))
      sent += 10
      return running(one).length === 2 && running(two).length === 2
    })
    await send(one.log, names.words, say(100, sent))
    sent += 100
    await stopInstance(one)
    await until('two runs everything', () => running(two).length === 4)
    await two.runtime.whenIdle()
    await expectCounts(two.log, names.counts.name, sent)
    assert.equal(two.runtime.status().state, 'running')
    await stopInstance(two)
  },
)

kafkaTest('a standby takes over from an instance that stops, in place', async (kafka) => {
  const names = await named(kafka)
  const cluster = (instanceId: string) => ({
    cluster: {
      instanceId,
      endpoint: `http://${instanceId}`,
      numStandbyReplicas: 1,
      maxWarmupReplicas: 2,
      acceptableRecoveryLag: 10,
    },
  })
  const one = await startInstance(kafka, names, kafka.unique('one'), await memory(), cluster('one'))
  await send(one.log, names.words, say(400))
  await one.runtime.whenIdle()
  const two = await startInstance(kafka, names, kafka.unique('two'), await memory(), cluster('two'))
  await until('each runs two tasks and follows the two of the other', () =>
    [one, two].every(
      (instance) =>
        running(instance).length === 2 &&
        instance.runtime.status().standbys.length === 2 &&
        instance.runtime.status().standbys.every(({ lag }) => lag === 0),
    ),
  )
  const moving = running(one)
  const startedMs = systemClock.monotonicMs()
  await stopInstance(one)
  await until('two runs everything', () => running(two).length === 4)
  const pauseMs = Math.round(systemClock.monotonicMs() - startedMs)
  for (const { taskId, fromScratch, restored } of two.runtime.status().restored) {
    if (!moving.includes(taskId)) continue
    assert.equal(fromScratch, null)
    assert.equal(restored, 0, `${taskId} was restored though its standby was here`)
  }
  const handOverMs = two.runtime.status().tasks.map((task) => Math.round(task.handOverMs ?? -1))
  process.stdout.write(
    `# stop to running ${pauseMs} ms, start to running ${handOverMs.join(', ')} ms\n`,
  )
  await send(two.log, names.words, say(100, 400))
  await two.runtime.whenIdle()
  await expectCounts(two.log, names.counts.name, 500)
  await stopInstance(two)
})

kafkaTest('workers on Kafka encode, commit and restore as the main thread does', async (kafka) => {
  const names = await named(kafka)
  const workers = {
    count: 2,
    topologyModules: [names.url],
    registry: await LocalSchemaRegistry.open(new MemoryRegistryStorage()),
    codecsModule: new URL(
      '../../src/runtime/test-support/json-codecs-module.test-child.ts',
      import.meta.url,
    ).href,
  }
  const one = await startInstance(kafka, names, kafka.unique('one'), await memory(), { workers })
  await send(one.log, names.words, say(2000))
  await one.runtime.whenIdle()
  await stopInstance(one)
  const two = await startInstance(kafka, names, kafka.unique('two'), await memory(), { workers })
  await send(two.log, names.words, say(500, 2000))
  await two.runtime.whenIdle()
  assert.ok(two.runtime.status().restored.every((each) => each.fromScratch === 'no local state'))
  await expectCounts(two.log, names.counts.name, 2500)
  await stopInstance(two)
})

kafkaTest('a changelog that is not compacted is refused at the start, by name', async (kafka) => {
  const names = await named(kafka)
  const name = changelogTopic(names.topology.name, storeName('counts'))
  const log = await openLog(kafka, kafka.unique('other'))
  await log.createTopics([{ name, partitionCount: 4, cleanupPolicy: 'delete', retentionMs: null }])
  await assert.rejects(
    testRuntime([names.topology], { log, state: (await memory()).state }).start(),
    (thrown) =>
      thrown instanceof TidemarkError &&
      thrown.code === 'TOPIC_MISMATCH' &&
      thrown.message.includes(`${name} has cleanup.policy delete`),
  )
  await log.close()
})

kafkaTest(
  'what is restored from and is compacted and deleted forgets what is old, and is refused too; another may be so',
  async (kafka) => {
    const names = await named(kafka)
    const log = await openLog(kafka, kafka.unique('other'))
    const changelog = changelogTopic(names.topology.name, storeName('counts'))
    await refusedWhereDeleted(kafka, log, names, changelog)
    await configureTopic(kafka, changelog, { 'cleanup.policy': 'compact' })
    await refusedWhereDeleted(kafka, log, names, names.counts.name)
    await log.close()
  },
)

async function refusedWhereDeleted(
  kafka: TestKafka,
  log: KafkaLog,
  { topology }: Names,
  name: TopicName,
): Promise<void> {
  const spec = { name, partitionCount: 4, cleanupPolicy: 'compact', retentionMs: null } as const
  await log.createTopics([spec])
  await configureTopic(kafka, name, { 'cleanup.policy': 'compact,delete' })
  await until('the policy is known', async () => {
    const [topic] = await log.describeTopics([name])
    return topic?.deletesToo === true
  })
  await log.createTopics([spec])
  await assert.rejects(
    testRuntime([topology], { log, state: (await memory()).state }).start(),
    (thrown) =>
      thrown instanceof TidemarkError &&
      thrown.code === 'TOPIC_MISMATCH' &&
      thrown.message.includes(`${name} has cleanup.policy compact,delete`),
  )
}
