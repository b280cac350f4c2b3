import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Hono } from 'hono'
import type { AuditEntry } from '../audit/audit-log.ts'
import { Access, principalOf, sha256, type AccessUser } from './access.ts'
import { basicAuthorization, bearerAuthorization } from './credentials.ts'
import { guarded } from './guarded.ts'
import { rightsOf, rolesWith, routesWithoutRule, type Role } from './roles.ts'

const secret = 'one-secret-of-all-instances'

function user(name: string, roles: readonly Role[], password = `of-${name}`): AccessUser {
  return { name, roles, passwordSha256: sha256(password), databases: null }
}

function stage(users: readonly AccessUser[], peerSecret: string | null = secret) {
  const inner = new Hono()
  inner.all('*', (context) => context.text(principalOf(context)?.name ?? 'nobody'))
  const recorded: AuditEntry[] = []
  const audit = { record: (entry: AuditEntry) => recorded.push(entry) }
  const app = guarded(inner, { door: 'console', access: new Access(users, peerSecret), audit })
  const ask = async (path: string, authorization?: string, method = 'GET') => {
    const headers = authorization === undefined ? {} : { authorization }
    const response = await app.request(path, { method, headers })
    return { status: response.status, text: await response.text() }
  }
  return { ask, recorded }
}

test('the door behind is told who asks, and what is open asks for nobody', async () => {
  const { ask } = stage([user('ann', ['monitor'])])
  assert.deepEqual(await ask('/api/status', basicAuthorization('ann', 'of-ann')), {
    status: 200,
    text: 'ann',
  })
  assert.deepEqual(await ask('/healthz', basicAuthorization('ann', 'wrong')), {
    status: 200,
    text: 'nobody',
  })
})

test('where too many passwords wait to be checked, each door says when to come again', async () => {
  const access = new Access([])
  access.identify = () => Promise.resolve('busy')
  for (const door of ['console', 'registry', 'ingest', 'sql'] as const) {
    const app = guarded(new Hono(), { door, access, audit: { record: () => {} } })
    const headers = { authorization: basicAuthorization('ann', 'x') }
    const response = await app.request('/', { headers })
    assert.deepEqual([response.status, response.headers.get('retry-after')], [503, '1'])
    assert.match(await response.text(), /too many passwords are being checked/)
  }
})

test('HEAD is let in as GET is', async () => {
  const { ask } = stage([user('ann', ['monitor'])])
  assert.equal((await ask('/api/status', undefined, 'HEAD')).status, 401)
  const known = basicAuthorization('ann', 'of-ann')
  assert.equal((await ask('/api/status', known, 'HEAD')).status, 200)
  const reading = '/topologies/mcq/stores'
  assert.equal((await ask(reading, known, 'HEAD')).status, 403)
})

test('an unknown name, a wrong password and an unreadable one are answered alike', async () => {
  const { ask, recorded } = stage([user('ann', ['admin']), user('toString', ['admin'])])
  const answers = [
    await ask('/api/status', basicAuthorization('eve', 'of-ann')),
    await ask('/api/status', basicAuthorization('ann', 'of-eve')),
    await ask('/api/status', basicAuthorization('ann', '')),
    await ask('/api/status', basicAuthorization('constructor', '')),
    await ask('/api/status', `Basic ${Buffer.from('ann').toString('base64')}`),
  ]
  for (const answer of answers) assert.deepEqual(answer, answers[0])
  assert.equal(answers[0]?.status, 401)
  assert.deepEqual(
    recorded.map(({ user: proved, tried }) => [proved, tried]),
    ['eve', 'ann', 'ann', 'constructor', 'ann'].map((name) => [null, name]),
  )
})

test('a password may have colons and letters of any script', async () => {
  const { ask } = stage([user('ann', ['monitor'], 'a:b:ß ')])
  assert.equal((await ask('/api/status', basicAuthorization('ann', 'a:b:ß '))).status, 200)
})

test('who gives no name is asked for one, which is not recorded', async () => {
  const { ask, recorded } = stage([user('ann', ['admin'])])
  assert.equal((await ask('/api/status')).status, 401)
  assert.equal((await ask('/api/status', 'Digest nonsense')).status, 401)
  assert.deepEqual(recorded, [])
})

test('a name that was tried is recorded with a bound', async () => {
  const { ask, recorded } = stage([user('ann', ['admin'])])
  await ask('/api/status', basicAuthorization('x'.repeat(5_000), ''))
  assert.equal(recorded[0]?.tried?.length, 100)
})

test('instances show a secret, which opens what they ask each other and the status', async () => {
  const { ask, recorded } = stage([user('ann', ['admin'])])
  const read = '/topologies/mcq/stores/funnels/read'
  assert.equal((await ask('/api/life', bearerAuthorization(secret))).status, 200)
  assert.equal((await ask(read, bearerAuthorization(secret), 'POST')).status, 200)
  assert.equal((await ask('/api/status', bearerAuthorization(secret))).status, 200)
  assert.equal((await ask('/api/jobs/x', bearerAuthorization(secret), 'POST')).status, 403)
  assert.equal((await ask('/api/life', bearerAuthorization('another'))).status, 401)
  const admin = basicAuthorization('ann', 'of-ann')
  assert.match((await ask('/api/life', admin)).text, /is for instances of the cluster/)
  assert.equal(recorded.at(-1)?.outcome, '403')
})

test('where instances have no secret none opens anything', async () => {
  const { ask } = stage([user('ann', ['admin'])], null)
  for (const guess of ['null', 'undefined', secret]) {
    assert.equal((await ask('/api/life', bearerAuthorization(guess))).status, 401)
  }
})

test('who has several roles may do what any of them allows', () => {
  assert.deepEqual([...rightsOf(['producer', 'operator'])].sort(), [
    'operate',
    'produce',
    'read',
    'schemas',
    'status',
  ])
  assert.deepEqual(rolesWith('administer'), ['admin'])
})

test('a route that is new has no rule, and is named', () => {
  const app = new Hono()
  app.use((_, next) => next())
  app.get('/healthz', (context) => context.text('ok'))
  app.post('/api/secrets', (context) => context.text('all of them'))
  app.all('/api/anything', (context) => context.text('all of it'))
  const mounted = new Hono().route(
    '/api',
    new Hono().get('/more', (context) => context.text('')),
  )
  app.route('/', mounted)
  assert.deepEqual(routesWithoutRule('console', app.routes), [
    'POST /api/secrets',
    'ALL /api/anything',
    'GET /api/more',
  ])
})
