/** A data directory, changelogs and fact topics written by one release, and gone on with by the next. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import type { InstanceStatus } from '../../src/server/console/instance-status.ts'
import { RemoteIngest } from '../../src/sources/remote-ingest.ts'
import { ClickHouseProcess } from '../clickhouse/support/clickhouse-process.ts'
import { InstanceProcess } from '../integration/support/instance-process.ts'
import { clusterForTests } from './support/kafka-for-tests.ts'
import { RegistryProcess } from './support/registry-process.ts'
import { makeRelease, type Release } from './upgrade-release.ts'
import { freePortOffset } from '../integration/support/free-port-offset.ts'

const run = promisify(execFile)
const accountCount = 30

interface Place {
  readonly directory: string
  readonly releases: readonly [Release, Release]
  /** Of the instances. */
  readonly environment: Record<string, string>
  /** Null: the instance's own. */
  readonly clickhouseUrl: string | null
}

interface Account {
  readonly account: string
  readonly count: number
  readonly total: number
  readonly last_amount?: number
}

interface Deposit {
  readonly account: string
  readonly amount: number
}

/** Each gets the same number more. */
function depositsOf(accounts: number, times: number, amount: number): Deposit[] {
  return Array.from({ length: accounts * times }, (_, index) => ({
    account: `account-${index % accounts}`,
    amount: amount + (index % accounts),
  }))
}

test('the next release goes on with the directory of an embedded instance', async (t) => {
  const place = await placeOf(t, {}, null)
  const { before, after } = await upgrade(t, place)
  assert.equal(before.profile, 'embedded')
  assert.equal(after.version, '9.9.9')
})

test('the next release goes on with local state, changelogs and fact topics of a cluster, and reads old facts anew', async (t) => {
  const kafka = await clusterForTests(t, { brokers: 1 })
  if (kafka === undefined) return
  const registry = await RegistryProcess.start()
  t.after(() => registry.remove())
  const clickhouse = await ClickHouseProcess.start()
  t.after(() => clickhouse.remove())
  const environment = {
    KAFKA_BOOTSTRAP_SERVERS: kafka.bootstrapServers,
    SCHEMA_REGISTRY_URL: registry.url,
    CLICKHOUSE_URL: clickhouse.url,
  }
  const place = await placeOf(t, environment, clickhouse.url)
  const { before, after, accounts } = await upgrade(t, place)
  assert.equal(before.profile, 'cluster')
  assert.equal(after.version, '9.9.9')
  assert.equal(after.restored.length, 2)
  for (const { taskId, fromScratch, restored } of after.restored) {
    assert.deepEqual({ fromScratch, restored }, { fromScratch: null, restored: 0 }, taskId)
  }
  // The rows of the older schema among them, from the fact topic.
  const [, next] = place.releases
  const words = ['rebuild', '--topologies', next.topology, '--data-dir', dataDirOf(place)]
  const { stdout } = await run(process.execPath, [next.program, ...words], {
    env: { ...process.env, ...environment },
  })
  assert.match(stdout, /savings\.accounts: 30 rows/)
  assert.deepEqual(await accountsIn(clickhouse.url), accounts)
})

/** Deposits under the one release, then under the next. */
async function upgrade(t: TestContext, place: Place) {
  const [first, next] = place.releases
  const older = await start(t, place, first)
  const before = await statusOf(older)
  await deposit(older, depositsOf(accountCount, 5, 100))
  assert.deepEqual(await accountsIn(urlOf(place, older)), expected(5, 0, false))
  assert.deepEqual(await older.end('SIGTERM'), { code: 0, signal: null }, older.output)
  const directories = place.clickhouseUrl === null ? '' : 'state'
  const format = await readFile(join(dataDirOf(place), directories, 'FORMAT'), 'utf8')
  assert.deepEqual(JSON.parse(format), { format: 1, product: 'tidemark' })

  const newer = await start(t, place, next)
  const after = await statusOf(newer)
  assert.deepEqual(await accountsIn(urlOf(place, newer)), expected(5, 0, true))
  await deposit(newer, depositsOf(accountCount / 2, 3, 1_000))
  const accounts = await accountsIn(urlOf(place, newer))
  assert.deepEqual(accounts, expected(5, 3, true))
  assert.deepEqual(await newer.end('SIGTERM'), { code: 0, signal: null }, newer.output)
  return { before, after, accounts }
}

function expected(first: number, second: number, hasLastAmount: boolean): Account[] {
  return Array.from({ length: accountCount }, (_, index) => {
    const more = index < accountCount / 2 ? second : 0
    return {
      account: `account-${index}`,
      count: first + more,
      total: first * (100 + index) + more * (1_000 + index),
      ...(hasLastAmount ? { last_amount: more === 0 ? -1 : 1_000 + index } : {}),
    }
  }).sort((left, right) => (left.account < right.account ? -1 : 1))
}

async function placeOf(
  t: TestContext,
  environment: Record<string, string>,
  clickhouseUrl: string | null,
): Promise<Place> {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-upgrade-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const { version } = JSON.parse(
    await readFile(new URL('../../package.json', import.meta.url), 'utf8'),
  ) as { version: string }
  const releases = [
    await makeRelease(join(directory, 'first'), { version, hasLastAmount: false }),
    await makeRelease(join(directory, 'next'), { version: '9.9.9', hasLastAmount: true }),
  ] as const
  return { directory, releases, environment, clickhouseUrl }
}

function dataDirOf({ directory }: Place): string {
  return join(directory, 'data')
}

async function start(t: TestContext, place: Place, release: Release): Promise<InstanceProcess> {
  const instance = new InstanceProcess({
    program: release.program,
    dataDir: dataDirOf(place),
    portOffset: await freePortOffset(),
    words: [
      ...['--topologies', release.topology],
      ...['--doors', 'console,registry,ingest,clickhouse'],
    ],
    environment: place.environment,
  })
  t.after(() => instance.end('SIGKILL'))
  await instance.ready()
  return instance
}

async function statusOf(instance: InstanceProcess): Promise<InstanceStatus> {
  return (await (await fetch(instance.url('console', '/api/status'))).json()) as InstanceStatus
}

async function deposit(instance: InstanceProcess, deposits: readonly Deposit[]): Promise<void> {
  const records = deposits.map((json) => ({ content: { form: 'json' as const, json } }))
  const ingest = new RemoteIngest({ url: instance.url('ingest') })
  const report = await ingest.ingest('deposits', records, { onError: 'refuse', source: 'ingest' })
  assert.equal(report.taken, deposits.length, JSON.stringify(report))
  await instance.idle()
}

function urlOf({ clickhouseUrl }: Place, instance: InstanceProcess): string {
  return clickhouseUrl ?? instance.url('clickhouse')
}

async function accountsIn(url: string): Promise<Account[]> {
  const query =
    'SELECT * EXCEPT (event_time, known_at, version) FROM savings.accounts ORDER BY account'
  const response = await fetch(url, { method: 'POST', body: `${query} FORMAT JSONEachRow` })
  const text = await response.text()
  assert.ok(response.ok, text)
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const row = JSON.parse(line) as Record<string, unknown>
      for (const name of ['count', 'total', 'last_amount']) {
        if (name in row) row[name] = Number(row[name])
      }
      return row as unknown as Account
    })
}
