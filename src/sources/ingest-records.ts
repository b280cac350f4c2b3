/**
 * The one way into the log, for HTTP, files and feeds alike: admit each record, apply the policy to those that
 * are refused, append the rest and the quarantined in one write.
 */
import type { Clock } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'
import { partitionForKey } from '../core/partitioner.ts'
import type { TopicName } from '../core/record.ts'
import type { ValueCodec } from '../core/serde.ts'
import type { Log } from '../log/log.ts'
import {
  admit,
  reasonOf,
  refusal,
  type Admitted,
  type AdmissionTopic,
  type Refusal,
} from '../quality/admission.ts'
import { OutgoingRecords, type Ticket } from '../quality/outgoing-records.ts'
import { PartitionCounts } from '../quality/partition-counts.ts'
import {
  entryBytesMax,
  quarantineEntry,
  quarantineTopic,
  type QuarantineEntry,
} from '../quality/quarantine.ts'
import { nearestName } from '../schema/nearest-name.ts'
import type { BulkPace } from './bulk-pace.ts'
import { IngestCounters } from './ingest-counters.ts'
import type {
  IngestOptions,
  IngestPort,
  IngestRecord,
  IngestReport,
  Original,
  RecordOutcome,
} from './ingest-port.ts'

export interface LocalIngestOptions {
  readonly topics: ReadonlyMap<string, AdmissionTopic>
  readonly log: Log
  readonly clock: Clock
  /** Registered. */
  readonly quarantine: ValueCodec<QuarantineEntry>
  /** Key, value and headers together. The log must take `entryBytesMax` of it: a row that keeps a record is
   * larger than the record. */
  readonly recordBytesMax: number
  /** Of what comes from files; absent: it comes as quickly as it can. */
  readonly pace?: Pick<BulkPace, 'wait'>
}

type Decision =
  | { readonly kind: 'taken'; readonly ticket: Ticket }
  | { readonly kind: 'quarantined'; readonly refusal: Refusal; readonly id: string }
  | { readonly kind: 'refused'; readonly refusal: Refusal }

export class LocalIngest implements IngestPort {
  readonly topics: ReadonlyMap<string, AdmissionTopic>
  readonly counters = new IngestCounters()
  readonly #log: Log
  readonly #clock: Clock
  readonly #quarantine: ValueCodec<QuarantineEntry>
  readonly #recordBytesMax: number
  readonly #counts: PartitionCounts
  readonly #pace: LocalIngestOptions['pace']

  constructor({ topics, log, clock, quarantine, recordBytesMax, pace }: LocalIngestOptions) {
    this.topics = topics
    this.#log = log
    this.#clock = clock
    this.#quarantine = quarantine
    this.#recordBytesMax = recordBytesMax
    this.#counts = new PartitionCounts(log)
    this.#pace = pace
  }

  /** @throws TidemarkError TOPIC_UNKNOWN, with the nearest name */
  topic(name: string): AdmissionTopic {
    const topic = this.topics.get(name)
    if (topic === undefined) throw unknownTopic(name, [...this.topics.keys()])
    return topic
  }

  async partitionCount(name: string): Promise<number> {
    return this.#counts.of(this.topic(name).definition.name)
  }

