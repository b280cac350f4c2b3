/** A copy that is still being filled for the first time cannot tell what it has not read yet from what does not exist. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test, type TestContext } from 'node:test'
import type { Hono } from 'hono'
import { systemClock } from '../../core/clock.ts'
import type { FetchedPartition, FetchRequest, Log } from '../../log/log.ts'
import { LocalQueries } from '../../runtime/queries/local-queries.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { send, until } from '../../runtime/test-support/harness.ts'
import { TestCluster } from '../../runtime/test-support/test-cluster.ts'
import { clicksOf } from './clicks.test-support.ts'
import { queriesApp } from './queries-app.ts'

const { topology, clicks } = clicksOf('clicks')
const usersMax = 40
const all = Array.from({ length: usersMax }, (_, user) => ({ page: 'a', user, atMs: 1 }))
const stores = '/topologies/clicks/stores/counts'
const keyPath = `${stores}/keys/${encodeURIComponent('["a",7]')}`

/** A log whose changelogs give so many records of each partition, and then nothing more. */
class SlowChangelogs {
  /** Fetches of changelogs that were asked for more than they get. */
  waiting = 0
  readonly log: Log
  readonly #recordsMax: number
  readonly #given = new Map<string, number>()

  constructor(log: Log, recordsMax: number) {
    this.#recordsMax = recordsMax
    const fetch = (request: FetchRequest) => this.#fetch(log, request)
    this.log = new Proxy(log, {
      get: (target, name) => {
        if (name === 'fetch') return fetch
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      },
    })
  }

  async #fetch(log: Log, request: FetchRequest): Promise<readonly FetchedPartition[]> {
    if (request.partitions.every(({ topic }) => !topic.endsWith('-changelog'))) {
      return await log.fetch(request)
    }
    const fetched = await log.fetch({ ...request, waitMaxMs: 0 })
    const cut = fetched.map((range) => this.#cut(range, request))
    if (cut.some((range, index) => range.nextOffset > startOf(request, fetched[index]))) return cut
    this.waiting += 1
    if (request.signal?.aborted === false) await once(request.signal, 'abort')
    return cut
  }

  #cut(range: FetchedPartition, request: FetchRequest): FetchedPartition {
    const id = `${range.topic}-${range.partition}`
    const given = this.#given.get(id) ?? 0
    const records = range.records.slice(0, this.#recordsMax - given)
    this.#given.set(id, given + records.length)
    if (records.length === range.records.length && records.length > 0) return range
    const last = records.at(-1)
    const nextOffset = (last === undefined ? startOf(request, range) : last.offset + 1) as never
    return { ...range, records, nextOffset }
  }
}

function startOf({ partitions }: FetchRequest, range: FetchedPartition | undefined): number {
  const at = partitions.find(
    ({ topic, partition }) => topic === range?.topic && partition === range.partition,
  )
  return at?.offset ?? assert.fail('what was fetched was asked for')
}

interface Answer {
  readonly status: number
  readonly retryAfter: string | null
  readonly body: Record<string, any>
}

async function open(t: TestContext, numStandbyReplicas: number) {
  const cluster = await TestCluster.open([topology], { numStandbyReplicas })
  t.after(() => cluster.close())
  const apps = new Map<string, Hono>()
  const network: typeof fetch = async (input, init) => {
    const url = new URL(input)
    const app = apps.get(url.hostname)
    if (app === undefined) throw new TypeError('fetch failed')
    return await app.request(url.pathname, init)
  }
  const start = async (name: string, log = cluster.log): Promise<Runtime> => {
    const runtime = await cluster.start(name, { log })
    const { state } = cluster.states.get(name) ?? assert.fail()
    const clock = systemClock
    const local = new LocalQueries({ topologies: [topology], log, state, clock, runtime })
    apps.set(name, queriesApp({ local, runtime, clock, fetch: network, timeoutMs: 2_000 }))
    return runtime
  }
  const stop = async (name: string) => {
    apps.delete(name)
    await cluster.stop(name)
  }
  const ask = async (name: string, path: string): Promise<Answer> => {
    const response = (await apps.get(name)?.request(path)) ?? assert.fail()
    const body = (await response.json()) as Record<string, any>
    return { status: response.status, retryAfter: response.headers.get('retry-after'), body }
  }
  return { cluster, apps, start, stop, ask }
}

type Stage = Awaited<ReturnType<typeof open>>

/** All clicks are counted, and only the log knows of it. */
async function countAll({ cluster, start, stop }: Stage): Promise<void> {
  const runtime = await start('gone')
  await send(cluster.log, clicks, all)
  await runtime.whenIdle()
  await stop('gone')
}

