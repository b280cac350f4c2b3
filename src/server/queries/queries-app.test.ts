/** Two instances on one log that holds no state, asked at either of them, and one instance alone. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Hono } from 'hono'
import { present } from '../../core/assert.ts'
import { systemClock } from '../../core/clock.ts'
import { partitionForKey } from '../../core/partitioner.ts'
import type { PartitionRecords } from '../../log/log.ts'
import { singleHost } from '../../runtime/queries/hosts.ts'
import type { QueryableRuntime, TopologyHosts } from '../../runtime/queries/hosts.ts'
import { LocalQueries } from '../../runtime/queries/local-queries.ts'
import type { Runtime } from '../../runtime/runtime.ts'
import { send, testRuntime, until } from '../../runtime/test-support/harness.ts'
import { TestCluster } from '../../runtime/test-support/test-cluster.ts'
import { openMemoryStorage } from '../../state/memory-backend.ts'
import { clicksOf } from './clicks.test-support.ts'
import type { Click } from './clicks.test-support.ts'
import { queriesApp } from './queries-app.ts'

const { topology: clicksTopology, clicks, latest } = clicksOf('clicks')
const pages = ['a', 'a b/c', 'ünïcode', 'zz']
const all: Click[] = Array.from({ length: 400 }, (_, at) => ({
  page: pages[at % 4] ?? '',
  user: at % 10,
  atMs: at,
}))
const key = encodeURIComponent('["a",2]')
const expected = new Map<string, number>()
for (const { page, user } of all) {
  const key = JSON.stringify([page, user])
  expected.set(key, (expected.get(key) ?? 0) + 1)
}

type Body = Record<string, any>

describe('interactive queries of two instances', () => {
  let cluster: TestCluster
  const apps = new Map<string, Hono>()
  const away = new Set<string>()
  let requests = 0

  /** As `fetch` between hosts: `http://one` is the app of `one`. */
  const network: typeof fetch = async (input, init) => {
    requests += 1
    const url = new URL(input)
    const app = apps.get(url.hostname)
    if (app === undefined || away.has(url.hostname)) throw new TypeError('fetch failed')
    return await app.request(url.pathname + url.search, init)
  }

  const queries = (name: string, runtime: QueryableRuntime, bytesMax?: number): Hono => {
    const state = cluster.states.get(name)
    assert.ok(state)
    const local = new LocalQueries({
      topologies: [clicksTopology],
      log: cluster.log,
      state: state.state,
      clock: systemClock,
      runtime,
    })
    const bounded = bytesMax === undefined ? {} : { bytesMax }
    const asked = { local, runtime, clock: systemClock, fetch: network, timeoutMs: 200 }
    return queriesApp({ ...asked, ...bounded })
  }

  before(async () => {
    cluster = await TestCluster.open([clicksTopology], { numStandbyReplicas: 1 })
    for (const name of ['one', 'two']) {
      apps.set(name, queriesOf(await cluster.start(name), name))
    }
    await send(cluster.log, clicks, all)
    await send(cluster.log, latest, all)
    await cluster.log.append([tombstone('["a",2]')])
    await cluster.whenIdle()
    await until('each has tasks and a standby of the others', () =>
      [...cluster.runtimes.values()].every((runtime) => isSpread(runtime.hostsOf('clicks'))),
    )
    await cluster.whenIdle()
  })
  after(() => cluster.close())

  const queriesOf = (runtime: Runtime, name: string) => queries(name, runtime)
  const ask = async (name: string, path: string): Promise<{ status: number; body: Body }> => {
    const app = apps.get(name)
    assert.ok(app)
    const response = await app.request(path)
    return { status: response.status, body: (await response.json()) as Body }
  }
  const keyPath = (store: string, key: string, query = '') =>
    `/topologies/clicks/stores/${store}/keys/${encodeURIComponent(key)}${query}`

  test('either instance answers every key, whoever owns it', async () => {
    const hosts = new Set<string>()
    for (const name of ['one', 'two']) {
      for (const [key, count] of expected) {
        const { status, body } = await ask(name, keyPath('counts', key))
        assert.equal(status, 200, JSON.stringify(body))
        assert.deepEqual([JSON.stringify(body['key']), body['value']], [key, count])
        assert.equal(body['source'].role, 'active')
        assert.equal(body['source'].lagRecords, 0)
        hosts.add(body['source'].host as string)
      }
    }
    assert.deepEqual([...hosts].sort(), ['http://one', 'http://two'])
  })

  test('a key of a versioned table is answered with what it held when', async () => {
    const { status, body } = await ask('one', keyPath('times', '["a",0]'))
    assert.equal(status, 200, JSON.stringify(body))
    const times = (body['value'] as Body[]).map(({ value, validFromMs }) => [value, validFromMs])
    assert.deepEqual(times.slice(0, 2), [
      [380, 380],
      [360, 360],
    ])
  })

  test('an answer ends where it has its bytes, and the next page goes on there', async () => {
    for (const bytesMax of [1, 100, 400]) {
      const app = queries('one', present(cluster.runtimes.get('one'), 'a runtime'), bytesMax)
      const range = async (page: string): Promise<Body> => {
        const path = `/topologies/clicks/stores/counts/range?limit=1000${page}`
        return (await (await app.request(path)).json()) as Body
      }
      const pages: Body[][] = []
      let body = await range('')
      for (;;) {
        pages.push(body['entries'] as Body[])
        if (body['next'] === null) break
        assert.ok((body['entries'] as Body[]).length > 0)
        body = await range(`&page=${body['next'] as string}`)
      }
      assert.ok(pages.length > 2, `${pages.length} pages of ${bytesMax} bytes`)
      const seen = pages.flat().map(({ key }) => JSON.stringify(key))
      assert.deepEqual(seen, [...expected.keys()].map(serialized).sort().map(parsed))
      const windows = await app.request(`/topologies/clicks/stores/windows/windows/${key}`)
      const found = (await windows.json()) as Body
      assert.equal(found['isComplete'], bytesMax === 400)
      assert.ok(found['entries'].length > 0)
    }
  })

  test('a range is gathered from all owners in the order of keys, page by page', async () => {
    const seen: string[] = []
    let page = ''
    do {
      const { status, body } = await ask(
        'one',
        `/topologies/clicks/stores/counts/range?limit=7${page}`,
      )
      assert.equal(status, 200, JSON.stringify(body))
      assert.ok(body['entries'].length <= 7)
      for (const { key, value } of body['entries'] as Body[]) {
        assert.equal(value, expected.get(JSON.stringify(key)))
        seen.push(JSON.stringify(key))
      }
      page = body['next'] === null ? '' : `&page=${body['next'] as string}`
    } while (page !== '')
    assert.deepEqual(seen, [...expected.keys()].map(serialized).sort().map(parsed))
    const { body } = await ask('two', `/topologies/clicks/stores/counts/range?${bounds('a', 'b')}`)
    assert.deepEqual(
      (body['entries'] as Body[]).map(({ key }) => key[0]),
      [...expected.keys()]
        .filter((key) => key < '["b"')
        .map((key) => JSON.parse(key)[0])
        .sort(),
    )
  })

  test('windows and sessions of a key come with their times', async () => {
    const key = encodeURIComponent('["a",0]')
    const windows = await ask(
      'one',
      `/topologies/clicks/stores/windows/windows/${key}?from=100&to=1970-01-01T00:00:00.299Z`,
    )
    assert.equal(windows.status, 200, JSON.stringify(windows.body))
    assert.deepEqual(
      windows.body['entries'].map(({ startMs, endMs, value }: Body) => [startMs, endMs, value]),
      [
        [100, 200, 5],
        [200, 300, 5],
      ],
    )
    const sessions = await ask('two', `/topologies/clicks/stores/sessions/sessions/${key}`)
    const [session] = sessions.body['entries'] as Body[]
    assert.deepEqual([session?.['startMs'], session?.['endMs'], session?.['value']], [0, 380, 20])
  })

  test('a table’s row comes with its time, a deleted one is not there', async () => {
    const { body } = await ask('one', keyPath('last', '["a",0]'))
    assert.equal(body['timestampMs'], 380, JSON.stringify(body))
    const gone = await ask('two', keyPath('last', '["a",2]'))
    assert.equal(gone.status, 404)
    const range = await ask('two', '/topologies/clicks/stores/last/range?limit=1000')
    assert.equal(range.body['entries'].length, expected.size - 1)
  })

  test('when the owner is away a standby answers and says how far it is; `active` refuses', async () => {
    const owned = [...expected.keys()].find(
      (key) => ownerOf(cluster.runtimes.get('one')?.hostsOf('clicks'), key) === 'http://two',
    )
    assert.ok(owned !== undefined)
    away.add('two')
    try {
      const { status, body } = await ask('one', keyPath('counts', owned))
      assert.equal(status, 200, JSON.stringify(body))
      assert.equal(body['value'], expected.get(owned))
      assert.equal(body['source'].role, 'standby')
      assert.equal(body['source'].host, 'http://one')
      assert.equal(typeof body['source'].lagRecords, 'number')
      const range = await ask('one', '/topologies/clicks/stores/counts/range?limit=1000')
      assert.equal(range.body['entries'].length, expected.size)
      const refused = await ask('one', keyPath('counts', owned, '?consistency=active'))
      assert.equal(refused.status, 503)
      assert.match(refused.body['error'] as string, /http:\/\/two/)
    } finally {
      away.delete('two')
    }
    const before = requests
    const near = await ask('one', keyPath('counts', owned, '?consistency=any'))
    assert.equal(near.body['source'].host, 'http://one')
    assert.equal(requests, before, 'the copy here was taken')
  })

  test('two instances that each hold the other for the owner do not ask in a circle', async () => {
    const confused = (name: string, other: string): QueryableRuntime => ({
      hostsOf: (topology) => {
        const hosts = cluster.runtimes.get(name)?.hostsOf(topology)
        return hosts === null || hosts === undefined
          ? null
          : {
              ...hosts,
              tasks: hosts.tasks.map((task) => ({
                ...task,
                active: `http://${other}`,
                standbys: [],
              })),
            }
      },
      heldTask: () => null,
    })
    const real = new Map(apps)
    apps.set('one', queries('one', confused('one', 'two')))
    apps.set('two', queries('two', confused('two', 'one')))
    try {
      const before = requests
      const { status, body } = await ask('one', keyPath('counts', '["a",0]'))
      assert.equal(status, 503)
      assert.match(body['error'] as string, /not held here/)
      assert.ok(requests - before <= 2, `${requests - before} requests`)
    } finally {
      for (const [name, app] of real) apps.set(name, app)
    }
  })

  test('while nobody has a task the answer is 503 with a time to come back', async () => {
    const app = queries('one', {
      hostsOf: (topology) => {
        const hosts = cluster.runtimes.get('one')?.hostsOf(topology) ?? null
        const tasks = hosts?.tasks.map((task) => ({ ...task, active: null, standbys: [] }))
        return hosts === null ? null : { ...hosts, isRebalancing: true, tasks: tasks ?? [] }
      },
      heldTask: () => null,
    })
    const response = await app.request(keyPath('counts', '["a",0]'))
    assert.equal(response.status, 503)
    assert.equal(response.headers.get('retry-after'), '1')
    assert.match(await response.text(), /sharing its tasks out anew/)
  })

  test('unknown stores, wrong kinds, wrong keys and wrong parameters are named', async () => {
    const refused: readonly (readonly [path: string, status: number, message: RegExp])[] = [
      ['/topologies/nope/stores', 404, /nope is not running; running are clicks/],
      [keyPath('nope', 'x'), 404, /has no store nope; it has: .*counts/],
      [keyPath('counts', '["nobody",1]'), 404, /no key \["nobody",1\].*partition=any/],
      [keyPath('counts', '{"a":1}'), 400, /is no key of store counts/],
      [keyPath('windows', '["a",0]'), 400, /is a window store: ask for windows/],
      ['/topologies/clicks/stores/times/windows/%5B%22a%22%2C0%5D', 400, /ask for keys or range/],
      [keyPath('counts', '["a",0]', '?consistency=maybe'), 400, /consistency/],
      [keyPath('counts', '["a",0]', '?partition=9'), 400, /partition/],
      [keyPath('counts', '["a",0]', '?whatever=9'), 400, /whatever/],
      ['/topologies/clicks/stores/counts/range?limit=5000', 400, /limit/],
      ['/topologies/clicks/stores/counts/range?page=AAAA', 400, /page/],
      ['/topologies/clicks/stores/windows/windows/%5B%22a%22%2C0%5D?from=then', 400, /from/],
    ]
    for (const [path, status, message] of refused) {
      const found = await ask('one', path)
      assert.equal(found.status, status, `${path}: ${JSON.stringify(found.body)}`)
      assert.match(found.body['error'] as string, message)
    }
    const anywhere = await ask('one', keyPath('counts', '["a",0]', '?partition=any'))
    assert.equal(anywhere.status, 200)
    const direct = await apps
      .get('one')
      ?.request('/topologies/clicks/stores/counts/read', { method: 'POST', body: '{}' })
    assert.equal(direct?.status, 400)
  })

  test('stores and hosts are listed', async () => {
    const stores = await ask('one', '/topologies/clicks/stores')
    const byName = new Map((stores.body['stores'] as Body[]).map((store) => [store['name'], store]))
    assert.deepEqual([...byName.keys()].sort(), ['counts', 'last', 'sessions', 'times', 'windows'])
    assert.equal(byName.get('windows')?.['windowSizeMs'], 100)
    assert.equal(byName.get('counts')?.['partitions'], 4)
    const hosts = await ask('two', '/topologies/clicks/hosts')
    assert.equal(hosts.body['self'], 'http://two')
    const [task] = hosts.body['tasks'] as Body[]
    assert.deepEqual([task?.['task'], task?.['standbys'].length], ['0_0', 1])
  })
})

