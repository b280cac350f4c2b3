/** Two instances with users: each is asked for keys of the other, which lets in nobody but instances. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Hono } from 'hono'
import { systemClock } from '../../core/clock.ts'
import { LocalQueries } from '../../runtime/queries/local-queries.ts'
import { send, until } from '../../runtime/test-support/harness.ts'
import { TestCluster } from '../../runtime/test-support/test-cluster.ts'
import { Access, sha256 } from '../access/access.ts'
import { basicAuthorization, bearerAuthorization } from '../access/credentials.ts'
import { guarded } from '../access/guarded.ts'
import { clicksOf } from './clicks.test-support.ts'
import { queriesApp } from './queries-app.ts'

const { topology, clicks } = clicksOf('clicks')
const users = Array.from({ length: 20 }, (_, user) => user)
const secret = 'one-secret-of-all-instances'
const ann = [
  { name: 'ann', roles: ['reader'] as const, passwordSha256: sha256('x'), databases: null },
]

let cluster: TestCluster
const apps = new Map<string, Hono>()

const network: typeof fetch = async (input, init) => {
  const url = new URL(input)
  const app = apps.get(url.hostname)
  assert.ok(app)
  return app.request(url.pathname, init)
}

before(async () => {
  cluster = await TestCluster.open([topology])
  for (const name of ['one', 'two']) await cluster.start(name)
  await send(
    cluster.log,
    clicks,
    users.map((user) => ({ page: 'a', user, atMs: 1 })),
  )
  await cluster.whenIdle()
  await until('each runs tasks', () =>
    [...cluster.runtimes.values()].every((runtime) => {
      const active = runtime.hostsOf('clicks')?.tasks.map((task) => task.active)
      return active?.includes('http://one') === true && active.includes('http://two')
    }),
  )
  await cluster.whenIdle()
})
after(() => cluster.close())

/** @param shown by each of them to the other */
function open(shown: string | null): void {
  for (const [name, runtime] of cluster.runtimes) {
    const state = cluster.states.get(name)?.state
    assert.ok(state)
    const { log } = cluster
    const parts = { topologies: [topology], log, state, clock: systemClock, runtime }
    const inner = queriesApp({
      local: new LocalQueries(parts),
      runtime,
      clock: systemClock,
      fetch: network,
      headers: shown === null ? {} : { authorization: bearerAuthorization(shown) },
    })
    const access = new Access(ann, secret)
    apps.set(name, guarded(inner, { door: 'console', access, audit: { record: () => {} } }))
  }
}

async function answersOf(name: string): Promise<Set<number>> {
  const app = apps.get(name)
  assert.ok(app)
  const statuses = new Set<number>()
  for (const user of users) {
    const key = encodeURIComponent(JSON.stringify(['a', user]))
    const path = `/topologies/clicks/stores/counts/keys/${key}?consistency=active`
    const headers = { authorization: basicAuthorization('ann', 'x') }
    statuses.add((await app.request(path, { headers })).status)
  }
  return statuses
}

test('either instance answers every key, since they show each other their secret', async () => {
  open(secret)
  for (const name of ['one', 'two']) assert.deepEqual(await answersOf(name), new Set([200]))
})

test('without the secret, or with another, each answers its own keys alone', async () => {
  for (const shown of [null, 'a-secret-of-other-instances']) {
    open(shown)
    for (const name of ['one', 'two']) {
      assert.deepEqual([...(await answersOf(name))].sort(), [200, 503])
    }
  }
})
