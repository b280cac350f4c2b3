/**
 * `npm run bench -- restore`: how fast a store comes back from its changelog, on an empty disk and, after a crash, from the
 * state on the disk and the tail of the changelog, against fetching and decoding the same topic and doing nothing with it.
 */
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pause, systemClock as clock } from '../../src/core/clock.ts'
import { partitionForKey } from '../../src/core/partitioner.ts'
import { partition, storeName } from '../../src/core/record.ts'
import type { Offset, TopicName } from '../../src/core/record.ts'
import { openKafkaLog } from '../../src/log/kafka/open-kafka-log.ts'
import type { KafkaLog } from '../../src/log/kafka/open-kafka-log.ts'
import { changelogTopic } from '../../src/runtime/changelog.ts'
import { createRuntime } from '../../src/runtime/runtime.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import { MemoryBudget } from '../../src/state/memory-budget.ts'
import { openStorage } from '../../src/state/rocksdb-backend.ts'
import type { BenchOptions, Figures } from '../benchmark.ts'
import { BenchBroker } from './broker.ts'
import { ratio } from './figures.ts'
import { keepRows, rowsTopic } from './restore-topology.ts'
import { textCodec } from './text-codecs.ts'

const keyCounts = [100_000, 1_000_000, 5_000_000]
const partitionCount = 4
/** What is in the changelog and not on the disk when the process crashes. */
const tailShare = 0.1
const valueBytes = 100
const rowsPerAppend = 20_000
const mebibyte = 1024 * 1024
const fetchBytesMax = 8 * mebibyte
const fetchPartitionBytesMax = 2 * mebibyte
const pollMs = 2

/** @param options.size the most keys; smaller counts of the list are measured too */
export async function runRestore({ size, log: say }: BenchOptions): Promise<Figures> {
  const broker = await BenchBroker.start()
  const counts = keyCounts.filter((keys) => keys <= size)
  const figures: Record<string, number> = {}
  try {
    for (const keys of counts.length > 0 ? counts : [size]) {
      const found = await measure(broker, keys)
      for (const [figure, value] of Object.entries(found)) figures[`${figure}_${keys}_keys`] = value
      say(`${keys} keys: ${JSON.stringify(found)}`)
    }
    return figures
  } finally {
    await broker.close()
  }
}

async function measure(broker: BenchBroker, keys: number): Promise<Record<string, number>> {
  const name = `restore-${keys}`
  const topic = rowsTopic(`${name}-input`)
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-bench-restore-'))
  const before = join(folder, 'before')
  const whole = join(folder, 'whole')
  const kafka = await openKafkaLog({
    bootstrapServers: broker.bootstrapServers.split(','),
    clientId: name,
    clock,
    replicationFactor: 1,
  })
  try {
    await broker.createTopics(partitionCount, 'CreateTime', topic.name)
    const crashAt = Math.floor(keys * (1 - tailShare))
    await appendRows(kafka, topic.name, 0, crashAt)
    await withApp(kafka, name, topic.name, whole, async (app) => {
      await app.whenIdle()
      // Of an open database that nobody writes to now: what a kill at this moment would leave, its log not yet applied.
      await cp(whole, before, { recursive: true })
    })
    await appendRows(kafka, topic.name, crashAt, keys)
    await withApp(kafka, name, topic.name, whole, (app) => app.whenIdle())
    const changelog = changelogTopic(name, storeName('rows'))
    const fetched = await fetchAll(kafka, changelog)
    const empty = await restore(kafka, name, topic.name, join(folder, 'empty'))
    const tail = await restore(kafka, name, topic.name, before)
    const again = await fetchAll(kafka, changelog)
    const bytesPerRecord = fetched.bytes / fetched.records
    const fetchPerSecond = (fetched.perSecond + again.perSecond) / 2
    return {
      records: empty.records,
      records_per_second: Math.round(empty.perSecond),
      megabytes_per_second: Number(((empty.perSecond * bytesPerRecord) / 1e6).toFixed(1)),
      fetch_records_per_second: Math.round(fetchPerSecond),
      ratio_to_fetch: ratio(empty.perSecond, fetchPerSecond),
      restore_seconds: Number(empty.seconds.toFixed(3)),
      after_crash_records: tail.records,
      after_crash_seconds: Number(tail.seconds.toFixed(3)),
      after_crash_records_per_second: Math.round(tail.perSecond),
      after_crash_megabytes_per_second: Number(
        ((tail.perSecond * bytesPerRecord) / 1e6).toFixed(1),
      ),
      after_crash_open_seconds: Number(tail.openSeconds.toFixed(3)),
    }
  } finally {
    await kafka.close()
    await broker.deleteTopics(name)
    await rm(folder, { recursive: true, force: true })
  }
}