test('an instance alone answers for itself, with the position of its inputs', async () => {
  const storage = await openMemoryStorage({ clock: systemClock })
  const runtime = testRuntime([clicksTopology], storage)
  await runtime.start()
  await send(storage.log, clicks, all)
  await runtime.whenIdle()
  const hosts = singleHost([clicksTopology], 4, () => 'http://127.0.0.1:8080')
  const local = new LocalQueries({
    topologies: [clicksTopology],
    ...storage,
    clock: systemClock,
    runtime: hosts,
  })
  const app = queriesApp({ local, runtime: hosts, clock: systemClock })
  const response = await app.request('/topologies/clicks/stores/counts/range?limit=1000')
  const body = (await response.json()) as Body
  assert.equal(body['entries'].length, expected.size)
  const positions = (body['sources'] as Body[]).flatMap(({ position }) => Object.values(position))
  assert.equal(
    positions.reduce((sum: number, offset) => sum + Number(offset), 0),
    all.length,
  )
  await runtime.stop()
  await storage.close()
})

function isSpread(hosts: TopologyHosts | null): boolean {
  const owners = new Set(hosts?.tasks.map(({ active }) => active))
  return (
    owners.size === 2 &&
    !owners.has(null) &&
    hosts?.tasks.every((task) => task.standbys.length === 1) === true
  )
}

function ownerOf(hosts: TopologyHosts | null | undefined, key: string): string | null {
  const at = partitionForKey(clicks.keySerde.serialize(JSON.parse(key) as never), 4)
  const task = hosts?.tasks.find(
    ({ subTopology, partition }) => subTopology === 0 && partition === at,
  )
  return task?.active ?? null
}

function tombstone(key: string): PartitionRecords {
  const bytes = clicks.keySerde.serialize(JSON.parse(key) as never)
  const records = [{ key: bytes, value: null, timestampMs: 1_000 }]
  return { topic: latest.name, partition: partitionForKey(bytes, 4), records }
}

function serialized(key: string): string {
  return clicks.keySerde.serialize(JSON.parse(key) as never).toString('latin1')
}

function parsed(text: string): string {
  return JSON.stringify(clicks.keySerde.deserialize(Buffer.from(text, 'latin1')))
}

function bounds(from: string, to: string): string {
  return new URLSearchParams({
    from: JSON.stringify([from, 0]),
    to: JSON.stringify([to, 0]),
  }).toString()
}
