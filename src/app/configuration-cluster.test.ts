import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { inspect } from 'node:util'
import { TidemarkError } from '../core/errors.ts'
import { loadConfiguration, type ConfigurationInput } from './configuration.ts'
import { withoutCredentials } from './secret.ts'
import { environmentOf, flagOf, settingPaths } from './settings.ts'

let directory: string
const addresses = {
  KAFKA_BOOTSTRAP_SERVERS: 'one:9092,two:9092',
  SCHEMA_REGISTRY_URL: 'http://registry:8081',
  CLICKHOUSE_URL: 'http://clickhouse:8123',
}

before(() => {
  directory = mkdtempSync(join(tmpdir(), 'tidemark-configuration-'))
  writeFileSync(
    join(directory, 'tidemark.cluster.yaml'),
    `applicationId: learning
kafka:
  bootstrapServers: [broker:9092]
  clientRack: a
  saslMechanism: SCRAM-SHA-512
  saslUsername: tidemark
registry: { url: 'https://one:8081,https://two:8081', username: reader, password: hidden-1 }
clickhouse:
  url: http://clickhouse:8123
  replicated: true
`,
  )
  writeFileSync(join(directory, 'password'), 'hidden-2\n')
  writeFileSync(
    join(directory, 'tidemark.wrong.yaml'),
    'kafka:\n  bootstrapServer: x\nregistry: 5\nclickhouse: { password: 1234 }\nkafkaa: 1\n',
  )
})

after(() => {
  rmSync(directory, { recursive: true })
})

function load(input: Partial<ConfigurationInput>) {
  return loadConfiguration({ flags: {}, environment: {}, directory, ...input })
}

function faultsOf(input: Partial<ConfigurationInput>): string {
  try {
    load(input)
  } catch (thrown) {
    assert.ok(thrown instanceof TidemarkError)
    assert.equal(thrown.code, 'CONFIGURATION_INVALID')
    return thrown.message
  }
  return assert.fail('nothing was refused')
}

test('three addresses in the environment are a cluster', () => {
  const { cluster, doors, sink } = load({ environment: addresses })
  assert.deepEqual(cluster?.kafka.bootstrapServers, ['one:9092', 'two:9092'])
  assert.deepEqual(cluster.registry.urls, ['http://registry:8081'])
  assert.equal(cluster.clickhouse.url, 'http://clickhouse:8123')
  assert.equal(cluster.applicationId, 'tidemark')
  assert.equal(cluster.groupInstanceId, null)
  assert.deepEqual(doors, ['console', 'ingest'])
  assert.deepEqual([sink.rowsMin, sink.rowsMax, sink.ageMaxMs], [10_000, 100_000, 1_000])
})

test('without brokers the profile is the embedded one, with all doors', () => {
  const { cluster, doors, sink } = load({ environment: { CLICKHOUSE_URL: 'http://other:8123' } })
  assert.equal(cluster, null)
  assert.deepEqual(doors, ['console', 'registry', 'ingest', 'clickhouse'])
  assert.equal(sink.ageMaxMs, 200)
})

test('one bound of an insert moves the other, and two that contradict each other are refused', () => {
  const small = load({ environment: addresses, flags: { 'sink.rowsMax': '500' } })
  assert.deepEqual([small.sink.rowsMin, small.sink.rowsMax], [500, 500])
  const large = load({ environment: addresses, flags: { 'sink.rowsMin': '200000' } })
  assert.deepEqual([large.sink.rowsMin, large.sink.rowsMax], [200_000, 200_000])
  const message = faultsOf({ flags: { 'sink.rowsMin': '2', 'sink.rowsMax': '1' } })
  assert.match(message, /flag --sink-rows-min: 2 is above sink\.rowsMax, 1/)
})

test('what says something of a cluster only is refused without brokers', () => {
  const message = faultsOf({
    flags: { standbyReplicas: '1' },
    environment: { TIDEMARK_REGISTRY_URL: 'http://registry:8081' },
  })
  assert.match(message, /flag --standby-replicas: says nothing without kafka\.bootstrapServers/)
  assert.match(message, /TIDEMARK_REGISTRY_URL: says nothing without kafka\.bootstrapServers/)
})

test('tasks in the main thread are refused on a cluster: a long one would starve its heartbeats', () => {
  const message = faultsOf({ flags: { workers: '0' }, environment: addresses })
  assert.match(
    message,
    /^the configuration has 1 fault:\n {2}flag --workers: 0 is for .* set 1 or more$/,
  )
  assert.equal(load({ flags: { workers: '0' } }).workers, 0)
})

test('the ordinal of a host is the name of a static member, and a host without one is refused', () => {
  const environment = { ...addresses, TIDEMARK_STATIC_MEMBERSHIP: 'true' }
  const named = load({ environment, hostName: 'tidemark-3' })
  assert.equal(named.cluster?.groupInstanceId, 'tidemark-3')
  const own = { ...environment, TIDEMARK_GROUP_INSTANCE_ID: 'mine' }
  assert.equal(load({ environment: own, hostName: 'laptop' }).cluster?.groupInstanceId, 'mine')
  const message = faultsOf({ environment, hostName: 'laptop' })
  assert.match(message, /staticMembership: the host is called "laptop", .* set groupInstanceId/)
  const dynamic = load({ environment: addresses, hostName: 'tidemark-3' })
  assert.equal(dynamic.cluster?.groupInstanceId, null)
})

