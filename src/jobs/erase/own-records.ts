/**
 * What the program itself keeps that may name a person: refused records, and what runs have told. Their topics are
 * compacted, so a record that is taken out leaves no place behind. The tables are made again from the topics.
 */
import type { ConsumerRecord } from '../../core/record.ts'
import type { ValueCodec } from '../../core/serde.ts'
import type { StoredLog } from '../../log/stored-log.ts'
import { columnsHeader, delimiterHeader } from '../../quality/redrive.ts'
import { parseCsvRow } from '../../quality/csv-row.ts'
import { headersFromJson, quarantineFact, type QuarantineEntry } from '../../quality/quarantine.ts'
import { runsFact, type RunEntry } from '../runs/runs-fact.ts'
import { erasedText, hasWord, withoutWords, type Persons, type Subjects } from './subjects.ts'

export interface OwnRecordsOptions {
  readonly log: Pick<StoredLog, 'describeTopics' | 'rewriteRecords'>
  /** Of the topology's topics. */
  readonly persons: readonly Persons[]
  readonly topology: string
  readonly subjects: Subjects
  readonly quarantine: ValueCodec<QuarantineEntry>
  readonly runs: ValueCodec<RunEntry>
  /** False: they are counted, and nothing is written. */
  readonly overwrites: boolean
  readonly signal: AbortSignal
}

export interface FoundOwnRecords {
  /** Entries of quarantine, each of their versions. */
  readonly quarantined: number
  /** Records of runs with texts that have the name. */
  readonly runs: number
}

export async function ownRecords(options: OwnRecordsOptions): Promise<FoundOwnRecords> {
  const { log, quarantine, runs, overwrites } = options
  const existing = new Set((await log.describeTopics()).map(({ name }) => name))
  const found = { quarantined: 0, runs: 0 }
  if (existing.has(quarantineFact.topic.name)) {
    await eachRecord(options, quarantineFact.topic.name, quarantine, (record, entry) => {
      if (!isOfPersons(entry, options)) return record
      found.quarantined += 1
      return overwrites ? null : record
    })
  }
  if (existing.has(runsFact.topic.name)) {
    await eachRecord(options, runsFact.topic.name, runs, (record, entry) => {
      const left = withoutNames(entry, options.subjects.names)
      if (left === null) return record
      found.runs += 1
      return overwrites ? { ...record, value: runs.encode(left) } : record
    })
  }
  return found
}

async function eachRecord<V>(
  { log, signal }: OwnRecordsOptions,
  topic: typeof quarantineFact.topic.name,
  codec: ValueCodec<V>,
  changed: (record: ConsumerRecord, value: V) => ConsumerRecord | null,
): Promise<void> {
  const [description] = await log.describeTopics([topic])
  for (const { partition, highWatermark } of description?.partitions ?? []) {
    const at = { topic, partition }
    await log.rewriteRecords(at, {
      before: highWatermark,
      signal,
      change: async (records) => {
        await codec.prepare(records.map(({ value }) => value))
        return records.map((record) =>
          record.value === null ? record : changed(record, codec.decode(record.value)),
        )
      },
    })
  }
}

function isOfPersons(
  entry: QuarantineEntry,
  { persons, topology, subjects }: OwnRecordsOptions,
): boolean {
  const { topic, record_format: format, reason } = entry
  const [key, value] = [asBuffer(entry.record_key), asBuffer(entry.record_value)]
  const bytes = [key, value, Buffer.from(reason)].filter((each) => each !== null)
  const of = persons.find((each) => each.topic.name === topic)
  // What nodes of the topology have made of records: they name no field.
  if (of === undefined) {
    return topic.startsWith(`${topology}-`) && bytes.some((each) => hasWord(each, subjects.names))
  }
  if (format === 'avro') {
    return of.ofRecord({ key, value }) !== 'other'
  }
  const fields = fieldsOf(entry)
  const verdict = fields === null ? null : of.ofFields(fields)
  return (verdict ?? of.ofBytes(...bytes)) !== 'other'
}

/** Of Avro's bytes, which come as plain arrays of them. */
function asBuffer(bytes: Buffer | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes)
}

/** Null where it cannot be read as fields. */
function fieldsOf({
  record_format: format,
  record_value: value,
  record_headers: headersJson,
}: QuarantineEntry): Readonly<Record<string, unknown>> | null {
  if (value === null) return null
  const text = Buffer.from(value).toString('utf8')
  try {
    if (format === 'json') {
      const json: unknown = JSON.parse(text)
      return typeof json === 'object' ? (json as Readonly<Record<string, unknown>> | null) : null
    }
    if (format !== 'csv') return null
    const headers = new Map(headersFromJson(headersJson))
    const columns = JSON.parse(headers.get(columnsHeader)?.toString() ?? 'null') as string[] | null
    const row = parseCsvRow(text, headers.get(delimiterHeader)?.toString() ?? ',')
    if (columns === null || row.kind !== 'cells') return null
    return Object.fromEntries(columns.map((column, index) => [column, row.cells[index]]))
  } catch {
    return null
  }
}

/** Null where it has no name in it. */
function withoutNames(entry: RunEntry, names: ReadonlySet<string>): RunEntry | null {
  const { request, result, error } = entry
  const left: RunEntry = {
    ...entry,
    request: withoutNamesIn(request, names),
    result: result === null ? null : withoutNamesIn(result, names),
    error: error !== null && hasWord(Buffer.from(error), names) ? erasedText : error,
  }
  const isSame = left.request === request && left.result === result && left.error === error
  return isSame ? null : left
}

function withoutNamesIn(text: string, names: ReadonlySet<string>): string {
  const json: unknown = JSON.parse(text)
  const left = JSON.stringify(withoutWords(json, names))
  return left === JSON.stringify(json) ? text : left
}