async function appendRows(log: KafkaLog, topic: TopicName, from: number, to: number) {
  const filler = 'x'.repeat(valueBytes)
  for (let start = from; start < to; start += rowsPerAppend) {
    const end = Math.min(to, start + rowsPerAppend)
    const rows = Array.from({ length: end - start }, (_, index) => ({
      key: Buffer.from(`row-${start + index}`),
      value: Buffer.from(`${start + index} ${filler}`.slice(0, valueBytes)),
      timestampMs: start + index,
    }))
    const byPartition = Map.groupBy(rows, ({ key }) => partitionForKey(key, partitionCount))
    await log.append(
      [...byPartition].map(([at, records]) => ({ topic, partition: partition(at), records })),
    )
  }
}

async function withApp<R>(
  log: KafkaLog,
  name: string,
  topic: TopicName,
  directory: string,
  use: (app: Runtime, openSeconds: number) => Promise<R>,
): Promise<R> {
  const openedAtMs = clock.nowMs()
  const storage = await openStorage({
    directory,
    clock,
    durability: 'process-crash',
    memoryBudgetBytes: 256 * mebibyte,
  })
  const openSeconds = (clock.nowMs() - openedAtMs) / 1000
  const app = createRuntime({
    topologies: [keepRows(name, rowsTopic(topic))],
    log,
    state: storage.state,
    budget: new MemoryBudget(128 * mebibyte),
    codecs: () => textCodec,
    clock,
  })
  try {
    await app.start()
    return await use(app, openSeconds)
  } finally {
    await app.stop()
    await storage.close()
  }
}

/** From the start of the tasks to the moment at which all run; joining the group comes before. */
function restore(log: KafkaLog, name: string, topic: TopicName, directory: string) {
  return withApp(log, name, topic, directory, async (app, openSeconds) => {
    let startMs: number | null = null
    for (;;) {
      const { tasks, restoring, restored } = app.status()
      if (startMs === null && (tasks.length > 0 || restoring.length > 0)) startMs = clock.nowMs()
      if (
        startMs !== null &&
        tasks.filter(({ state }) => state === 'RUNNING').length === partitionCount
      ) {
        const seconds = Math.max(1, clock.nowMs() - startMs) / 1000
        const records = restored.reduce((sum, store) => sum + store.restored, 0)
        return { records, seconds, openSeconds, perSecond: records / seconds }
      }
      await pause(clock, pollMs)
    }
  })
}

async function fetchAll(log: KafkaLog, topic: TopicName) {
  const partitions = Array.from({ length: partitionCount }, (_, at) => ({
    topic,
    partition: partition(at),
    offset: 0 as Offset,
  }))
  const startMs = clock.nowMs()
  let records = 0
  let bytes = 0
  for (let open = partitions; open.length > 0;) {
    const fetched = await log.fetch({
      partitions: open,
      bytesMax: fetchBytesMax,
      bytesPerPartitionMax: fetchPartitionBytesMax,
      waitMaxMs: 0,
      isolation: 'read_committed',
    })
    for (const found of fetched) {
      records += found.records.length
      for (const { key, value } of found.records) bytes += (key?.length ?? 0) + (value?.length ?? 0)
      const at = open.find((each) => each.partition === found.partition)
      if (at !== undefined) at.offset = found.nextOffset
    }
    const ends = new Map(fetched.map((found) => [found.partition, found.lastStableOffset]))
    open = open.filter((each) => each.offset < (ends.get(each.partition) ?? Infinity))
  }
  const seconds = Math.max(1, clock.nowMs() - startMs) / 1000
  return { records, bytes, perSecond: records / seconds }
}
