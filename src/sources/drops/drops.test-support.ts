/** For tests: a folder, files of student performance to drop into it, and an ingest over a real log in memory. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { present } from '../../core/assert.ts'
import { ManualClock } from '../../core/clock.ts'
import { offset, partition, topicName } from '../../core/record.ts'
import { tupleSerde } from '../../core/tuple.ts'
import { MemoryStorage } from '../../log/memory/memory-storage.ts'
import { StoredLog } from '../../log/stored-log.ts'
import type { StudentRows } from '../../processors/student-performance/batch.ts'
import { loadFileSchema } from '../../quality/file-schema.ts'
import { quarantineTopic, type QuarantineEntry } from '../../quality/quarantine.ts'
import { openAvroCodec } from '../../schema/avro-codec.ts'
import { LocalSchemaRegistry } from '../../schema/local-schema-registry.ts'
import { MemoryRegistryStorage } from '../../schema/registry-storage.ts'
import { loadSchema } from '../../schema/schema-files.ts'
import { LocalIngest } from '../ingest-records.ts'

export const schema = loadFileSchema('student-performance')

/** The first rows of the real file. */
const sample = readFileSync(
  new URL('../../../samples/student-performance/student-mat.csv', import.meta.url),
  'utf8',
)
const [header = '', ...rows] = sample.split('\n').filter((line) => line !== '')
export const sampleHeader = header
export const sampleRows: readonly string[] = rows

/** The content of a file with these rows of the real one. */
export function fileOf(from: number, to: number): string {
  return `${[header, ...rows.slice(from, to)].join('\n')}\n`
}

/** The row with another value in one column. */
export function withValue(row: string, column: string, value: string): string {
  const cells = row.split(';')
  cells[header.split(';').indexOf(column)] = value
  return cells.join(';')
}

export function temporaryFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'tidemark-drops-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

export interface DropFixture {
  readonly clock: ManualClock
  readonly ingest: LocalIngest
  /** All records of the topic, as they were sent. */
  sent(): Promise<readonly StudentRows[]>
}

const topic = topicName(schema.topic)

/** @param nowMs where the clock stands; files have the real time */
export async function openDropFixture(nowMs = Date.now()): Promise<DropFixture> {
  const clock = new ManualClock(nowMs)
  const log = await StoredLog.open(new MemoryStorage(), { clock, recordBytesMax: 1 << 20 })
  await log.createTopics([
    { name: topic, partitionCount: 1, cleanupPolicy: 'delete', retentionMs: null },
    { name: quarantineTopic.name, partitionCount: 1, cleanupPolicy: 'compact', retentionMs: null },
  ])
  const registry = await LocalSchemaRegistry.open(new MemoryRegistryStorage())
  const definition = {
    name: topic,
    keySerde: tupleSerde<readonly [string, number]>(),
    keyOf: (value: StudentRows) => [value.file_hash, value.batch] as const,
    eventTimeMsOf: (value: StudentRows) => value.dropped_at,
    schema: loadSchema(topic),
    cleanupPolicy: 'delete' as const,
    retentionMs: null,
  }
  const codec = await openAvroCodec<StudentRows>({ topic, schema: definition.schema, registry })
  const quarantine = await openAvroCodec<QuarantineEntry>({
    topic: quarantineTopic.name,
    schema: quarantineTopic.schema,
    registry,
  })
  const topics = new Map([[topic, { definition, codec }]])
  return {
    clock,
    ingest: new LocalIngest({ topics, log, clock, quarantine, recordBytesMax: 1 << 20 }),
    sent: async () => {
      const found: StudentRows[] = []
      for (let at = offset(0); ;) {
        const [fetched] = await log.fetch({
          partitions: [{ topic, partition: partition(0), offset: at }],
          bytesMax: 1 << 24,
          bytesPerPartitionMax: 1 << 24,
          waitMaxMs: 0,
          isolation: 'read_committed',
        })
        if (fetched === undefined || fetched.records.length === 0) return found
        await codec.prepare(fetched.records.map(({ value }) => value))
        for (const { value } of fetched.records) {
          found.push(codec.decode(Buffer.from(present(value, 'a value'))))
        }
        at = fetched.nextOffset
      }
    },
  }
}

/** The rows that count once the facts keep one of each part of which a drop is not retracted: by content and row number. */
export function rowsOnce(sent: readonly StudentRows[]): ReadonlySet<string> {
  const retracted = new Set<string>()
  for (const part of sent) if (part.is_retracted === true) retracted.add(dropOfPart(part))
  const rows = new Set<string>()
  for (const part of sent) {
    if (part.is_retracted === true || retracted.has(dropOfPart(part))) continue
    for (const row of part.row_number) rows.add(`${part.file_hash}:${row}`)
  }
  return rows
}

function dropOfPart({ file_hash, batch, file_name, dropped_at }: StudentRows): string {
  return JSON.stringify([file_hash, batch, file_name, dropped_at])
}
