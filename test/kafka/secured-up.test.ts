/** `tidemark up` where every server asks who comes: Kafka for a certificate and a user, the registry and ClickHouse for
 * users of their own. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { text } from 'node:stream/consumers'
import { present } from '../../src/core/assert.ts'
import { openRegistryDoor } from '../../src/schema/registry-door.test-support.ts'
import type { InstanceStatus } from '../../src/server/console/instance-status.ts'
import type { Certificates } from '../../tools/kafka/security.ts'
import { ClickHouseProcess } from '../clickhouse/support/clickhouse-process.ts'
import { clicksTopology } from '../integration/support/clicks-topology.ts'
import { InstanceProcess } from '../integration/support/instance-process.ts'
import { until } from '../integration/support/until.ts'
import { clusterForTests, type TestCluster } from './support/kafka-for-tests.ts'
import { freePortOffset } from '../integration/support/free-port-offset.ts'

const overrides = { 'listener.name.sasl_ssl.ssl.client.auth': 'required' }

/** Of what a PKCS 12 store holds, as PEM. */
function pemOf(store: Buffer, password: string, part: '-nokeys' | '-nocerts'): string {
  const words = ['pkcs12', '-nodes', part, '-passin', `pass:${password}`]
  const { status, stdout, stderr } = spawnSync('openssl', words, { input: store })
  assert.equal(status, 0, `openssl ${words.slice(0, 3).join(' ')}: ${String(stderr)}`)
  return String(stdout)
}

/** A registry behind HTTPS, which asks for a user. */
async function secureRegistry(
  t: TestContext,
  { serverStore, storePassword }: Certificates,
  authorization: string,
): Promise<{ url: string; requests: readonly string[] }> {
  const registry = await openRegistryDoor()
  registry.authorization = authorization
  const server = createServer({ pfx: serverStore, passphrase: storePassword })
  server.on('request', (request, response) => {
    const forward = async () => {
      const { method = 'GET', url = '/', headers } = request
      const body = method === 'GET' ? null : await text(request)
      const passed = new Headers()
      for (const name of ['authorization', 'content-type', 'accept'] as const) {
        const value = headers[name]
        if (value !== undefined) passed.set(name, value)
      }
      const answer = await fetch(new URL(url, registry.url), { method, headers: passed, body })
      response.writeHead(answer.status, Object.fromEntries(answer.headers))
      response.end(await answer.text())
    }
    void forward().catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(async () => {
    server.closeAllConnections()
    server.close()
    await registry.stop()
  })
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    requests: registry.requests,
  }
}

async function securedEnvironment(
  kafka: TestCluster,
  certificates: Certificates,
  directory: string,
): Promise<Record<string, string>> {
  const { authority, clientStore, storePassword } = certificates
  const files = {
    authority,
    certificate: pemOf(clientStore, storePassword, '-nokeys'),
    key: pemOf(clientStore, storePassword, '-nocerts'),
    password: kafka.user.password,
  }
  for (const [name, content] of Object.entries(files))
    await writeFile(join(directory, name), content)
  return {
    KAFKA_BOOTSTRAP_SERVERS: present(kafka.secure.SASL_SSL, 'the listener'),
    TIDEMARK_KAFKA_TLS_CA_FILE: join(directory, 'authority'),
    TIDEMARK_KAFKA_TLS_CERT_FILE: join(directory, 'certificate'),
    TIDEMARK_KAFKA_TLS_KEY_FILE: join(directory, 'key'),
    TIDEMARK_KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512',
    TIDEMARK_KAFKA_SASL_USERNAME: kafka.user.name,
    TIDEMARK_KAFKA_SASL_PASSWORD_FILE: join(directory, 'password'),
  }
}

void test('an instance processes on servers that all ask for credentials, and not without its certificate', async (t) => {
  const kafka = await clusterForTests(t, { security: ['SASL_SSL'], overrides })
  if (kafka === undefined) return
  const certificates = present(kafka.certificates, 'certificates')
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-secured-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const basic = `Basic ${Buffer.from('schemas:registry-secret').toString('base64')}`
  const registry = await secureRegistry(t, certificates, basic)
  const clickhouse = await ClickHouseProcess.start(['writer', 'clickhouse-secret'])
  t.after(() => clickhouse.remove())
  const topology = await clicksTopology(join(directory, 'clicks.ts'), 'click-counts')
  const environment = {
    ...(await securedEnvironment(kafka, certificates, directory)),
    SCHEMA_REGISTRY_URL: registry.url,
    TIDEMARK_REGISTRY_USERNAME: 'schemas',
    TIDEMARK_REGISTRY_PASSWORD: 'registry-secret',
    TIDEMARK_REGISTRY_TLS_CA_FILE: join(directory, 'authority'),
    CLICKHOUSE_URL: clickhouse.url,
    TIDEMARK_CLICKHOUSE_USERNAME: 'writer',
    TIDEMARK_CLICKHOUSE_PASSWORD: 'clickhouse-secret',
  }
  const start = async (name: string, without: readonly string[] = []) => {
    const kept = Object.entries(environment).filter(([each]) => !without.includes(each))
    const instance = new InstanceProcess({
      dataDir: join(directory, name),
      portOffset: await freePortOffset(),
      words: ['--topologies', topology, '--doors', 'console,ingest', '--start-retry-max-ms', '0'],
      environment: Object.fromEntries(kept),
    })
    t.after(() => instance.end('SIGKILL'))
    return instance
  }

  const instance = await start('one')
  await instance.ready()
  const answer = await fetch(instance.url('ingest', '/topics/clicks'), {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.kafka.json.v2+json' },
    body: JSON.stringify({ records: [{ value: { user: 'a' } }, { value: { user: 'b' } }] }),
  })
  assert.equal(answer.status, 200, await answer.text())
  await instance.idle()
  await until('both are counted', async () => {
    const status = await fetch(instance.url('console', '/api/status'))
    const { topologies } = (await status.json()) as InstanceStatus
    return topologies[0]?.processed === 2 ? true : null
  })
  assert.ok(registry.requests.some((each) => each.startsWith('POST /subjects/clicks-value')))
  assert.equal((await instance.end('SIGTERM')).code, 0, instance.output)

  const refused = await start('two', [
    'TIDEMARK_KAFKA_TLS_CERT_FILE',
    'TIDEMARK_KAFKA_TLS_KEY_FILE',
  ])
  assert.equal((await refused.exited).code, 1, refused.output)
  assert.match(refused.output, /^KAFKA_REFUSED: .* check kafka\.tls/s)
  assert.doesNotMatch(refused.output, /secret/)
})
