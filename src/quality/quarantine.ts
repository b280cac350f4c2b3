/**
 * Quarantine: where a record goes that cannot be decoded or fails a Critical or Error check (law 4). Its
 * original bytes stay as they came, so that it can be sent again.
 *
 *  1. One row per record: its id follows from where the record lies or, before it entered the log, from what
 *     it is and where it came from. Meeting the record again writes the same row.
 *  2. `record_value` is what the producer sent, byte by byte; `record_format` says what it is.
 */
import { createHash } from 'node:crypto'
import type { Headers, Offset, Partition, TopicName } from '../core/record.ts'
import type { TopicDefinition } from '../core/topic.ts'
import { isEventTime } from './event-time.ts'
import { defineFactTable, type FactMetadata } from '../facts/define.ts'
import type { FactTable } from '../core/fact-table.ts'

export type QuarantineLevel = 'Critical' | 'Error'
export type QuarantineSource = 'ingest' | 'runtime' | 'file' | 'sse'
/** `avro`: framed, as in the log. `csv`: one row, its column names in the header `tidemark.columns`. */
export type RecordFormat = 'avro' | 'json' | 'csv' | 'bytes'

/** A row of `tidemark.quarantine`. Times are milliseconds since the epoch. */
export interface QuarantineEntry extends FactMetadata {
  readonly id: string
  readonly topic: string
  /** Null where the record never entered the log. */
  readonly partition: number | null
  readonly offset: number | null
  readonly check: string
  readonly level: string
  readonly reason: string
  readonly source: string
  /** `file:line` or an address. */
  readonly location: string | null
  readonly record_format: string
  readonly record_key: Buffer | null
  readonly record_value: Buffer | null
  /** JSON: `[[name, base64], …]`, in their order. */
  readonly record_headers: string
  /** Null also where it is beyond the range of times; the reason names it then. */
  readonly record_timestamp: number | null
  readonly status: 'quarantined' | 'redriven'
  readonly quarantined_at: number
  readonly redriven_at: number | null
}

const defined = defineFactTable<readonly [string], QuarantineEntry>('tidemark', 'quarantine', [
  'id',
])

/** One partition: few records, and whoever reads them wants them in their order. */
export const quarantineFact: FactTable<readonly [string], QuarantineEntry> = {
  ...defined,
  topic: { ...defined.topic, partitionCount: 1 },
}

export const quarantineTopic: TopicDefinition<readonly [string], QuarantineEntry> =
  quarantineFact.topic

export interface QuarantineInput {
  readonly topic: TopicName
  /** Where the record lies; null where it was refused at the door. */
  readonly position: { readonly partition: Partition; readonly offset: Offset } | null
  readonly check: string
  readonly level: QuarantineLevel
  readonly reason: string
  readonly source: QuarantineSource
  readonly location?: string | null
  readonly format: RecordFormat
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers?: Headers
  readonly timestampMs: number | null
  readonly nowMs: number
}

export function quarantineEntry(input: QuarantineInput): QuarantineEntry {
  const { timestampMs: givenMs } = input
  const timestampMs = givenMs !== null && isEventTime(givenMs) ? givenMs : null
  return {
    id: quarantineId(input),
    topic: input.topic,
    partition: input.position?.partition ?? null,
    offset: input.position?.offset ?? null,
    check: input.check,
    level: input.level,
    reason: input.reason,
    source: input.source,
    location: input.location ?? null,
    record_format: input.format,
    record_key: input.key,
    record_value: input.value,
    record_headers: headersToJson(input.headers ?? []),
    record_timestamp: timestampMs,
    status: 'quarantined',
    quarantined_at: input.nowMs,
    redriven_at: null,
    event_time: timestampMs ?? input.nowMs,
    known_at: input.nowMs,
  }
}

function quarantineId(input: QuarantineInput): string {
  if (input.position !== null) {
    return `${input.topic}-${input.position.partition}-${input.position.offset}`
  }
  const hash = createHash('sha256')
  // Each part with its length, so that no two lists of parts read as the same bytes.
  for (const part of [input.source, input.location ?? null, input.key, input.value]) {
    if (part === null) hash.update('-:')
    else hash.update(`${Buffer.byteLength(part)}:`).update(part)
  }
  return `${input.topic}-${hash.digest('hex').slice(0, 32)}`
}

/** What a row may take that keeps a record of `recordBytesMax`: the record, its headers in base64, and a reason
 * that may name each of its fields. */
export function entryBytesMax(recordBytesMax: number): number {
  return 3 * recordBytesMax + 64 * 1024
}

export interface CheckFailure<Level extends string = string> {
  readonly check: string
  readonly level: Level
  readonly reason: string
}

/** A record that fails several checks has one row: the gravest level, and every reason. */
export function joinFailures<Level extends string>(
  failures: readonly [CheckFailure<Level>, ...CheckFailure<Level>[]],
): CheckFailure<Level> {
  const gravest = failures.find(({ level }) => level === 'Critical') ?? failures[0]
  return {
    check: failures.map(({ check }) => check).join(', '),
    level: gravest.level,
    reason: failures.map(({ reason }) => reason).join('; '),
  }
}

export function headersToJson(headers: Headers): string {
  return JSON.stringify(headers.map(([name, value]) => [name, value.toString('base64')]))
}

export function headersFromJson(text: string): Headers {
  const pairs = JSON.parse(text) as [string, string][]
  return pairs.map(([name, value]) => [name, Buffer.from(value, 'base64')])
}