async function expectRefused({ ask }: Stage, name: string, why: RegExp): Promise<void> {
  for (const path of [keyPath, `${stores}/range?limit=1000`]) {
    for (const consistency of ['prefer-active', 'any', 'active']) {
      const asked = `${path}${path.includes('?') ? '&' : '?'}consistency=${consistency}`
      const { status, retryAfter, body } = await ask(name, asked)
      assert.equal(status, 503, `${asked}: ${JSON.stringify(body)}`)
      assert.match(body['error'] as string, why)
      assert.ok(Number(retryAfter) >= 1, `${retryAfter}`)
    }
  }
}

function isRunning(runtime: Runtime): boolean {
  const { tasks } = runtime.status()
  return tasks.length > 0 && tasks.every(({ state }) => state === 'RUNNING')
}

test('while a task is restored from scratch a key that exists is not denied', async (t) => {
  const stage = await open(t, 0)
  await countAll(stage)
  const slow = new SlowChangelogs(stage.cluster.log, 0)
  await stage.start('new', slow.log)
  await until('it restores', () => slow.waiting > 0)
  await expectRefused(stage, 'new', /of counts is restoring here, from scratch/)
  await stage.stop('new')
  const runtime = await stage.start('new')
  await until('it is restored', () => isRunning(runtime))
  assert.equal((await stage.ask('new', keyPath)).status, 200)
  const { body } = await stage.ask('new', `${stores}/range?limit=1000`)
  assert.equal(body['entries'].length, usersMax)
})

test('a restore that was cut off leaves a copy that is known to have gaps', async (t) => {
  const stage = await open(t, 0)
  await countAll(stage)
  for (const recordsMax of [2, 0]) {
    const slow = new SlowChangelogs(stage.cluster.log, recordsMax)
    const runtime = await stage.start('new', slow.log)
    await until('it has what it gets', () => slow.waiting > 0)
    const fromScratch = runtime.status().restoring.map((each) => each.fromScratch)
    assert.equal(fromScratch.includes(null), recordsMax === 0, 'the second goes on from the first')
    await expectRefused(stage, 'new', /of counts is restoring here, from scratch/)
    await stage.stop('new')
  }
})

test('a copy that was complete once answers while it reads what it lacks, and says how much', async (t) => {
  const stage = await open(t, 0)
  await (await stage.start('kept')).whenIdle()
  await send(stage.cluster.log, clicks, all)
  await stage.cluster.whenIdle()
  await stage.stop('kept')
  const other = await stage.start('other')
  await send(stage.cluster.log, clicks, all)
  await other.whenIdle()
  await stage.stop('other')
  const slow = new SlowChangelogs(stage.cluster.log, 0)
  await stage.start('kept', slow.log)
  await until('it restores', () => slow.waiting > 0)
  const { status, body } = await stage.ask('kept', keyPath)
  assert.equal(status, 200, JSON.stringify(body))
  assert.deepEqual([body['value'], body['source'].role], [1, 'restoring'])
  assert.ok(body['source'].lagRecords > 0)
})

test('a standby answers for an owner that is away once it has been complete, not before', async (t) => {
  const stage = await open(t, 1)
  const { cluster, apps } = stage
  await (await stage.start('owner')).whenIdle()
  await send(cluster.log, clicks, all)
  await cluster.whenIdle()
  const slow = new SlowChangelogs(cluster.log, 0)
  const standby = await stage.start('standby', slow.log)
  await until('it follows', () => slow.waiting > 0 && standby.status().standbys.length > 0)
  assert.equal((await stage.ask('standby', keyPath)).body['source'].host, 'http://owner')
  const near = await stage.ask('standby', `${keyPath}?consistency=any`)
  assert.equal(near.body['source'].role, 'active', 'another copy is asked')
  const owner = apps.get('owner') ?? assert.fail()
  apps.delete('owner')
  const refused = await stage.ask('standby', keyPath)
  assert.equal(refused.status, 503, JSON.stringify(refused.body))
  await stage.stop('standby')
  apps.set('owner', owner)
  const again = await stage.start('standby')
  await until('the standbys have caught up', () => {
    const { standbys } = again.status()
    return standbys.length > 0 && standbys.every(({ lag }) => lag === 0)
  })
  apps.delete('owner')
  const { status, body } = await stage.ask('standby', keyPath)
  assert.equal(status, 200, JSON.stringify(body))
  assert.equal(body['value'], 1)
})