  async ingest(
    name: string,
    records: readonly IngestRecord[],
    options: IngestOptions,
  ): Promise<IngestReport> {
    const topic = this.topic(name)
    if (options.source === 'file') await this.#pace?.wait(name)
    const topicPartitions = await this.#counts.of(topic.definition.name)
    const quarantinePartitions =
      options.onError === 'quarantine' ? await this.#counts.of(quarantineTopic.name) : 0
    await prepareFramed(topic, records)
    const nowMs = this.#clock.nowMs()
    const outgoing = new OutgoingRecords()
    const decisions: Decision[] = []
    let warnings = 0
    let refused = false
    for (const record of records) {
      const verdict = this.#judge(topic, record, topicPartitions, nowMs)
      if (verdict.admitted) {
        warnings += verdict.warnings.length
        const partition = partitionOf(verdict, record, topicPartitions)
        const ticket = outgoing.add(topic.definition.name, partition, verdict)
        decisions.push({ kind: 'taken', ticket })
        continue
      }
      refused = true
      if (options.onError !== 'quarantine') {
        decisions.push({ kind: 'refused', refusal: verdict })
        continue
      }
      const entry = this.#entryOf(topic.definition.name, record, verdict, options, nowMs)
      if (entry === null) {
        decisions.push({ kind: 'refused', refusal: verdict })
        continue
      }
      const partition = partitionForKey(entry.key, quarantinePartitions)
      outgoing.add(quarantineTopic.name, partition, entry)
      decisions.push({ kind: 'quarantined', refusal: verdict, id: entry.id })
    }
    const held = refused && options.onError === 'refuse'
    if (!held) await outgoing.append(this.#log)
    const report = reportOf(decisions, outgoing, held, held ? 0 : warnings)
    this.counters.add(name, report)
    return report
  }

  #judge(
    topic: AdmissionTopic,
    record: IngestRecord,
    partitionCount: number,
    nowMs: number,
  ): Admitted | Refusal {
    const verdict = admit(topic, record, nowMs)
    if (!verdict.admitted) return verdict
    const bytes = bytesOf(verdict)
    if (bytes > this.#recordBytesMax) return tooLarge(bytes, this.#recordBytesMax)
    return misplaced(topic, verdict, record, partitionCount) ?? verdict
  }

  /** The row to keep, encoded; without the original where that is too large but can be found again by its
   * location; null where it could not. */
  #entryOf(
    topic: TopicName,
    record: IngestRecord,
    verdict: Refusal,
    { source }: IngestOptions,
    nowMs: number,
  ): EncodedEntry | null {
    const { original: kept = originalOf(record) } = record
    const original = typeof kept === 'function' ? kept() : kept
    const input = {
      topic,
      position: null,
      check: verdict.check,
      level: verdict.level,
      reason: reasonOf(verdict),
      source,
      location: record.location ?? null,
      format: original?.format ?? 'bytes',
      key: original?.key ?? null,
      value: original?.value ?? null,
      headers: original?.headers ?? record.headers ?? [],
      timestampMs: record.timestampMs ?? null,
      nowMs,
    }
    const entry = quarantineEntry(input)
    if (original !== null && original.value !== null) {
      const encoded = this.#encode(entry)
      const isWithin = bytesOf(original) <= this.#recordBytesMax
      if (isWithin && bytesOf(encoded) <= entryBytesMax(this.#recordBytesMax)) return encoded
    }
    if (record.location === undefined) return null
    const reason = `${entry.reason} (not kept here: see ${record.location})`
    const pointer = this.#encode({ ...entry, record_key: null, record_value: null, reason })
    return bytesOf(pointer) <= this.#recordBytesMax ? pointer : null
  }

  #encode(entry: QuarantineEntry): EncodedEntry {
    return {
      id: entry.id,
      key: quarantineTopic.keySerde.serialize([entry.id]),
      value: this.#quarantine.encode(entry),
      timestampMs: entry.event_time,
    }
  }
}

interface EncodedEntry {
  readonly id: string
  readonly key: Buffer
  readonly value: Buffer
  readonly timestampMs: number
}

async function prepareFramed(
  topic: AdmissionTopic,
  records: readonly IngestRecord[],
): Promise<void> {
  const framed: Buffer[] = []
  for (const { content } of records) {
    if (content.form === 'framed' && content.bytes !== null) framed.push(content.bytes)
  }
  if (framed.length > 0) await topic.codec.prepare(framed)
}

/** A record that its producer put elsewhere than its key belongs would never meet its kind. */
function misplaced(
  topic: AdmissionTopic,
  { key }: Admitted,
  { partition }: IngestRecord,
  partitionCount: number,
): Refusal | null {
  if (partition === undefined) return null
  if (partition >= partitionCount) {
    const reason = `topic ${topic.definition.name} has ${partitionCount} partitions, from 0`
    return refusal('PARTITION_UNKNOWN', [{ path: 'partition', reason }])
  }
  if (key === null || topic.definition.keyOf === undefined) return null
  const own = partitionForKey(key, partitionCount)
  if (own === partition) return null
  const reason = `${partition}, and the value’s key belongs to ${own}; leave it out`
  return refusal('PARTITION_UNKNOWN', [{ path: 'partition', reason }])
}

function partitionOf(
  { key }: Admitted,
  { partition }: IngestRecord,
  partitionCount: number,
): number {
  if (partition !== undefined) return partition
  return key === null ? 0 : partitionForKey(key, partitionCount)
}

function tooLarge(bytes: number, bytesMax: number): Refusal {
  const reason =
    `${bytes} bytes, more than recordBytesMax, ${bytesMax}; ` +
    'send smaller records, or raise recordBytesMax (TIDEMARK_RECORD_BYTES_MAX)'
  return refusal('RECORD_TOO_LARGE', [{ path: '', reason }])
}

function bytesOf(record: {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers?: Admitted['headers']
}): number {
  let bytes = (record.key?.length ?? 0) + (record.value?.length ?? 0)
  for (const [name, value] of record.headers ?? []) bytes += Buffer.byteLength(name) + value.length
  return bytes
}

/** Null where nothing of it was kept. */
function originalOf({ content, key }: IngestRecord): Original | null {
  const keyBytes =
    key === undefined
      ? null
      : key.form === 'bytes'
        ? key.bytes
        : Buffer.from(JSON.stringify(key.json))
  switch (content.form) {
    case 'text':
      return { format: 'json', value: content.bytes, key: keyBytes }
    case 'json':
      return { format: 'json', value: Buffer.from(JSON.stringify(content.json)), key: keyBytes }
    case 'framed':
      return { format: 'avro', value: content.bytes, key: keyBytes }
    case 'unreadable':
      return null
  }
}

function reportOf(
  decisions: readonly Decision[],
  outgoing: OutgoingRecords,
  held: boolean,
  warnings: number,
): IngestReport {
  const outcomes: RecordOutcome[] = []
  const counts = { taken: 0, refused: 0, quarantined: 0 }
  for (const decision of decisions) {
    if (decision.kind === 'taken') {
      if (!held) counts.taken++
      outcomes.push(
        held ? { outcome: 'held' } : { outcome: 'taken', place: outgoing.placeOf(decision.ticket) },
      )
    } else if (decision.kind === 'quarantined') {
      counts.quarantined++
      outcomes.push({ outcome: 'quarantined', refusal: decision.refusal, id: decision.id })
    } else {
      counts.refused++
      outcomes.push({ outcome: 'refused', refusal: decision.refusal })
    }
  }
  return { outcomes, ...counts, warnings }
}

export function unknownTopic(name: string, known: readonly string[]): TidemarkError {
  const nearest = nearestName(name, known)
  const hint = nearest === null ? `there are ${known.join(', ')}` : `did you mean ${nearest}?`
  return new TidemarkError('TOPIC_UNKNOWN', `topic ${name} is not known; ${hint}`, {
    details: { topic: name, nearest },
  })
}
