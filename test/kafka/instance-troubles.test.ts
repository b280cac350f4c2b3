/** What an instance tells while its brokers or ClickHouse are away, and when its topic was given partitions. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { topicName, type Partition } from '../../src/core/record.ts'
import { openHookServer, type HookServer } from '../../src/app/alerts/test-support/hook-server.ts'
import { openRegistryDoor } from '../../src/schema/registry-door.test-support.ts'
import type { InstanceStatus } from '../../src/server/console/instance-status.ts'
import { ClickHouseProcess } from '../clickhouse/support/clickhouse-process.ts'
import { clicksTopology } from '../integration/support/clicks-topology.ts'
import { InstanceProcess } from '../integration/support/instance-process.ts'
import { until } from '../integration/support/until.ts'
import { addPartitions } from './support/add-partitions.ts'
import { clusterForTests, type TestCluster } from './support/kafka-for-tests.ts'
import { ourLogOnly, record } from './support/our-log.ts'
import { freePortOffset } from '../integration/support/free-port-offset.ts'

const clicks = topicName('clicks')

async function clicksInstance(
  t: TestContext,
  kafka: TestCluster,
  hook: HookServer,
): Promise<{ running: InstanceProcess; clickhouse: ClickHouseProcess }> {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-troubles-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const registry = await openRegistryDoor()
  t.after(() => registry.stop())
  const clickhouse = await ClickHouseProcess.start()
  t.after(() => clickhouse.remove())
  const topology = await clicksTopology(join(directory, 'clicks.ts'), 'click-counts')
  const running = new InstanceProcess({
    dataDir: join(directory, 'data'),
    portOffset: await freePortOffset(),
    words: [
      ...['--topologies', topology, '--partitions', '2', '--doors', 'console,ingest'],
      ...['--kafka-session-timeout-ms', '2000'],
    ],
    environment: {
      KAFKA_BOOTSTRAP_SERVERS: kafka.bootstrapServers,
      SCHEMA_REGISTRY_URL: registry.url,
      CLICKHOUSE_URL: clickhouse.url,
      TIDEMARK_ALERTS_WEBHOOK_URL: hook.url,
      TIDEMARK_ALERTS_AWAY_FOR_MS: '0',
      TIDEMARK_ALERTS_GROUP_WAIT_MS: '0',
    },
  })
  t.after(() => running.end('SIGKILL'))
  await running.ready()
  return { running, clickhouse }
}

/** Asks for the status, and demands each time that no count has fallen since the last. */
function watchOf(running: InstanceProcess) {
  let last = { processed: 0, rowsWritten: 0 }
  return async (): Promise<InstanceStatus> => {
    const answer = await fetch(running.url('console', '/api/status'))
    const status = (await answer.json()) as InstanceStatus
    for (const { processed, rowsWritten, recordsPerSecond } of status.topologies) {
      assert.ok(processed >= last.processed, `${processed} after ${last.processed} processed`)
      assert.ok(rowsWritten >= last.rowsWritten, `${rowsWritten} after ${last.rowsWritten} rows`)
      assert.ok(recordsPerSecond >= 0, `${recordsPerSecond} a second`)
      last = { processed, rowsWritten }
    }
    return status
  }
}

async function readinessOf(running: InstanceProcess) {
  const answer = await fetch(running.url('console', '/readyz'))
  return { code: answer.status, ...((await answer.json()) as { trouble: string | null }) }
}

async function click(running: InstanceProcess, count: number): Promise<void> {
  const records = Array.from({ length: count }, (_, index) => ({ value: { user: `u${index}` } }))
  const answer = await fetch(running.url('ingest', `/topics/${clicks}`), {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.kafka.json.v2+json' },
    body: JSON.stringify({ records }),
  })
  assert.equal(answer.status, 200, await answer.text())
}

/** A record for the quarantine, whose rows are facts too. */
async function refused(running: InstanceProcess): Promise<void> {
  const answer = await fetch(running.url('ingest', `/topics/${clicks}?on_error=quarantine`), {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.kafka.json.v2+json' },
    body: JSON.stringify({ records: [{ value: { user: 5 } }] }),
  })
  assert.equal(answer.status, 200, await answer.text())
}

/** What its alerts of that name told, in turn. */
function told(hook: HookServer, name: string): readonly string[] {
  const alerts = hook.posts.flatMap(({ body }) => body.alerts)
  return alerts.filter(({ labels }) => labels.alertname === name).map(({ status }) => status)
}

