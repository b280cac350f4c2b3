import {
  Admin,
  AuthenticationError,
  Connection,
  type ConnectionOptions,
  type SASLOptions,
} from '@platformatic/kafka'
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { isAlive } from '../../tools/kafka/file-lock.ts'
import { until } from '../../tools/kafka/cluster-view.ts'
import type { SecureListener } from '../../tools/kafka/security.ts'
import type { KafkaBroker } from '../../tools/kafka/start-kafka.ts'
import { clusterForTests, kafkaTest } from './support/kafka-for-tests.ts'

const run = promisify(execFile)
const waitMs = 60_000

void test('three brokers elect a new controller when theirs is killed, and take it back', async (t) => {
  const cluster = await clusterForTests(t, { brokers: 3 })
  if (cluster === undefined) return
  assert.equal(new Set(cluster.servers).size, 3)
  const first = await cluster.controllerOf()
  await first.kill()
  assert.equal(first.pid, undefined)
  await until('another controller leads', waitMs, async () =>
    (await cluster.controllerOf()).id === first.id ? undefined : true,
  )
  await first.start()
  assert.ok(isAlive(pidOf(first)))
  const coordinator = await cluster.coordinatorOf('transaction', 'some-id')
  coordinator.pause()
  coordinator.resume()
  await coordinator.stop()
  assert.equal(coordinator.pid, undefined)
})

void test('a proxied broker is reached through its proxy alone', async (t) => {
  const cluster = await clusterForTests(t, { proxied: true })
  if (cluster === undefined) return
  const [broker] = cluster.brokers
  const proxy = broker?.proxy
  assert.ok(proxy !== undefined)
  const client: Admin = new Admin({
    clientId: 'tidemark-tests',
    bootstrapBrokers: [...cluster.servers],
    retries: 0,
  })
  t.after(() => client.close())
  await client.createTopics({ topics: ['reached'], partitions: 1, replicas: 1 })
  const metadata = await client.metadata({ topics: ['reached'] })
  assert.deepEqual(
    [...metadata.brokers.values()].map(({ port }) => port),
    [proxy.port],
  )
  assert.ok(proxy.connectionCount > 0)
  await proxy.refuse()
  proxy.cut()
  await assert.rejects(client.listTopics())
  await proxy.heal()
  assert.deepEqual(await client.listTopics(), ['reached'])
  // Our own questions do not go through it.
  await proxy.refuse()
  assert.equal((await cluster.leaderOf('reached', 0)).id, broker?.id)
})

void test('listeners with TLS and SASL know the user, by every mechanism', async (t) => {
  const cluster = await clusterForTests(t, { security: ['SSL', 'SASL_PLAINTEXT', 'SASL_SSL'] })
  if (cluster === undefined) return
  const { name: username, password } = cluster.user
  const token = unsecuredToken(username)
  const tls = { ca: [cluster.certificates?.authority ?? ''] }
  const plain = { mechanism: 'PLAIN', username, password } as const
  const cases: readonly [SecureListener, SASLOptions | undefined][] = [
    ['SSL', undefined],
    ['SASL_PLAINTEXT', plain],
    ['SASL_PLAINTEXT', { mechanism: 'SCRAM-SHA-256', username, password }],
    ['SASL_PLAINTEXT', { mechanism: 'SCRAM-SHA-512', username, password }],
    ['SASL_PLAINTEXT', { mechanism: 'OAUTHBEARER', token }],
    ['SASL_SSL', plain],
  ]
  const topicsBy = async (listener: SecureListener, sasl: SASLOptions | undefined) => {
    const client: Admin = new Admin({
      clientId: 'tidemark-tests',
      bootstrapBrokers: (cluster.secure[listener] ?? '').split(','),
      retries: 0,
      ...(sasl === undefined ? {} : { sasl }),
      ...(listener.endsWith('SSL') ? { tls } : {}),
    })
    return client.listTopics().finally(() => client.close())
  }
  for (const [listener, sasl] of cases) assert.deepEqual(await topicsBy(listener, sasl), [])
  await assert.rejects(
    connectTo(cluster.secure.SASL_SSL ?? '', { tls, sasl: { ...plain, password: 'wrong' } }),
    ({ cause }: Error) => cause instanceof AuthenticationError,
  )
})

/**
 * One connection of the library's, and no client around it: that listens for one error of a connection alone, and a
 * broker that refuses a user may reset it too, which without a listener ends the process.
 */
async function connectTo(server: string, security: ConnectionOptions): Promise<void> {
  const { hostname, port } = new URL(`kafka://${server}`)
  const connection = new Connection('tidemark-tests', security)
  connection.on('error', () => undefined)
  try {
    await connection.connect(hostname, Number(port))
  } finally {
    await connection.close()
  }
}

/** RFC 7515, `alg: none`. */
function unsecuredToken(sub: string): string {
  const now = Math.floor(Date.now() / 1000)
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'none' })}.${part({ sub, iat: now, exp: now + 3_600 })}.`
}

kafkaTest('a broker ends with its process, even one that is killed', async () => {
  const module = new URL('../../tools/kafka/start-kafka.ts', import.meta.url).href
  const program = `
    import { startKafka } from ${JSON.stringify(module)}
    const kafka = await startKafka()
    kafka.brokers[0].pause()
    console.log(JSON.stringify(kafka.brokers[0].pid))
    setInterval(() => undefined, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  const pid = Number(line)
  assert.ok(isAlive(pid))
  const folder = (await brokerFolder(pid)) ?? ''
  assert.ok(existsSync(folder))
  child.kill('SIGKILL')
  await until('the broker is gone', waitMs, async () => (isAlive(pid) ? undefined : true))
  await until('its folder is gone', waitMs, async () => (existsSync(folder) ? undefined : true))
})

function pidOf({ pid }: KafkaBroker): number {
  assert.ok(pid !== undefined)
  return pid
}

async function brokerFolder(pid: number): Promise<string | undefined> {
  const { stdout } = await run('ps', ['-o', 'args=', '-p', String(pid)])
  return / (\/\S+)\/broker-1\/server\.properties/.exec(stdout)?.[1]
}
