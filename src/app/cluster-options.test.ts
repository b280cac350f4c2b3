import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { systemClock } from '../core/clock.ts'
import type { ClusterConfiguration } from './cluster-configuration.ts'
import { clickHouseOptions, kafkaOptions, registryOptions } from './cluster-options.ts'
import { loadConfiguration } from './configuration.ts'
import { membershipOf } from './membership.ts'

let directory: string
const pem = (what: string) => `-----BEGIN ${what}-----\n`

before(() => {
  directory = mkdtempSync(join(tmpdir(), 'tidemark-options-'))
  for (const name of ['authority', 'certificate', 'key', 'registry']) {
    writeFileSync(join(directory, name), pem(name))
  }
  writeFileSync(join(directory, 'token'), 'token-1\n')
})

after(() => rmSync(directory, { recursive: true }))

function configurationOf(settings: Readonly<Record<string, string>>) {
  const environment = {
    KAFKA_BOOTSTRAP_SERVERS: 'broker:9092',
    SCHEMA_REGISTRY_URL: 'https://registry:8081',
    CLICKHOUSE_URL: 'https://clickhouse:8443',
  }
  const own = Object.entries(settings).map(([name, value]) => [`TIDEMARK_${name}`, value])
  const configuration = loadConfiguration({
    flags: {},
    directory,
    environment: { ...environment, ...(Object.fromEntries(own) as Record<string, string>) },
  })
  assert.ok(configuration.cluster !== null)
  return { ...configuration, cluster: configuration.cluster }
}

const clusterOf = (settings: Readonly<Record<string, string>>) => configurationOf(settings).cluster
const kafkaOf = (cluster: ClusterConfiguration) => kafkaOptions(cluster, 'one', systemClock, 1024)

test('certificates, their authority and a user reach Kafka', () => {
  const { security } = kafkaOf(
    clusterOf({
      KAFKA_TLS_CA_FILE: join(directory, 'authority'),
      KAFKA_TLS_CERT_FILE: join(directory, 'certificate'),
      KAFKA_TLS_KEY_FILE: join(directory, 'key'),
      KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512',
      KAFKA_SASL_USERNAME: 'me',
      KAFKA_SASL_PASSWORD: 'hidden',
    }),
  )
  assert.deepEqual(security, {
    tls: { authority: pem('authority'), certificate: pem('certificate'), key: pem('key') },
    sasl: { mechanism: 'SCRAM-SHA-512', username: 'me', password: 'hidden' },
  })
})

test('TLS by the authorities of the machine is TLS, and without any there is none', () => {
  assert.deepEqual(kafkaOf(clusterOf({ KAFKA_TLS: 'true' })).security, { tls: {} })
  assert.deepEqual(kafkaOf(clusterOf({})).security, {})
})

test('a token in a file is read each time that Kafka is given one', async () => {
  const tokenFile = join(directory, 'token')
  const { security } = kafkaOf(
    clusterOf({ KAFKA_SASL_MECHANISM: 'OAUTHBEARER', KAFKA_SASL_TOKEN_FILE: tokenFile }),
  )
  const sasl = security?.sasl
  assert.ok(sasl?.mechanism === 'OAUTHBEARER')
  assert.equal(await sasl.token(), 'token-1')
  writeFileSync(tokenFile, 'token-2\n')
  assert.equal(await sasl.token(), 'token-2')
})

test('what else is set for Kafka reaches it', () => {
  const options = kafkaOf(
    clusterOf({
      APPLICATION_ID: 'learning',
      KAFKA_CLIENT_RACK: 'east',
      KAFKA_REPLICATION_FACTOR: '3',
      KAFKA_COMPRESSION: 'zstd',
      KAFKA_SESSION_TIMEOUT_MS: '2000',
      KAFKA_GUARANTEE: 'at-least-once',
      KAFKA_TRANSACTION_TIMEOUT_MS: '7000',
      KAFKA_TRANSACTION_PROTOCOL_MAX: '1',
    }),
  )
  const { rack, replicationFactor, compression, group, transactions } = options
  assert.deepEqual(
    { rack, replicationFactor, compression, group },
    {
      rack: 'east',
      replicationFactor: 3,
      compression: 'zstd',
      group: { sessionTimeoutMs: 2000, heartbeatIntervalMs: 200 },
    },
  )
  assert.equal(options.clientId, 'learning-one')
  assert.deepEqual(
    [transactions?.guarantee, transactions?.timeoutMs, transactions?.protocolMax],
    ['at-least-once', 7000, 1],
  )
})

test('the rack and the ordinal of an instance reach its group', () => {
  const { cluster, ...configuration } = configurationOf({ KAFKA_CLIENT_RACK: 'east', WORKERS: '3' })
  const identity = { instanceId: 'one', groupInstanceId: 'tidemark-3' }
  const options = membershipOf({ ...configuration, cluster }, cluster, identity, null)
  const { rack, groupInstanceId, instanceId, capacity } = options
  assert.deepEqual([rack, groupInstanceId, instanceId, capacity], ['east', 'tidemark-3', 'one', 3])
})

test('the registry is told who asks, and is checked against its own authority', () => {
  const basic = clusterOf({
    REGISTRY_USERNAME: 'me',
    REGISTRY_PASSWORD: 'hidden',
    REGISTRY_TLS_CA_FILE: join(directory, 'registry'),
  })
  const options = registryOptions(basic.registry, systemClock)
  assert.deepEqual(options.url, ['https://registry:8081'])
  assert.equal(options.tlsCa, pem('registry'))
  assert.deepEqual(options.authentication, { kind: 'basic', user: 'me', password: 'hidden' })
  const bearer = registryOptions(clusterOf({ REGISTRY_TOKEN: 'hidden' }).registry, systemClock)
  assert.deepEqual(bearer.authentication, { kind: 'bearer', token: 'hidden' })
})

test('ClickHouse is told who asks, and that it is a cluster of replicas', () => {
  const one = clusterOf({
    CLICKHOUSE_USERNAME: 'me',
    CLICKHOUSE_PASSWORD: 'hidden',
    CLICKHOUSE_CLUSTER: '{cluster}',
    CLICKHOUSE_REPLICATED: 'true',
  })
  assert.deepEqual(clickHouseOptions(one.clickhouse), {
    url: 'https://clickhouse:8443',
    username: 'me',
    password: 'hidden',
    cluster: { onCluster: '{cluster}', replicated: true },
    insertQuorum: 'auto',
  })
  assert.deepEqual(clickHouseOptions(clusterOf({}).clickhouse), {
    url: 'https://clickhouse:8443',
    cluster: { onCluster: null, replicated: false },
    insertQuorum: 0,
  })
  const fewer = clusterOf({ CLICKHOUSE_REPLICATED: 'true', CLICKHOUSE_INSERT_QUORUM: '0' })
  assert.equal(fewer.clickhouse.insertQuorum, 0)
})
