/**
 * Redrive: refused records are sent to their topics again, as they were or mended, and their entries become
 * `redriven` in the same write. Doing it twice sends nothing twice; a record that is still wrong stays where
 * it is, with the reason.
 */
import { messageOf } from '../core/errors.ts'
import type { Headers, ProducerRecord } from '../core/record.ts'
import { topicName } from '../core/record.ts'
import type { ValueCodec } from '../core/serde.ts'
import { partitionForKey } from '../core/partitioner.ts'
import type { Log } from '../log/log.ts'
import { admit, reasonOf, type Admitted, type AdmissionTopic, type Content } from './admission.ts'
import { asTexts, jsonOfCells } from './cells.ts'
import { parseCsvRow } from './csv-row.ts'
import { OutgoingRecords } from './outgoing-records.ts'
import { PartitionCounts } from './partition-counts.ts'
import { headersFromJson, quarantineTopic, type QuarantineEntry } from './quarantine.ts'

export interface RedriveServices {
  readonly log: Log
  readonly topics: ReadonlyMap<string, AdmissionTopic>
  readonly quarantine: ValueCodec<QuarantineEntry>
  readonly nowMs: number
}

export interface Mending {
  /** Fields of the value to set, JSON. */
  readonly set?: Readonly<Record<string, unknown>> | undefined
  /** A whole new value, JSON. */
  readonly value?: unknown
}

export interface RedriveReport {
  readonly redriven: readonly string[]
  readonly refused: readonly { readonly id: string; readonly reason: string }[]
  /** Sent again before this call. */
  readonly already: readonly string[]
}

/** Names the entry that a record was sent again for. */
export const redriveHeader = 'tidemark.redrive'
/** Of a CSV row's names, as JSON. */
export const columnsHeader = 'tidemark.columns'
export const delimiterHeader = 'tidemark.delimiter'
/** Fields, as a JSON object, that the source fills in where the value leaves them out. */
export const fillHeader = 'tidemark.fill'

const ownHeaders: ReadonlySet<string> = new Set([columnsHeader, delimiterHeader, fillHeader])

export async function redrive(
  entries: readonly QuarantineEntry[],
  mending: Mending,
  services: RedriveServices,
): Promise<RedriveReport> {
  const { log, topics, quarantine, nowMs } = services
  const outgoing = new OutgoingRecords()
  const counts = new PartitionCounts(log)
  const redriven: string[] = []
  const refused: { id: string; reason: string }[] = []
  const already: string[] = []
  for (const entry of entries) {
    if (entry.status === 'redriven') {
      already.push(entry.id)
      continue
    }
    const topic = topics.get(entry.topic)
    const name = topicName(entry.topic)
    if (isFromLog(entry, mending)) {
      outgoing.add(name, await placeOf(entry, counts), asItWas(entry))
    } else {
      const record =
        topic === undefined
          ? `topic ${entry.topic} is not one of this instance`
          : await mended(topic, entry, mending)
      if (typeof record === 'string') {
        refused.push({ id: entry.id, reason: record })
        continue
      }
      outgoing.add(name, partitionOf(record, entry, await counts.of(name)), record)
    }
    const row: QuarantineEntry = {
      ...entry,
      status: 'redriven',
      redriven_at: nowMs,
      known_at: nowMs,
    }
    const key = quarantineTopic.keySerde.serialize([entry.id])
    const partition = partitionForKey(key, await counts.of(quarantineTopic.name))
    const value = quarantine.encode(row)
    outgoing.add(quarantineTopic.name, partition, { key, value, timestampMs: row.event_time })
    redriven.push(entry.id)
  }
  await outgoing.append(log)
  return { redriven, refused, already }
}

type FromLog = QuarantineEntry & { readonly partition: number }

/** A record between two nodes of a topology, or a delete: neither is admitted at a door, and neither can be mended. */
function isFromLog(entry: QuarantineEntry, mending: Mending): entry is FromLog {
  const { partition, record_format: format, record_key: key, record_value: value } = entry
  if (mending.set !== undefined || mending.value !== undefined) return false
  return partition !== null && (format === 'bytes' || (key !== null && value === null))
}