const lines = (running: InstanceProcess, text: string) => running.output.split(text).length - 1

void test('brokers that are away, and partitions that nobody reads, are told and not ready', async (t) => {
  const kafka = await clusterForTests(t, {
    overrides: { 'group.min.session.timeout.ms': 1000 },
  })
  const broker = kafka?.brokers[0]
  if (kafka === undefined || broker === undefined) return
  const hook = await openHookServer((response) => response.end())
  t.after(() => hook.close())
  const { running, clickhouse } = await clicksInstance(t, kafka, hook)
  const status = watchOf(running)
  await click(running, 50)
  await running.idle()
  // What is committed is counted a moment later.
  const isWell = async (processed: number) => {
    const { trouble, topologies } = await status()
    return trouble === null && topologies[0]?.processed === processed ? true : null
  }
  await until('all is counted', () => isWell(50))

  await t.test('while the brokers are away', async () => {
    await broker.kill()
    await until('its tasks are lost', async () =>
      (await status()).tasks.length === 0 ? true : null,
    )
    const away = `the brokers at ${kafka.bootstrapServers} cannot be reached since `
    await until('the trouble is told', async () =>
      (await status()).trouble?.startsWith(away) === true ? true : null,
    )
    const { code, trouble } = await readinessOf(running)
    assert.deepEqual([code, trouble?.startsWith(away)], [503, true])
    assert.equal((await status()).topologies[0]?.group, 'joining')
    await running.prints(away)
    assert.equal((await status()).topologies[0]?.processed, 50)

    await broker.start()
    await running.prints(`the brokers at ${kafka.bootstrapServers} answer again`)
    await until('it is ready', async () => {
      await status()
      return (await readinessOf(running)).code === 200 ? true : null
    })
    await until('its tasks are back', async () => ((await status()).tasks.length > 0 ? true : null))
    await until('nothing is wrong any more', () => isWell(50))
    await click(running, 10)
    await running.idle()
    await until('all is counted', () => isWell(60))
    assert.deepEqual([lines(running, away), lines(running, 'answer again')], [1, 1])
    await until('both are told by an alert', () =>
      Promise.resolve(told(hook, 'TidemarkBrokersAway').length === 2 ? true : null),
    )
    assert.deepEqual(told(hook, 'TidemarkBrokersAway'), ['firing', 'resolved'])
  })

  await t.test('while ClickHouse is away', async () => {
    const before = told(hook, 'TidemarkFactsPaused').length
    const isTold = (count: number) => () =>
      Promise.resolve(told(hook, 'TidemarkFactsPaused').length === before + count ? true : null)
    await clickhouse.stop('SIGKILL')
    await refused(running)
    await until('an alert tells it', isTold(1))
    assert.match((await status()).alerts.firing[0]?.what ?? '', /^facts of tidemark wait: /)
    await clickhouse.start()
    await until('an alert tells that it is over', isTold(2))
    assert.deepEqual(told(hook, 'TidemarkFactsPaused').slice(before), ['firing', 'resolved'])
    await running.idle()
  })

  await t.test('when its topic was given partitions', async () => {
    await addPartitions(kafka, clicks, 4)
    const given = `topic ${clicks} was given partitions while clicks reads it: 2 are known, 4 are there`
    await until('the trouble is told', async () =>
      (await status()).trouble?.startsWith(given) === true ? true : null,
    )
    await running.prints(given)
    await until('it is told by an alert', () =>
      Promise.resolve(told(hook, 'TidemarkPartitionsAdded').length > 0 ? true : null),
    )
    assert.deepEqual(told(hook, 'TidemarkPartitionsAdded'), ['firing'])
    assert.equal((await readinessOf(running)).code, 503)
    const log = await ourLogOnly(t, kafka)
    const records = [record('nobody decodes it')]
    await log.append([{ topic: clicks, partition: 3 as Partition, records }])
    const idle = await fetch(running.url('console', '/api/idle?timeout_ms=300'))
    assert.deepEqual(await idle.json(), { idle: false })
    await until('it counts as lag', async () => {
      const { topologies, trouble } = await status()
      return topologies[0]?.lag === 1 && trouble?.includes('1 record in them') ? true : null
    })
    assert.equal(lines(running, given), 1)
  })
  assert.equal((await running.end('SIGTERM')).code, 0, running.output)
})
