import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfiguration } from './configuration.ts'
import { explain } from './explain.ts'

function serversOf(environment: Readonly<Record<string, string>>): readonly string[] {
  const configuration = loadConfiguration({
    flags: {},
    environment: {
      KAFKA_BOOTSTRAP_SERVERS: 'one:9092',
      SCHEMA_REGISTRY_URL: 'http://registry:8081',
      CLICKHOUSE_URL: 'http://clickhouse:8123',
      ...environment,
    },
    directory: import.meta.dirname,
  })
  const { items } = explain(configuration, [])
  return items.flatMap(({ what, name, detail }) => (what === 'server' ? [`${name} ${detail}`] : []))
}

test('how each server is spoken to is told, and no secret', () => {
  const plain = serversOf({})
  assert.deepEqual(plain, [
    'one:9092 Kafka, plain text, no SASL',
    'http://registry:8081 schema registry, no authentication',
    'http://clickhouse:8123 ClickHouse, user default, inserts of 10000 to 100000 rows, or what came within 1000 ms',
  ])
  const secured = serversOf({
    TIDEMARK_KAFKA_TLS: 'true',
    TIDEMARK_KAFKA_SASL_MECHANISM: 'PLAIN',
    TIDEMARK_KAFKA_SASL_USERNAME: 'me',
    TIDEMARK_KAFKA_SASL_PASSWORD: 'hidden',
    SCHEMA_REGISTRY_URL: 'http://reader:hidden@registry:8081',
    CLICKHOUSE_URL: 'http://writer:hidden@clickhouse:8123',
    TIDEMARK_CLICKHOUSE_REPLICATED: 'true',
  })
  assert.match(secured[0] ?? '', /Kafka, TLS, PLAIN$/)
  assert.equal(secured[1], 'http://registry:8081/ schema registry, basic authentication')
  assert.match(secured[2] ?? '', /ClickHouse, user writer, replicated engines, inserts/)
  assert.doesNotMatch(secured.join(), /hidden/)
  const byToken = serversOf({ TIDEMARK_REGISTRY_TOKEN: 'hidden' })
  assert.equal(byToken[1], 'http://registry:8081 schema registry, bearer authentication')
})
