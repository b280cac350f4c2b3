/** A read of a store between two instances, as JSON: what is asked, and what each partition answered. */
import { TidemarkError } from '../../core/errors.ts'
import type { Partition } from '../../core/record.ts'
import { jsonForm } from '../../runtime/queries/json-form.ts'
import type { Freshness, PartitionRead, StoreQuery } from '../../runtime/queries/local-queries.ts'
import type { ReadEntry } from '../../runtime/queries/store-reader.ts'
import type { StoreDefinition } from '../../state/stores.ts'

/** An entry with its key and value in their JSON forms. */
export interface AnsweredEntry {
  /** Serialized key, base64: what entries are merged by. */
  readonly keyBytes: string
  readonly key: unknown
  readonly value: unknown
  readonly timestampMs?: number
  readonly startMs?: number
  readonly endMs?: number
}

export interface AnsweredPartition extends Freshness {
  readonly partition: Partition
  readonly host: string
  readonly entries: readonly AnsweredEntry[]
  /** As `ReadEntries`; absent from instances of earlier versions, which read on. */
  readonly isCut?: boolean
}

/** Serialized, of all partitions together, about: an answer is held in memory as a whole. */
export const answerBytesMax = 8 * 1024 * 1024

export interface ReadMessage {
  readonly partitions: readonly Partition[]
  readonly query: StoreQuery
  /** True: only the active task may answer. */
  readonly activeOnly: boolean
}

export function answered(
  { entries, ...read }: PartitionRead,
  { keySerde }: StoreDefinition,
  host: string,
): AnsweredPartition {
  return { ...read, host, entries: entries.map((entry) => answeredEntry(entry, keySerde)) }
}

function answeredEntry(
  { keyBytes, value, ...times }: ReadEntry,
  keySerde: StoreDefinition['keySerde'],
): AnsweredEntry {
  return {
    keyBytes: keyBytes.toString('base64'),
    key: jsonForm(keySerde.deserialize(keyBytes)),
    value: jsonForm(value),
    ...times,
  }
}

/** What goes over the wire: bytes as base64. */
export function messageText({ partitions, query, activeOnly }: ReadMessage): string {
  const bytes = (key: Buffer | null) => key?.toString('base64') ?? null
  const sent =
    query.kind === 'range'
      ? { ...query, from: bytes(query.from), to: bytes(query.to) }
      : { ...query, key: bytes(query.key) }
  return JSON.stringify({ partitions, query: sent, activeOnly })
}

/** @throws TidemarkError REQUEST_INVALID */
export function readMessage(body: unknown): ReadMessage {
  const { partitions, query, activeOnly } = objectOf(body)
  if (!Array.isArray(partitions) || !partitions.every(isPartition)) throw invalid('partitions')
  return { partitions, query: readQuery(objectOf(query)), activeOnly: activeOnly === true }
}

function readQuery(query: Record<string, unknown>): StoreQuery {
  const { kind } = query
  if (kind === 'key') return { kind, key: bytesOf(query['key']) }
  const entriesMax = numberOf(query['entriesMax'], 'entriesMax')
  // Earlier versions do not say, and would take a cut answer for a whole one.
  const bytesMax = numberOf(query['bytesMax'] ?? Number.MAX_SAFE_INTEGER, 'bytesMax')
  if (kind === 'range') {
    const bound = (form: unknown) => (form === null ? null : bytesOf(form))
    return { kind, from: bound(query['from']), to: bound(query['to']), entriesMax, bytesMax }
  }
  if (kind !== 'windows' && kind !== 'sessions') throw invalid('kind')
  const fromMs = numberOf(query['fromMs'], 'fromMs')
  const toMs = numberOf(query['toMs'], 'toMs')
  return { kind, key: bytesOf(query['key']), fromMs, toMs, entriesMax, bytesMax }
}

function objectOf(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw invalid('the body')
  return value as Record<string, unknown>
}

function isPartition(value: unknown): value is Partition {
  return Number.isInteger(value) && (value as number) >= 0
}

function bytesOf(value: unknown): Buffer {
  if (typeof value !== 'string') throw invalid('key')
  return Buffer.from(value, 'base64')
}

function numberOf(value: unknown, name: string): number {
  if (!Number.isSafeInteger(value)) throw invalid(name)
  return value as number
}

function invalid(what: string): TidemarkError {
  return new TidemarkError('REQUEST_INVALID', `a forwarded read has no valid ${what}`)
}
