/** Old runs go, on a real engine and log: from the table, from the topic, and once. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { migrationsDirectory } from '../../app/migrations-directory.ts'
import { ManualClock } from '../../core/clock.ts'
import { offset, partition } from '../../core/record.ts'
import { MemoryStorage } from '../../log/memory/memory-storage.ts'
import { StoredLog } from '../../log/stored-log.ts'
import { openAvroCodec } from '../../schema/avro-codec.ts'
import { LocalSchemaRegistry } from '../../schema/local-schema-registry.ts'
import { MemoryRegistryStorage } from '../../schema/registry-storage.ts'
import { ClickHouseSink } from '../../sinks/clickhouse/clickhouse-sink.ts'
import { ask } from '../../sinks/clickhouse/run-statement.ts'
import {
  temporaryClickHouse,
  type TemporaryClickHouse,
} from '../../sinks/clickhouse/temporary-clickhouse.test-support.ts'
import { RunRecorder } from './run-recorder.ts'
import { runsFact, type RunEntry } from './runs-fact.ts'
import { runsTrimJob } from './trim-job.ts'

const dayMs = 24 * 60 * 60_000
const { topic } = runsFact

let temporary: TemporaryClickHouse
before(async () => {
  temporary = await temporaryClickHouse()
})
after(() => temporary.remove())

test('runs that ended before the days that are kept go, those that run stay, and so do younger ones', async () => {
  const clock = new ManualClock(Date.UTC(2026, 0, 1))
  const { clickhouse } = temporary
  const sink = new ClickHouseSink({ clickhouse, clock, migrationsDirectory })
  await sink.setup()
  const log = await StoredLog.open(new MemoryStorage(), { clock })
  const { name, cleanupPolicy, retentionMs } = topic
  await log.createTopics([{ name, partitionCount: 1, cleanupPolicy, retentionMs }])
  const codec = await openAvroCodec<RunEntry>({
    topic: name,
    schema: topic.schema,
    registry: await LocalSchemaRegistry.open(new MemoryRegistryStorage()),
  })
  const recorder = new RunRecorder({ log, sink, clock, codec, epoch: 1, instance: 'a' })
  const ended = async () => {
    const run = await recorder.begin('tidy', {})
    await recorder.end(run, { state: 'succeeded', result: {} })
    return run
  }
  const trim = async (retentionDays: number) => {
    const job = runsTrimJob({ clickhouse, recorder, clock, retentionDays, batchRuns: 2 })
    const { signal } = new AbortController()
    return (await job.run(null, { signal, onProgress: () => {} })).runs
  }
  const kept = async () =>
    (await ask<{ run_id: string }>(clickhouse, 'SELECT run_id FROM tidemark.runs')).map(
      ({ run_id }) => run_id,
    )

  const old: string[] = []
  for (let count = 0; count < 5; count += 1) old.push(await ended())
  const running = await recorder.begin('tidy', {})
  clock.advance(10 * dayMs)
  const young = await ended()
  assert.equal(await trim(10), 0)
  clock.advance(1)
  assert.equal(await trim(0), 0)
  assert.equal(await trim(10), 5)
  assert.deepEqual((await kept()).toSorted(), [running, young].toSorted())
  assert.equal(await trim(10), 0)

  const [described] = await log.describeTopics([name])
  const end = described?.partitions[0]?.lastStableOffset ?? 0
  const tombstones: string[] = []
  for (let next = 0; next < end;) {
    const [fetched] = await log.fetch({
      partitions: [{ topic: name, partition: partition(0), offset: offset(next) }],
      bytesMax: 16 * 1024 * 1024,
      bytesPerPartitionMax: 16 * 1024 * 1024,
      waitMaxMs: 0,
      isolation: 'read_committed',
    })
    for (const { key, value } of fetched?.records ?? []) {
      if (key !== null && value === null) tombstones.push(topic.keySerde.deserialize(key)[0])
    }
    next = fetched?.nextOffset ?? end
  }
  assert.deepEqual(tombstones.toSorted(), old.toSorted())
  // The one that runs is told as interrupted by the instance that comes after.
  const again = new RunRecorder({ log, sink, clock, codec, epoch: 1, instance: 'a' })
  assert.equal(await again.tellInterrupted(), 1)
  await sink.close()
})