/** A delete goes where its key belongs: that it was elsewhere may be why it was refused. */
async function placeOf(
  { topic, partition, record_key: key, record_value: value }: FromLog,
  counts: PartitionCounts,
): Promise<number> {
  const isDelete = key !== null && value === null
  return isDelete ? partitionForKey(key, await counts.of(topicName(topic))) : partition
}

function asItWas(entry: QuarantineEntry): ProducerRecord {
  return {
    key: entry.record_key,
    value: entry.record_value,
    timestampMs: entry.record_timestamp ?? entry.quarantined_at,
    headers: [...headersFromJson(entry.record_headers), [redriveHeader, Buffer.from(entry.id)]],
  }
}

function partitionOf({ key }: Admitted, entry: QuarantineEntry, partitionCount: number): number {
  return key === null
    ? (entry.partition ?? 0) % partitionCount
    : partitionForKey(key, partitionCount)
}

/** The record to send, or why there is none. */
async function mended(
  topic: AdmissionTopic,
  entry: QuarantineEntry,
  mending: Mending,
): Promise<Admitted | string> {
  const headers = headersFromJson(entry.record_headers)
  const content = filled(await mendedContent(topic, entry, mending, headers), headers)
  if (typeof content === 'string') return content
  const verdict = admit(
    topic,
    {
      content,
      ...(topic.definition.keyOf === undefined && entry.record_key !== null
        ? { key: { form: 'bytes', bytes: entry.record_key } }
        : {}),
      timestampMs: entry.record_timestamp ?? undefined,
      headers: [
        ...headers.filter(([name]) => !ownHeaders.has(name)),
        [redriveHeader, Buffer.from(entry.id)],
      ],
    },
    entry.quarantined_at,
  )
  return verdict.admitted ? verdict : reasonOf(verdict)
}

async function mendedContent(
  topic: AdmissionTopic,
  entry: QuarantineEntry,
  mending: Mending,
  headers: Headers,
): Promise<Content | string> {
  const { value } = mending
  const set = mending.set === undefined ? undefined : asTexts(topic.codec.type, mending.set)
  if (value !== undefined) return { form: 'json', json: withFields(value, set) }
  const { record_format: format, record_value: bytes } = entry
  if (bytes === null) return `the bytes were not kept: send them again from ${entry.location ?? ''}`
  try {
    if (format === 'avro') {
      await topic.codec.prepare([bytes])
      if (set === undefined) return { form: 'framed', bytes }
      return { form: 'json', json: withFields(topic.codec.decode(bytes), set) }
    }
    if (format === 'json') {
      return { form: 'json', json: withFields(JSON.parse(bytes.toString('utf8')), set) }
    }
    if (format === 'csv') {
      return { form: 'json', json: withFields(jsonOfRow(topic, bytes, headers), set) }
    }
    return `its ${bytes.length} bytes are in no known form: give a whole new value`
  } catch (thrown) {
    return `${messageOf(thrown)}; give a whole new value`
  }
}

function filled(content: Content | string, headers: Headers): Content | string {
  const text = headers.find(([name]) => name === fillHeader)?.[1].toString('utf8')
  if (text === undefined || typeof content === 'string' || content.form !== 'json') return content
  const { json } = content
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return content
  const value = json as Readonly<Record<string, unknown>>
  const missing = Object.entries(JSON.parse(text) as Record<string, unknown>).filter(
    ([name]) => (value[name] ?? '') === '',
  )
  return { form: 'json', json: { ...value, ...Object.fromEntries(missing) } }
}

function withFields(value: unknown, set: Mending['set']): unknown {
  if (set === undefined) return value
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError('the value is no object whose fields could be set')
  }
  return { ...value, ...set }
}

function jsonOfRow(topic: AdmissionTopic, bytes: Buffer, headers: Headers): unknown {
  const header = (name: string) => headers.find(([each]) => each === name)?.[1].toString('utf8')
  const columns = JSON.parse(header(columnsHeader) ?? '[]') as string[]
  const row = parseCsvRow(bytes.toString('utf8'), header(delimiterHeader) ?? ',')
  if (row.kind !== 'cells') throw new TypeError('the row cannot be read')
  return jsonOfCells(topic.codec.type, columns, row.cells)
}