test('brokers without a registry and ClickHouse are refused, both at once', () => {
  const message = faultsOf({ flags: { 'kafka.bootstrapServers': 'one:9092' } })
  assert.match(message, /registry\.url: missing/)
  assert.match(message, /clickhouse\.url: missing/)
})

test('every fault of a cluster is told at once, and what is wrong is not missing, too', () => {
  const message = faultsOf({
    environment: {
      KAFKA_BOOTSTRAP_SERVERS: 'one',
      SCHEMA_REGISTRY_URL: 'registry:8081',
      CLICKHOUSE_URL: 'ftp://clickhouse',
      TIDEMARK_KAFKA_SASL_MECHANISM: 'SCRAM',
      TIDEMARK_KAFKA_SASL_USERNAME: 'me',
      TIDEMARK_KAFKA_TLS_CA_FILE: join(directory, 'absent'),
      TIDEMARK_REGISTRY_TLS_CA_FILE: join(directory, 'password'),
      TIDEMARK_REGISTRY_USERNAME: 'me',
      TIDEMARK_REGISTRY_TOKEN: 'x',
    },
  })
  const lines = message.split('\n').slice(1).sort()
  assert.deepEqual(
    lines.map((line) => line.trim().replace(/: .*/, '')),
    [
      'environment CLICKHOUSE_URL',
      'environment KAFKA_BOOTSTRAP_SERVERS',
      'environment SCHEMA_REGISTRY_URL',
      'environment TIDEMARK_KAFKA_SASL_MECHANISM',
      'environment TIDEMARK_KAFKA_TLS_CA_FILE',
      'environment TIDEMARK_REGISTRY_TLS_CA_FILE',
      'environment TIDEMARK_REGISTRY_TOKEN',
    ],
    message,
  )
  assert.match(message, /REGISTRY_TLS_CA_FILE: is not PEM/)
})

test('nested keys of a file, an own variable above them, and a password from a file', () => {
  const { cluster } = load({
    environmentName: 'cluster',
    environment: {
      TIDEMARK_KAFKA_CLIENT_RACK: 'b',
      TIDEMARK_KAFKA_SASL_PASSWORD_FILE: join(directory, 'password'),
    },
  })
  assert.equal(cluster?.applicationId, 'learning')
  assert.equal(cluster.kafka.clientRack, 'b')
  assert.deepEqual(cluster.registry.urls, ['https://one:8081', 'https://two:8081'])
  assert.equal(cluster.clickhouse.replicated, true)
  const { sasl } = cluster.kafka
  assert.ok(sasl?.mechanism === 'SCRAM-SHA-512')
  assert.equal(sasl.password.reveal(), 'hidden-2')
})

test('a configuration that is printed shows no secret', () => {
  const configuration = load({
    environmentName: 'cluster',
    environment: { TIDEMARK_KAFKA_SASL_PASSWORD: 'hidden-3' },
  })
  for (const printed of [JSON.stringify(configuration), inspect(configuration, { depth: 9 })]) {
    assert.doesNotMatch(printed, /hidden/)
    assert.match(printed, /\(secret\)/)
  }
  assert.equal(withoutCredentials('https://me:hidden@host:1/'), 'https://host:1/')
})

test('every fault of a file is told at once, and none quotes a secret', () => {
  const message = faultsOf({ environmentName: 'wrong', environment: addresses })
  assert.match(message, /kafka\.bootstrapServer: unknown; did you mean kafka\.bootstrapServers\?/)
  assert.match(message, /registry: expected keys under it/)
  assert.match(message, /clickhouse\.password: expected text that is not empty/)
  assert.match(message, /kafkaa: unknown/)
  assert.doesNotMatch(message, /1234/)
})

test('credentials that do not add up are refused', () => {
  const message = faultsOf({
    environment: {
      ...addresses,
      TIDEMARK_KAFKA_SASL_USERNAME: 'me',
      TIDEMARK_KAFKA_TLS_CERT_FILE: join(directory, 'password'),
      TIDEMARK_REGISTRY_USERNAME: 'me',
      TIDEMARK_CLICKHOUSE_PASSWORD: 'x',
      TIDEMARK_CLICKHOUSE_PASSWORD_FILE: join(directory, 'absent'),
    },
  })
  assert.match(message, /saslMechanism: missing/)
  assert.match(message, /TIDEMARK_KAFKA_TLS_CERT_FILE: a certificate needs its key/)
  assert.match(message, /registry\.password: missing/)
  assert.match(message, /TIDEMARK_CLICKHOUSE_PASSWORD_FILE: cannot be read/)
})

test('one rule gives the names of a setting, and no two settings share one', () => {
  assert.equal(flagOf('kafka.tlsCaFile'), 'kafka-tls-ca-file')
  assert.equal(environmentOf('kafka.tlsCaFile'), 'TIDEMARK_KAFKA_TLS_CA_FILE')
  assert.equal(new Set(settingPaths.map(flagOf)).size, settingPaths.length)
})
