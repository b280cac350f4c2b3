import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfiguration } from './configuration.ts'

test('how far ClickHouse may be behind is set in both profiles', () => {
  const sinkWith = (environment: Record<string, string>) =>
    loadConfiguration({ flags: {}, environment, directory: import.meta.dirname }).sink
  const servers = {
    KAFKA_BOOTSTRAP_SERVERS: 'localhost:9092',
    SCHEMA_REGISTRY_URL: 'http://localhost:8081',
    CLICKHOUSE_URL: 'http://localhost:8123',
  }
  for (const profile of [{}, servers]) {
    assert.equal(sinkWith(profile).lagMax, 500_000)
    assert.equal(sinkWith({ ...profile, TIDEMARK_SINK_LAG_MAX: '7' }).lagMax, 7)
    assert.throws(() => sinkWith({ ...profile, TIDEMARK_SINK_LAG_MAX: '0' }), /SINK_LAG_MAX/)
  }
})
