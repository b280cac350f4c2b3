/** Two instances as an operator runs them, with the settings that the product has by default; one is told to stop. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { openRegistryDoor } from '../../src/schema/registry-door.test-support.ts'
import type { InstanceStatus } from '../../src/server/console/instance-status.ts'
import { ClickHouseProcess } from '../clickhouse/support/clickhouse-process.ts'
import { crashEvents } from '../integration/support/crash-events.ts'
import { assertSameFacts, factsOf, type Facts } from '../integration/support/facts.ts'
import { batchesOf, Feed } from '../integration/support/feed.ts'
import { freePortOffset, InstanceProcess } from '../integration/support/instance-process.ts'
import { until } from '../integration/support/until.ts'
import { clusterForTests } from './support/kafka-for-tests.ts'

interface Stage {
  readonly clickhouse: ClickHouseProcess
  /** Ready. */
  start(name: string): Promise<InstanceProcess>
  /** What the embedded profile makes of the events. */
  expected(): Promise<Facts>
}

const events = crashEvents(11).slice(0, 2_000)
/** Of both topologies, with four partitions each; the pair of exam-scores has two sub-topologies. */
const standbysMin = 1

test('SIGTERM: the standby goes on with the tasks, and every fact is there once', async (t) => {
  const stage = await openStage(t)
  if (stage === undefined) return
  const [first, second] = await startPair(stage)
  const all = await taskIds([first, second])
  const feed = new Feed(batchesOf(events, 50))
  for (let index = 0; index < feed.batches.length / 2; index++) await feed.send(second, index)
  const { code, tookMs } = await stopAndWatch(t, first, second, all)
  assert.equal(code, 0, first.output)
  t.diagnostic(`the process had ended after ${tookMs} ms`)
  await feed.sendRest(second)
  await second.idle()
  assertSameFacts(await factsOf(second), await stage.expected(), 'after the hand-over')
})

test('SIGTERM while ClickHouse hangs: the tasks are handed over, the exit code is 0, and no fact is missing', async (t) => {
  const stage = await openStage(t)
  if (stage === undefined) return
  const [first, second] = await startPair(stage)
  const all = await taskIds([first, second])
  const feed = new Feed(batchesOf(events, 50))
  for (let index = 0; index < feed.batches.length / 2; index++) await feed.send(second, index)
  stage.clickhouse.freeze()
  await feed.sendRest(second)
  await until('facts wait for ClickHouse', async () =>
    (await statusOf(first)).sinkLag > 0 ? true : null,
  )
  const { code, tookMs } = await stopAndWatch(t, first, second, all)
  assert.equal(code, 0, first.output)
  assert.doesNotMatch(first.output, /not (stopped|closed) within/)
  t.diagnostic(`the process had ended after ${tookMs} ms`)
  stage.clickhouse.thaw()
  await second.idle()
  assertSameFacts(await factsOf(second), await stage.expected(), 'after ClickHouse was back')
})

/** Both run tasks, and each has the copies of the other's. */
async function startPair(stage: Stage): Promise<readonly [InstanceProcess, InstanceProcess]> {
  const first = await stage.start('one')
  const second = await stage.start('two')
  await until('both run tasks and hold standbys', async () => {
    for (const status of [await statusOf(first), await statusOf(second)]) {
      if (!status.isReady || status.tasks.length === 0) return null
      if (status.standbys.length < standbysMin) return null
    }
    return true
  })
  return [first, second]
}

/** Prints for how long the tasks were nobody's, which depends on the machine and is not asserted. */
async function stopAndWatch(
  t: TestContext,
  first: InstanceProcess,
  second: InstanceProcess,
  all: readonly string[],
): Promise<{ readonly code: number | null; readonly tookMs: number }> {
  const fromMs = performance.now()
  const sinceMs = () => Math.round(performance.now() - fromMs)
  const ended = first.end('SIGTERM').then(({ code }) => ({ code, tookMs: sinceMs() }))
  await until('the other runs all tasks', async () => {
    const own = await taskIds([second])
    return own.length === all.length ? true : null
  })
  t.diagnostic(`the other ran all ${all.length} tasks after ${sinceMs()} ms`)
  assert.deepEqual(await taskIds([second]), all)
  return await ended
}

async function taskIds(instances: readonly InstanceProcess[]): Promise<readonly string[]> {
  const statuses = await Promise.all(instances.map(statusOf))
  return statuses.flatMap(({ tasks }) => tasks.map(({ id }) => id)).sort()
}

async function statusOf(running: InstanceProcess): Promise<InstanceStatus> {
  return (await (await fetch(running.url('console', '/api/status'))).json()) as InstanceStatus
}

/** Of the test's own: the topologies' topics have their own names. */
async function openStage(t: TestContext): Promise<Stage | undefined> {
  const kafka = await clusterForTests(t, { brokers: 1 })
  if (kafka === undefined) return undefined
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-hand-over-'))
  const registry = await openRegistryDoor()
  const clickhouse = await ClickHouseProcess.start()
  const started: InstanceProcess[] = []
  t.after(async () => {
    await Promise.all(started.map((instance) => instance.end('SIGKILL')))
    await clickhouse.remove()
    await registry.stop()
    await rm(directory, { recursive: true, force: true })
  })
  const start = async (
    name: string,
    words: readonly string[],
    environment: Readonly<Record<string, string>>,
  ) => {
    const place = { dataDir: join(directory, name), portOffset: await freePortOffset() }
    const instance = new InstanceProcess({ ...place, words, environment })
    started.push(instance)
    await instance.ready()
    return instance
  }
  return {
    clickhouse,
    start: (name) =>
      start(name, ['--doors', 'console,registry,ingest,clickhouse'], {
        KAFKA_BOOTSTRAP_SERVERS: kafka.bootstrapServers,
        SCHEMA_REGISTRY_URL: registry.url,
        CLICKHOUSE_URL: clickhouse.url,
      }),
    expected: async () => {
      const alone = await start('alone', [], {})
      await new Feed(batchesOf(events, 500)).sendRest(alone)
      await alone.idle()
      return factsOf(alone)
    },
  }
}
