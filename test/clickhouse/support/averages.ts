/** A fact table of a test's own, its topic in a log in memory, and what the table must hold in the end. */
import assert from 'node:assert/strict'
import { systemClock } from '../../../src/core/clock.ts'
import type { FactTable } from '../../../src/core/fact-table.ts'
import { partitionForKey } from '../../../src/core/partitioner.ts'
import { offset, topicName, type Offset, type TopicName } from '../../../src/core/record.ts'
import { tupleSerde } from '../../../src/core/tuple.ts'
import type { Log } from '../../../src/log/log.ts'
import { MemoryStorage } from '../../../src/log/memory/memory-storage.ts'
import { StoredLog } from '../../../src/log/stored-log.ts'
import type { ClickHouse } from '../../../src/sinks/clickhouse/clickhouse.ts'
import { factTableDdl } from '../../../src/sinks/clickhouse/fact-table-ddl.ts'
import type { FactSource } from '../../../src/sinks/fact-rows.ts'

export const table = { database: 'exams', table: 'averages' }
export const topic = topicName('exams.averages')
const keySerde = tupleSerde<readonly [string]>()
const fact: FactTable<readonly [string], Record<string, unknown>> = {
  ...table,
  keyColumns: ['student_id'],
  topic: { name: topic, keySerde, schema: {}, cleanupPolicy: 'compact', retentionMs: null },
}
/** Under another topic's name, on a log that others use too. */
export function sourceOf(name: TopicName): FactSource {
  return { ...source, fact: { ...fact, topic: { ...fact.topic, name } } }
}

export const source: FactSource = {
  fact,
  codec: {
    decode: (bytes) => JSON.parse(bytes.toString()) as Record<string, unknown>,
    prepare: () => Promise.resolve(),
  },
}

export const ddl = factTableDdl({
  table,
  columns: [
    { name: 'student_id', type: 'String' },
    { name: 'average', type: 'Nullable(Float64)' },
  ],
  keyColumns: ['student_id'],
})

export async function makeTable(clickhouse: ClickHouse): Promise<void> {
  for (const query of ddl) await clickhouse.writer.command({ query })
}

export async function openLog(partitionCount: number): Promise<StoredLog> {
  const log = await StoredLog.open(new MemoryStorage(), { clock: systemClock })
  await log.createTopics([
    { name: topic, partitionCount, cleanupPolicy: 'compact', retentionMs: null },
  ])
  return log
}

/** Null deletes the row. */
export async function append(
  log: Log,
  facts: readonly (readonly [student: string, average: number | null])[],
  into: TopicName = topic,
): Promise<void> {
  const [description] = await log.describeTopics([into])
  const count = description?.partitionCount ?? 1
  const byPartition = Map.groupBy(facts, ([student]) =>
    partitionForKey(keySerde.serialize([student]), count),
  )
  await log.append(
    [...byPartition].map(([at, ofPartition]) => ({
      topic: into,
      partition: at,
      records: ofPartition.map(([student, average]) => ({
        key: keySerde.serialize([student]),
        value:
          average === null
            ? null
            : Buffer.from(JSON.stringify({ average, event_time: 5, known_at: 7 })),
        timestampMs: 3,
      })),
    })),
  )
}

export interface AverageRow {
  readonly student_id: string
  readonly average: number | null
  readonly version: string
}

/** Replays the topic: the last record of each key, with the version that it must have. */
export async function expectedRows(
  log: Log,
  epoch: number,
  of: TopicName = topic,
): Promise<AverageRow[]> {
  const rows = new Map<string, AverageRow | null>()
  const [description] = await log.describeTopics([of])
  for (const { partition: at, lastStableOffset } of description?.partitions ?? []) {
    for (let next: Offset = offset(0); next < lastStableOffset;) {
      const [fetched] = await log.fetch({
        partitions: [{ topic: of, partition: at, offset: next }],
        bytesMax: 1 << 26,
        bytesPerPartitionMax: 1 << 26,
        waitMaxMs: 100,
        isolation: 'read_committed',
      })
      assert.ok(fetched)
      for (const record of fetched.records) {
        const [student_id] = keySerde.deserialize(record.key ?? Buffer.alloc(0))
        const version = String((BigInt(epoch) << 48n) | BigInt(record.offset))
        const value = record.value === null ? null : JSON.parse(record.value.toString())
        rows.set(
          student_id,
          value === null
            ? null
            : { student_id, average: (value as { average: number }).average, version },
        )
      }
      next = fetched.nextOffset
    }
  }
  return sorted([...rows.values()].filter((row) => row !== null))
}

export async function currentRows(clickhouse: ClickHouse): Promise<AverageRow[]> {
  const result = await clickhouse.reader.query({
    query: 'SELECT student_id, average, toString(version) AS version FROM exams.averages',
    format: 'JSONEachRow',
  })
  return sorted(await result.json<AverageRow>())
}

function sorted(rows: AverageRow[]): AverageRow[] {
  return rows.sort((left, right) => (left.student_id < right.student_id ? -1 : 1))
}

/** A generator of our own, so that a seed says everything. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x100000000
  }
}
