/** A lake in a directory over the real engine: one table of many types, one topic of JSON, a clock moved by hand. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { present } from '../../core/assert.ts'
import { ManualClock } from '../../core/clock.ts'
import { TidemarkError } from '../../core/errors.ts'
import { partition, topicName, type ProducerRecord } from '../../core/record.ts'
import type { ValueCodec } from '../../core/serde.ts'
import type { TopicDefinition } from '../../core/topic.ts'
import { tupleSerde, type KeyPart } from '../../core/tuple.ts'
import type { Log } from '../../log/log.ts'
import type { ClickHouse } from '../../sinks/clickhouse/clickhouse.ts'
import { factTableDdl } from '../../sinks/clickhouse/fact-table-ddl.ts'
import {
  temporaryClickHouse,
  type TemporaryClickHouse,
} from '../../sinks/clickhouse/temporary-clickhouse.test-support.ts'
import { DirectoryStorage } from '../../sinks/lake/directory-storage.ts'
import { decompressors } from '../../sinks/lake/lake-file.ts'
import type { LakeStorage } from '../../sinks/lake/lake-storage.ts'
import { openMemoryStorage } from '../../state/memory-backend.ts'
import type { Job } from '../job.ts'
import { lakeJobs } from './jobs.ts'
import type { LakeOptions, LakeTable, LakeTopic } from './lake-options.ts'
import { readMetadata } from './metadata.ts'
import { dayFolder, type Dataset } from './places.ts'
import { ownClasses } from './storage-classes.ts'
import type { LakeWritten } from './write-job.ts'

export type Row = Record<string, unknown>

export const nowMs = Date.parse('2026-03-10T12:00:00Z')
export const dayMs = 24 * 60 * 60_000

export const things: LakeTable = {
  layer: 'processed',
  name: 'd.things',
  database: 'd',
  table: 'things',
  keyColumns: ['id'],
  bytesColumns: new Set(['original']),
}

const columns = [
  { name: 'id', type: 'String' },
  { name: 'note', type: 'Nullable(String)' },
  { name: 'flag', type: 'Bool' },
  { name: 'small', type: 'UInt8' },
  { name: 'big', type: 'Int64' },
  { name: 'ratio', type: 'Float64' },
  { name: 'perhaps', type: 'Nullable(Float64)' },
  { name: 'moment', type: "Nullable(DateTime64(3, 'UTC'))" },
  { name: 'tags', type: 'Array(String)' },
  { name: 'scores', type: 'Array(Nullable(Float64))' },
  { name: 'abilities', type: 'Map(String, Float64)' },
  { name: 'colour', type: "Enum8('red' = 0, 'blue' = 1)" },
  { name: 'kind', type: 'LowCardinality(String)' },
  { name: 'original', type: 'Nullable(String)' },
  { name: 'date', type: 'Date' },
]

const jsonCodec: ValueCodec<unknown> = {
  encode: (value) => Buffer.from(JSON.stringify(value)),
  decode: (bytes) => JSON.parse(bytes.toString('utf8')) as unknown,
  prepare: () => Promise.resolve(),
}

function topicOf(name: string): LakeTopic {
  const definition = {
    name: topicName(name),
    keySerde: tupleSerde<readonly KeyPart[]>(),
    schema: {},
    cleanupPolicy: 'delete',
    retentionMs: null,
  } as TopicDefinition
  return { layer: 'raw', name, definition, codec: jsonCodec }
}

async function openTables(): Promise<TemporaryClickHouse> {
  const temporary = await temporaryClickHouse()
  const table = { database: things.database, table: things.table }
  for (const query of factTableDdl({ table, columns, keyColumns: things.keyColumns })) {
    await temporary.clickhouse.writer.command({ query })
  }
  return temporary
}

/** A storage with some of its steps changed. */
export function changed(storage: LakeStorage, changes: Partial<LakeStorage>): LakeStorage {
  return {
    location: storage.location,
    workFile: () => storage.workFile(),
    putFile: (path, file, storageClass) => storage.putFile(path, file, storageClass),
    putText: (path, text) => storage.putText(path, text),
    createText: (path, text) => storage.createText(path, text),
    changeClass: (path, storageClass) => storage.changeClass(path, storageClass),
    read: (path, range) => storage.read(path, range),
    open: (path) => storage.open(path),
    list: (prefix) => storage.list(prefix),
    remove: (path) => storage.remove(path),
    close: () => storage.close(),
    ...changes,
  }
}

/** One whose holder dies at its n-th change, before or after that is made. */
export function dying(storage: LakeStorage, change: number, isMade: boolean): LakeStorage {
  let left = change
  const act = async <T>(make: () => Promise<T>): Promise<T> => {
    left -= 1
    if (left > 0) return make()
    if (left === 0 && isMade) await make()
    throw new TidemarkError('LAKE_UNREACHABLE', 'dead')
  }
  return changed(storage, {
    putFile: (path, file, storageClass) => act(() => storage.putFile(path, file, storageClass)),
    changeClass: (path, storageClass) => act(() => storage.changeClass(path, storageClass)),
    putText: (path, text) => act(() => storage.putText(path, text)),
    createText: (path, text) => act(() => storage.createText(path, text)),
    remove: (path) => act(() => storage.remove(path)),
  })
}

/** Of the only dataset: days written, unchanged and removed, and rows. */
export function told({ datasets: [only] }: LakeWritten) {
  return [only?.days_written, only?.days_unchanged, only?.days_removed, only?.rows] as const
}

