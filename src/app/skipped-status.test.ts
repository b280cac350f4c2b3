import assert from 'node:assert/strict'
import { test } from 'node:test'
import { offset, partition, topicName } from '../core/record.ts'
import type { InstanceStatus } from '../server/console/instance-status.ts'
import { consoleApp } from '../server/console/console-app.ts'
import { skippedStatus } from './skipped-status.ts'

const at = { topic: topicName('answers'), partition: partition(3) }
const skip = (from: number, to: number, atMs: number) => ({
  ...at,
  offsets: to - from,
  from: offset(from),
  to: offset(to),
  atMs,
})

test('skips of one partition are summed for each reader, and the last one is told', () => {
  const skips = skippedStatus([
    { group: 'scores', skips: [skip(5, 9, 20)] },
    { group: 'scores', skips: [skip(0, 2, 10)] },
    { group: 'scores-clickhouse', skips: [skip(0, 2, 10)] },
  ])
  assert.deepEqual(skips, [
    { group: 'scores', ...skip(5, 9, 20), offsets: 6 },
    { group: 'scores-clickhouse', ...skip(0, 2, 10) },
  ])
})

test('the metrics count skips by group, topic and partition', async () => {
  const skips = skippedStatus([{ group: 'scores', skips: [skip(5, 9, 20)] }])
  const status: InstanceStatus = {
    version: '1',
    profile: 'embedded',
    state: 'running',
    isReady: true,
    startedAtMs: 0,
    dataDir: '',
    urls: { console: '', registry: '', ingest: '', clickhouse: '' },
    member: null,
    topologies: [],
    tasks: [],
    standbys: [],
    restoring: [],
    restored: [],
    ingest: [],
    skips,
    sinkLag: 0,
    quarantined: 0,
    refused: 0,
    residentBytes: 0,
    alerts: { firing: [], channels: [] },
    quality: null,
    trouble: null,
  }
  const app = consoleApp({
    status: () => status,
    describe: () => null,
    whenIdle: () => Promise.resolve(true),
    redrive: () => Promise.resolve({ redriven: [], refused: [] }),
    replays: () => Promise.resolve([]),
  })
  const text = await (await app.request('/metrics')).text()
  assert.match(
    text,
    /^tidemark_offsets_skipped_total\{group="scores",topic="answers",partition="3"\} 4$/m,
  )
})
