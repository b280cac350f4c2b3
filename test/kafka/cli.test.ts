/** The product as its operator runs it on a cluster: processes, flags and environment; a real broker behind. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Replay } from '../../src/jobs/replay.ts'
import type { InstanceStatus } from '../../src/server/console/instance-status.ts'
import { KafkaUnavailable } from '../../tools/kafka/java.ts'
import type { Kafka } from '../../tools/kafka/start-kafka.ts'
import { ClickHouseProcess } from '../clickhouse/support/clickhouse-process.ts'
import { clicksTopology } from '../integration/support/clicks-topology.ts'
import { crashEvents } from '../integration/support/crash-events.ts'
import { assertSameFacts, factsOf, type Facts } from '../integration/support/facts.ts'
import { batchesOf, Feed } from '../integration/support/feed.ts'
import { InstanceProcess, killAllInstances } from '../integration/support/instance-process.ts'
import { mineTopology } from '../integration/support/mine-topology.ts'
import { until } from '../integration/support/until.ts'
import { runCommand } from '../integration/support/run-command.ts'
import { startOwnKafka } from './support/kafka-for-tests.ts'
import { RegistryProcess } from './support/registry-process.ts'
import { freePortOffset } from '../integration/support/free-port-offset.ts'

let directory = ''
let kafka: Kafka | null = null
let unavailable = ''
let registry: RegistryProcess
let clickhouse: ClickHouseProcess
let expected: Facts

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-cli-'))
  try {
    kafka = await startOwnKafka()
  } catch (thrown) {
    if (!(thrown instanceof KafkaUnavailable) || process.env['CI'] !== undefined) throw thrown
    unavailable = thrown.message
    return
  }
  registry = await RegistryProcess.start()
  clickhouse = await ClickHouseProcess.start()
  expected = await embeddedFacts('embedded', events)
})

after(async () => {
  await killAllInstances()
  if (kafka !== null) {
    await clickhouse.remove()
    await registry.remove()
    await kafka.close()
  }
  await rm(directory, { recursive: true, force: true })
})

const events = crashEvents(7).slice(0, 3000)
const allDoors = ['--doors', 'console,registry,ingest,clickhouse']

function environment(): Record<string, string> {
  return {
    KAFKA_BOOTSTRAP_SERVERS: kafka?.bootstrapServers ?? '',
    SCHEMA_REGISTRY_URL: registry.url,
    CLICKHOUSE_URL: clickhouse.url,
  }
}

async function instance(name: string, words: readonly string[] = []): Promise<InstanceProcess> {
  return new InstanceProcess({
    dataDir: join(directory, name),
    portOffset: await freePortOffset(),
    words: [...allDoors, ...words],
    environment: environment(),
  })
}

function command(...words: string[]) {
  return runCommand(words, environment())
}

async function embeddedFacts(name: string, of: typeof events): Promise<Facts> {
  const alone = new InstanceProcess({
    dataDir: join(directory, name),
    portOffset: await freePortOffset(),
  })
  await alone.ready()
  await new Feed(batchesOf(of, 200)).sendRest(alone)
  await alone.idle()
  const facts = await factsOf(alone)
  assert.equal((await alone.end('SIGTERM')).code, 0, alone.output)
  return facts
}

async function statusOf(running: InstanceProcess): Promise<InstanceStatus> {
  return (await (await fetch(running.url('console', '/api/status'))).json()) as InstanceStatus
}

void test('events over HTTP become the facts that the embedded profile makes of them', async (context) => {
  if (kafka === null) return context.skip(unavailable)
  const first = await instance('one', ['--partitions', '4'])
  await first.ready()
  await new Feed(batchesOf(events, 200)).sendRest(first)
  await first.idle()
  assertSameFacts(await factsOf(first), expected, 'on the cluster')
  const status = await statusOf(first)
  assert.equal(status.profile, 'cluster')
  assert.equal(status.isReady, true)
  assert.deepEqual(status.member?.brokers, kafka.bootstrapServers.split(','))
  assert.ok(status.topologies.every(({ group }) => group === 'stable'))
  assert.equal((await first.end('SIGTERM')).code, 0, first.output)
})

void test('the same code again would change nothing, and another number of partitions would be refused', async (context) => {
  if (kafka === null) return context.skip(unavailable)
  const same = await command('topology', 'diff', '--topologies', 'mcq,exam-scores')
  assert.equal(same.code, 0, same.stderr)
  assert.match(same.stdout, /nothing would change/)
  const group = await command('topology', 'diff', 'mcq', '--against-group', '--format', 'json')
  assert.match(group.stdout, /"change": "group"/)
  const more = await command('topology', 'diff', 'mcq', '--partitions', '6')
  assert.equal(more.code, 1)
  assert.match(more.stdout, /refused +topic-repartitioned +answers .*keep 4, or .*tidemark reset/)
  const misspelt = await command('topology', 'diff', 'mcq', '--accept', 'nonsense')
  assert.equal(misspelt.code, 2)
  assert.match(misspelt.stderr, /accept: "nonsense" is no store .*; there are .*mcq\//)
})

void test('a store that is gone is refused, by its changelog too where nothing else is known, until it is accepted', async (context) => {
  if (kafka === null) return context.skip(unavailable)
  const counting = await clicksTopology(join(directory, 'counting.ts'), 'click-counts')
  const plain = await clicksTopology(join(directory, 'plain.ts'), null)
  const start = async (topology: string, ...words: string[]) => {
    const offset = String(await freePortOffset())
    const place = ['--data-dir', join(directory, 'clicks'), '--port-offset', offset]
    return command('up', '--exit-when-idle', '--topologies', topology, ...place, ...words)
  }
  assert.equal((await start(counting)).code, 0)
  const diff = await command('topology', 'diff', plain)
  assert.equal(diff.code, 1)
  assert.match(diff.stdout, /refused +store-orphaned +click-counts .* clicks\/click-counts/)
  const stranger = await command('topology', 'diff', plain, '--application-id', 'another')
  assert.equal(stranger.code, 1)
  assert.match(stranger.stdout, /refused +store-orphaned +click-counts .*its changelog would lie/)
  assert.match((await start(plain)).stderr, /STORE_ORPHANED/)
  const accepted = await start(plain, '--accept', 'clicks/click-counts')
  assert.equal(accepted.code, 0, accepted.stderr)
  assert.equal((await start(plain)).code, 0, 'it is remembered')
})

void test('other parameters are refused, until a reset has all computed with them or they are agreed to', async (context) => {
  if (kafka === null) return context.skip(unavailable)
  const [one, other] = [
    await mineTopology(directory, 'v1', 0.1),
    await mineTopology(directory, 'v2', 0.4),
  ]
  const start = async (topology: string, ...words: string[]) => {
    const offset = String(await freePortOffset())
    const place = ['--data-dir', join(directory, 'mine'), '--port-offset', offset]
    return command('up', '--exit-when-idle', '--topologies', topology, ...place, ...words)
  }
  assert.equal((await start(one)).code, 0)
  const diff = await command('topology', 'diff', other)
  assert.equal(diff.code, 1)
  assert.match(diff.stdout, /refused +parameters-changed +attempts .* mine\/attempts/)
  const refused = await start(other)
  assert.match(refused.stderr, /PARAMETERS_CHANGED: .*\n.*parameters v1, .* has v2: /)
  const reset = await command('reset', '--topologies', other)
  assert.equal(reset.code, 0, reset.stderr)
  assert.equal((await start(other)).code, 0)
  const accept = /--accept (\S+)\)/.exec((await start(one)).stderr)?.[1] ?? ''
  const accepted = await start(one, '--accept', accept)
  assert.equal(accepted.code, 0, accepted.stderr)
  assert.equal((await start(one)).code, 0, 'it is remembered')
})

void test('a reset is refused while the group lives; after it the same facts come again', async (context) => {
  if (kafka === null) return context.skip(unavailable)
  const running = await instance('one')
  await running.ready()
  const refused = await command('reset', '--topologies', 'exam-scores', '--facts')
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /GROUP_ACTIVE: group exam-scores .*tidemark-/)
  const early = await command('reset', '--topologies', 'exam-scores', '--dry-run', '--facts')
  assert.equal(early.code, 0, early.stderr)
  assert.match(early.stdout, /would: exam-scores: set group exam-scores to exam_score 0: \d+ -> 0/)
  assert.match(early.stdout, /would be refused now: GROUP_ACTIVE: group exam-scores .*tidemark-/)
  assert.match(early.stdout, /steps, none was done, and as it is the reset would be refused\n$/)
  assert.equal((await running.end('SIGTERM')).code, 0, running.output)
  const other = ['--application-id', 'of-somebody-else']
  const strange = await command('reset', '--topologies', 'exam-scores', ...other)
  assert.equal(strange.code, 1, strange.stdout)
  assert.match(strange.stderr, /exam-scores runs here as application .*give --application-id/)

  const dry = await command('reset', '--topologies', 'exam-scores', '--dry-run', '--facts')
  assert.equal(dry.code, 0, dry.stderr)
  assert.match(dry.stdout, /would: exam-scores: set group exam-scores to exam_score 0: \d+ -> 0/)
  assert.match(dry.stdout, /delete topics .*exam-scores-student-scores-changelog/)
  const done = await command('reset', '--topologies', 'exam-scores', '--facts')
  assert.equal(done.code, 0, done.stderr)

  const again = await instance('one')
  await again.ready()
  await again.idle()
  assert.match(again.output, /a topology was reset: local state is built anew/)
  assertSameFacts(await factsOf(again), expected, 'after the reset')
  assert.equal((await again.end('SIGTERM')).code, 0, again.output)

  const kept = await command('reset', '--topologies', 'exam-scores')
  assert.equal(kept.code, 0, kept.stderr)
  assert.match(
    kept.stdout,
    /now: exam-scores: have the state in exam_scores\.data_quality_checks_results begin behind/,
  )
  const third = await instance('one')
  await third.ready()
  await third.idle()
  assertSameFacts(await factsOf(third), expected, 'after a reset whose facts stay')
  // An idle instance has read its events again, and says since when.
  const replays = (await (await fetch(`${third.url('console')}/api/replays`)).json()) as Replay[]
  const own = replays.filter(({ topology }) => topology === 'exam-scores')
  assert.deepEqual(
    own.map(({ resetAtMs, endedAtMs }) => resetAtMs < (endedAtMs ?? 0)),
    [true],
  )
  assert.equal((await third.end('SIGTERM')).code, 0, third.output)
})

void test('all servers that do not answer at a start are named at once', async () => {
  const nowhere = 'http://127.0.0.1:1'
  const ended = await runCommand(
    ['up', '--data-dir', join(directory, 'nowhere'), '--start-retry-max-ms', '1000'],
    {
      KAFKA_BOOTSTRAP_SERVERS: '127.0.0.1:1',
      SCHEMA_REGISTRY_URL: nowhere,
      CLICKHOUSE_URL: nowhere,
    },
  )
  assert.equal(ended.code, 1)
  assert.match(ended.stderr, /KAFKA_UNREACHABLE: the instance cannot start without:/)
  assert.match(ended.stderr, /Kafka at 127\.0\.0\.1:1/)
  assert.match(ended.stderr, /the schema registry at http:\/\/127\.0\.0\.1:1/)
  assert.match(ended.stderr, /ClickHouse at http:\/\/127\.0\.0\.1:1/)
})

void test('with its schemas known an instance starts while the registry is away', async (context) => {
  if (kafka === null) return context.skip(unavailable)
  await registry.stop('SIGKILL')
  try {
    const known = await instance('one')
    await known.ready()
    assert.equal((await known.end('SIGTERM')).code, 0, known.output)
  } finally {
    await registry.start()
  }
})

void test('two instances share the work, and one goes on with all of it', async (context) => {
  if (kafka === null) return context.skip(unavailable)
  const words = ['--standby-replicas', '1', '--kafka-session-timeout-ms', '10000']
  const [first, second] = [await instance('one', words), await instance('two', words)]
  await Promise.all([first.ready(), second.ready()])
  await until('both run tasks', async () => {
    const counts = await Promise.all(
      [first, second].map(async (each) => (await statusOf(each)).tasks.length),
    )
    return counts.every((count) => count > 0) ? true : null
  })
  const more = crashEvents(7).slice(3000, 4000)
  const feed = new Feed(batchesOf(more, 100))
  for (let index = 0; index < feed.batches.length / 2; index += 1) await feed.send(second, index)
  assert.equal((await first.end('SIGTERM')).code, 0, first.output)
  await feed.sendRest(second)
  await second.idle()
  assertSameFacts(await factsOf(second), await embeddedFacts('more', [...events, ...more]), 'alone')
  assert.equal((await second.end('SIGTERM')).code, 0, second.output)
})

void test('while the broker is away the doors say so in time, and a repeat counts once', async (context) => {
  if (kafka === null) return context.skip(unavailable)
  const [broker] = kafka.brokers
  const running = await instance('two', ['--kafka-door-wait-max-ms', '1000'])
  await running.ready()
  const batch = crashEvents(7)
    .slice(3000, 4000)
    .filter(({ topic }) => topic === 'answers')
  const body = JSON.stringify({ records: batch.map(({ value }) => ({ value })) })
  const headers = { 'content-type': 'application/vnd.kafka.json.v2+json' }
  const send = () =>
    fetch(running.url('ingest', '/topics/answers'), { method: 'POST', headers, body })
  assert.equal((await send()).status, 200)
  await running.idle()
  const before = await factsOf(running)
  broker?.pause()
  try {
    for (const told of [/they may still be written: send them again/, /nothing was taken/]) {
      const refused = await send()
      assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '2'])
      const { error_code, message } = (await refused.json()) as Record<string, unknown>
      assert.equal(error_code, 50303)
      assert.match(String(message), told)
    }
  } finally {
    broker?.resume()
  }
  await until('the door takes them', async () => ((await send()).status === 200 ? true : null))
  await running.idle()
  assertSameFacts(await factsOf(running), before, 'after what was taken before')
  assert.equal((await running.end('SIGTERM')).code, 0, running.output)
})

void test('a second process under one id is refused, and one that was killed may come back at once', async (context) => {
  if (kafka === null) return context.skip(unavailable)
  const few = ['--topologies', 'mcq']
  const words = [...few, '--group-instance-id', 'twin-0', '--kafka-session-timeout-ms', '30000']
  const first = await instance('twin', words)
  await first.ready()
  const offset = String(await freePortOffset())
  const place = ['--data-dir', join(directory, 'other'), '--port-offset', offset]
  const second = await command('up', '--no-samples', ...place, ...words)
  assert.equal(second.code, 2)
  assert.match(second.stderr, /CONFIGURATION_INVALID: another process runs as instance twin-0/)
  assert.match(second.stderr, /it answers at http:.*groupInstanceId of its own/)
  const staging = await command(
    'up',
    '--no-samples',
    ...place,
    ...few,
    '--application-id',
    'staging',
  )
  assert.equal(staging.code, 1)
  assert.match(
    staging.stderr,
    /GROUP_ACTIVE: group mcq is run by another application than staging: tidemark-twin-0/,
  )
  assert.equal((await statusOf(first)).state, 'running')

  await first.end('SIGKILL')
  const again = await instance('twin', words)
  await again.ready()
  assert.equal((await again.end('SIGTERM')).code, 0, again.output)
})
