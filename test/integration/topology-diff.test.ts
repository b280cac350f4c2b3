/** A start compares with what ran before: `topology diff`, STORE_ORPHANED, `--accept`, `reset`, `status`, `--explain`. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { InstanceProcess, killAllInstances } from './support/instance-process.ts'
import { clicksTopology } from './support/clicks-topology.ts'
import { crashEvents } from './support/crash-events.ts'
import { assertSameFacts, factsOf } from './support/facts.ts'
import { batchesOf, Feed } from './support/feed.ts'
import { runCommand, type Ended } from './support/run-command.ts'
import { freePortOffset } from './support/free-port-offset.ts'

let directory = ''
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-diff-'))
})
after(async () => {
  await killAllInstances()
  await rm(directory, { recursive: true, force: true })
})

const topologyFile = (file: string, store: string | null) =>
  clicksTopology(join(directory, file), store)

async function up(
  dataDir: string,
  topology: string,
  words: readonly string[] = [],
): Promise<Ended> {
  const offset = String(await freePortOffset())
  const place = ['--data-dir', dataDir, '--port-offset', offset, '--topologies', topology]
  return runCommand(['up', '--no-samples', '--exit-when-idle', ...place, ...words])
}

void test('a store that is gone is shown, refused, and let go once it is accepted', async () => {
  const dataDir = join(directory, 'orphan')
  const counting = await topologyFile('counting.ts', 'click-counts')
  const plain = await topologyFile('plain.ts', null)
  assert.equal((await up(dataDir, counting)).code, 0)

  const diff = (topology: string, ...words: string[]) =>
    runCommand(['topology', 'diff', topology, '--data-dir', dataDir, ...words])
  assert.match((await diff(counting)).stdout, /nothing would change/)
  const seen = await diff(plain, '--format', 'json')
  assert.equal(seen.code, 1)
  const changes = JSON.parse(seen.stdout) as { change: string; name: string; accept: string }[]
  assert.ok(
    changes.some(
      ({ change, accept }) => change === 'store-orphaned' && accept === 'clicks/click-counts',
    ),
    seen.stdout,
  )
  const refused = await up(dataDir, plain)
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /STORE_ORPHANED: .*\n.*click-counts.*--accept clicks\/click-counts/)
  assert.equal((await up(dataDir, counting)).code, 0, 'and nothing was changed')

  const misspelt = await diff(plain, '--accept', 'nonsense,clicks/clicks-count')
  assert.equal(misspelt.code, 2)
  assert.match(
    misspelt.stderr,
    /CONFIGURATION_INVALID: accept: "nonsense", .*did you mean clicks\/click-counts\?/,
  )
  assert.equal((await diff(plain, '--accept', 'clicks/click-counts')).code, 0)
  const accepted = await up(dataDir, plain, ['--accept', 'click-counts'])
  assert.equal(accepted.code, 0, accepted.stderr)
  assert.equal((await up(dataDir, plain)).code, 0, 'it is remembered')
  const back = await up(dataDir, counting)
  assert.match(back.stderr, /STORE_ORPHANED: .*\n.*click-counts: a store of this name was there/)
  const reset = await runCommand(['reset', '--data-dir', dataDir, '--topologies', counting])
  assert.equal(reset.code, 0, reset.stderr)
  assert.equal((await up(dataDir, counting)).code, 0, 'built anew')
})

void test('another number of partitions is refused before anything is opened wide', async () => {
  const dataDir = join(directory, 'partitions')
  const counting = await topologyFile('four.ts', 'click-counts')
  assert.equal((await up(dataDir, counting)).code, 0)
  const refused = await up(dataDir, counting, ['--partitions', '6'])
  assert.equal(refused.code, 1)
  assert.match(
    refused.stderr,
    /TOPIC_MISMATCH: .*\n.*click-counts: has 4 partitions and would have 6/,
  )
})

void test('status tells of the running instance, and a reset leaves it alone', async () => {
  const dataDir = join(directory, 'status')
  const idle = await runCommand(['status', '--data-dir', dataDir])
  assert.equal(idle.code, 1)
  assert.match(idle.stderr, /INSTANCE_NOT_RUNNING/)
  const words = ['--topologies', 'exam-scores']
  const running = new InstanceProcess({ dataDir, portOffset: await freePortOffset(), words })
  await running.ready()
  const status = await runCommand(['status', '--data-dir', dataDir])
  assert.equal(status.code, 0, status.stderr)
  assert.match(status.stdout, /^embedded .* running /m)
  assert.match(status.stdout, /^topology +exam-scores +stable +0 /m)
  assert.match(status.stdout, /^task +exam-scores-0_0 +RUNNING /m)
  const json = await runCommand(['status', '--data-dir', dataDir, '--format', 'json'])
  assert.equal((JSON.parse(json.stdout) as { profile: string }).profile, 'embedded')
  const reset = await runCommand(['reset', '--data-dir', dataDir, ...words])
  assert.equal(reset.code, 1)
  assert.match(reset.stderr, /DATA_DIR_IN_USE/)
  assert.equal((await running.end('SIGTERM')).code, 0, running.output)
})

void test('--explain tells what a cluster would get, without a server and without a secret', async () => {
  const explained = await runCommand(
    ['up', '--explain', '--format', 'json', '--topologies', 'exam-scores', '--data-dir', directory],
    {
      KAFKA_BOOTSTRAP_SERVERS: 'kafka.invalid:9092',
      SCHEMA_REGISTRY_URL: 'http://reader:hidden@registry.invalid:8081',
      CLICKHOUSE_URL: 'http://clickhouse.invalid:8123',
      TIDEMARK_CLICKHOUSE_PASSWORD: 'hidden',
      TIDEMARK_GROUP_INSTANCE_ID: 'pod-3',
    },
  )
  assert.equal(explained.code, 0, explained.stderr)
  assert.doesNotMatch(explained.stdout, /hidden/)
  const { profile, items } = JSON.parse(explained.stdout) as {
    profile: string
    items: { what: string; name: string; detail: string }[]
  }
  assert.equal(profile, 'cluster')
  const has = (what: string, name: string) =>
    items.some((item) => item.what === what && item.name === name)
  assert.ok(has('topic', 'exam-scores-student-scores-changelog'))
  assert.ok(has('topic', 'tidemark-meta'))
  assert.ok(has('group', 'exam-scores-clickhouse'))
  assert.ok(has('transactional id', 'tidemark-pod-3-0'))
  assert.ok(has('subject', 'exam_score-value'))
  assert.ok(has('table', 'exam_scores.events'))
})

void test('a place to read from is one, and is understood', async () => {
  for (const [words, message] of [
    [['--to-latest', '--to-earliest'], /give one place/],
    [['--to-datetime', 'yesterday'], /write it as 2026/],
    [['--to-datetime', '2026-02-30'], /write it as 2026/],
    [['--shift-by', 'x'], /a whole number/],
  ] as const) {
    const ended = await runCommand(['reset', '--data-dir', join(directory, 'none'), ...words])
    assert.equal(ended.code, 2)
    assert.match(ended.stderr, message)
  }
})

void test('tables are made again from their fact topics, with the same rows', async () => {
  const dataDir = join(directory, 'rebuild')
  const offset = await freePortOffset()
  const words = ['--topologies', 'exam-scores']
  const scores = crashEvents(5).filter(({ topic }) => topic === 'exam_score')
  const first = new InstanceProcess({ dataDir, portOffset: offset, words })
  await first.ready()
  await new Feed(batchesOf(scores, 500)).sendRest(first)
  await first.idle()
  const facts = await factsOf(first)
  assert.equal((await first.end('SIGTERM')).code, 0, first.output)
  const rebuilt = await runCommand(['rebuild', '--data-dir', dataDir, ...words])
  assert.equal(rebuilt.code, 0, rebuilt.stderr)
  assert.match(rebuilt.stdout, /^exam_scores\.student_average_score: [1-9]\d* rows$/m)
  const next = new InstanceProcess({ dataDir, portOffset: offset, words })
  await next.ready()
  await next.idle()
  assertSameFacts(await factsOf(next), facts, 'after the rebuild')
  assert.equal((await next.end('SIGTERM')).code, 0, next.output)
})