export class LakeSetting {
  clock = new ManualClock(nowMs)
  readonly clickhouse: TemporaryClickHouse | null
  readonly log: Log
  directory = ''
  /** Of two partitions; another one each time. */
  events = topicOf('events')
  readonly #closeLog: () => Promise<void>
  readonly #directories: string[] = []
  #version = 0

  /** @param withTables false: topics alone, without an engine */
  static async open(withTables: boolean): Promise<LakeSetting> {
    const clickhouse = withTables ? await openTables() : null
    const { log, close } = await openMemoryStorage({ clock: new ManualClock(nowMs) })
    return new LakeSetting(clickhouse, log, close)
  }

  private constructor(
    clickhouse: TemporaryClickHouse | null,
    log: Log,
    closeLog: () => Promise<void>,
  ) {
    this.clickhouse = clickhouse
    this.log = log
    this.#closeLog = closeLog
  }

  /** An empty lake, table and topic. */
  async begin(): Promise<void> {
    this.clock = new ManualClock(nowMs)
    this.directory = await mkdtemp(join(tmpdir(), 'tidemark-lake-'))
    this.#directories.push(this.directory)
    this.events = topicOf(`events-${this.#directories.length}`)
    const spec = { partitionCount: 2, cleanupPolicy: 'delete', retentionMs: null } as const
    await this.log.createTopics([{ name: this.events.definition.name, ...spec }])
    await this.clickhouse?.clickhouse.writer.command({ query: 'TRUNCATE TABLE d.things_versions' })
  }

  async close(): Promise<void> {
    await this.#closeLog()
    await this.clickhouse?.remove()
    for (const directory of this.#directories) await rm(directory, { recursive: true })
  }

  /** A statement of a test's own. */
  async command(query: string): Promise<void> {
    await this.#engine().writer.command({ query })
  }

  #engine(): ClickHouse {
    return present(this.clickhouse, 'the engine').clickhouse
  }

  storage(): LakeStorage {
    return new DirectoryStorage({ directory: this.directory, clock: this.clock })
  }

  options(more: Partial<LakeOptions> = {}): LakeOptions {
    return {
      openStorage: () => Promise.resolve(this.storage()),
      clickhouse: this.clickhouse?.clickhouse as ClickHouse,
      log: this.log,
      clock: this.clock,
      tables: this.clickhouse === null ? [] : [things],
      topics: this.clickhouse === null ? [this.events] : [],
      retentionDays: { raw: 90, processed: 365, aggregated: 1095 },
      classes: ownClasses,
      pricePerGibMonth: new Map(),
      compression: 'snappy',
      fileBytesMax: 64 * 1024 * 1024,
      productVersion: '0.0.0',
      holder: 'test',
      ...more,
    }
  }

  async run<Result>(name: string, request: object = {}, more: Partial<LakeOptions> = {}) {
    const job = lakeJobs(this.options(more)).find((one) => one.name === name) as Job
    const { signal } = new AbortController()
    return (await job.run(job.parse(request), { signal, onProgress: () => {} })) as Result
  }

  /** A version of a row; what is not given is as in every row. @param day of its event time */
  async put(id: string, day: string, more: Row = {}): Promise<void> {
    await this.putAll([{ id, event_time: `${day} 10:00:00.123`, ...more }])
  }

  async putAll(rows: readonly Row[]): Promise<void> {
    const known_at = new Date(this.clock.nowMs()).toISOString().replace('T', ' ').replace('Z', '')
    await this.#engine().writer.insert({
      table: 'd.things_versions',
      values: rows.map((row) => ({
        ...{ flag: true, small: 200, big: '-9007199254740993', ratio: 0.5, known_at },
        ...{ tags: ['a', ''], scores: [1, null], abilities: { x: 0.25 }, kind: 'k' },
        date: '2026-03-01',
        ...row,
        version: String((1n << 48n) + BigInt((this.#version += 1))),
      })),
      format: 'JSONEachRow',
    })
  }

  async append(records: readonly (Partial<ProducerRecord> & { partition?: number })[]) {
    for (const { partition: number = 0, ...record } of records) {
      const complete = { key: null, value: null, timestampMs: nowMs, ...record }
      const at = { topic: this.events.definition.name, partition: partition(number) }
      await this.log.append([{ ...at, records: [complete] }])
    }
  }

  /** Rows of a day's files as its metadata names them, by hyparquet. */
  async read(dataset: Dataset, day: string): Promise<Row[]> {
    const place = { layer: dataset.layer, name: dataset.name, day }
    const storage = this.storage()
    const metadata = await readMetadata(storage, place)
    const rows: Row[] = []
    for (const { file } of metadata?.files ?? []) {
      const buffer = await asyncBufferFromFile(join(this.directory, dayFolder(place), file))
      const options = { file: buffer, compressors: decompressors, utf8: false }
      rows.push(...(await parquetReadObjects(options)))
    }
    return rows
  }

  /** Of `things`, in order. */
  async idsOf(day: string): Promise<readonly unknown[]> {
    return (await this.read(things, day)).map(({ id }) => id).sort()
  }

  /** Everything that is in the lake, in order. */
  async paths(): Promise<readonly string[]> {
    const paths: string[] = []
    for await (const { path } of this.storage().list('')) paths.push(path)
    return paths.sort()
  }
}
