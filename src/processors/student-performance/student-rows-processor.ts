/**
 * Parts of files to their rows, and to the list of files. A part is the same by its file's content and its place, so the
 * same file under another name brings the same rows. They count as long as one drop of them is not retracted, a drop being
 * a file's name and time: which came and which were retracted is kept of each, so that the order of the events, and how
 * often they come, is the same to the facts (law 1).
 */
import { noHeaders, storeName } from '../../core/record.ts'
import type * as facts from '../../facts/student-performance.ts'
import type { FileSchema } from '../../quality/file-schema.ts'
import type { KeyValueStore } from '../../state/stores.ts'
import type { Prefetch, Processor, ProcessorContext, StreamRecord } from '../processor.ts'
import { columnsFault, type DroppedFile, type StudentRows } from './batch.ts'
import { counts, noPart, placeOf, type Part } from './part.ts'

type BatchRecord = StreamRecord<facts.BatchKey, StudentRows | null>

/** The names of the nodes that get each kind of row. */
export const studentRowsPorts = { rows: 'student-data', drops: 'drops' } as const

export type PartDropKey = readonly [
  fileHash: string,
  batch: number,
  modifiedAtMs: number,
  /** Empty: any, where only the time is known. */
  fileName: string,
]

/** What is known of each part. */
export const batchTimesStore = storeName('batch-times')
/** Drops of parts: whether they came or were retracted. */
export const partDropsStore = storeName('part-drops')
/** Drops of whole files that were retracted, to when. */
export const retractedDropsStore = storeName('retracted-drops')

const [came, retracted] = [1, 2]

export class StudentRowsProcessor implements Processor<facts.BatchKey, StudentRows | null> {
  readonly #schema: FileSchema
  #context!: ProcessorContext
  #parts!: KeyValueStore<facts.BatchKey, Part>
  #partDrops!: KeyValueStore<PartDropKey, number>
  #retracted!: KeyValueStore<facts.DropKey, number>

  constructor(schema: FileSchema) {
    this.#schema = schema
  }

  init(context: ProcessorContext): void {
    this.#context = context
    this.#parts = context.store(batchTimesStore)
    this.#partDrops = context.store(partDropsStore)
    this.#retracted = context.store(retractedDropsStore)
  }

  prefetch({ key, value }: BatchRecord, _parent: string, prefetch: Prefetch): void {
    prefetch.key(batchTimesStore, key)
    if (value === null) return
    prefetch.key(partDropsStore, partDropKey(value))
    if (value.file !== null) prefetch.key(retractedDropsStore, dropKey(value, value.file))
  }

  process({ key, value, timestampMs }: BatchRecord): void {
    if (value === null) {
      this.#context.countDropped('null-value')
      return
    }
    const fault = columnsFault(this.#schema, value)
    if (fault !== null) {
      this.#context.quarantine({ check: 'columns_match', level: 'Error', reason: fault })
      return
    }
    if (value.file !== null) this.#drop(value, value.file, timestampMs)
    const before = this.#parts.get(key) ?? noPart
    const after = this.#known(before, value)
    if (after !== before) this.#parts.put(key, after)
    // Not by a retraction alone: a drop without a name, retracted before it came, takes the place of an earlier one.
    if (counts(before) && !counts(after)) {
      this.#context.forward(
        { key, value: null, timestampMs, headers: noHeaders },
        studentRowsPorts.rows,
      )
      return
    }
    if (value.is_retracted === true) {
      if (after === before) this.#context.countDropped('duplicate')
      return
    }
    const { latestMs } = after
    const isThere = counts(before) && before.latestMs === latestMs
    // Retracted before it came, or there already.
    if (isThere || !counts(after)) {
      this.#context.countDropped('duplicate')
      return
    }
    const row: Record<string, unknown> = {
      file_hash: value.file_hash,
      batch: value.batch,
      row_number: value.row_number,
      event_time: latestMs,
      known_at: this.#context.wallClockMs,
    }
    for (const { name } of this.#schema.fields) row[name] = value[name]
    this.#context.forward(
      { key, value: row, timestampMs: latestMs, headers: noHeaders },
      studentRowsPorts.rows,
    )
  }

  /** What is known of the part with this event: the same where it says nothing new. */
  #known(part: Part, value: StudentRows): Part {
    const isRetracted = value.is_retracted === true
    const known = nameOf(value) === '' ? this.#unnamed(part, value) : this.#named(part, value)
    if (isRetracted || value.dropped_at <= known.latestMs) return known
    return { ...known, latestMs: value.dropped_at }
  }

  #named(part: Part, value: StudentRows): Part {
    const drop = partDropKey(value)
    const was = this.#partDrops.get(drop)
    if (value.is_retracted !== true) {
      if (was !== undefined) return part
      this.#partDrops.put(drop, came)
      return { ...part, drops: part.drops + 1 }
    }
    if (was === retracted) return part
    this.#partDrops.put(drop, retracted)
    const [fileHash, batch, timeMs] = drop
    this.#partDrops.put([fileHash, batch, timeMs, ''], retracted)
    // The drop may have come from an earlier version.
    const isIts = part.unnamedPlaceMs === timeMs
    return {
      ...part,
      drops: was === came ? part.drops - 1 : part.drops,
      unnamedPlaceMs: isIts ? placeOf(timeMs, true) : part.unnamedPlaceMs,
    }
  }

  #unnamed(part: Part, value: StudentRows): Part {
    const isRetracted =
      value.is_retracted === true || this.#partDrops.get(partDropKey(value)) === retracted
    const placeMs = placeOf(value.dropped_at, isRetracted)
    return placeMs > part.unnamedPlaceMs ? { ...part, unnamedPlaceMs: placeMs } : part
  }

  #drop(rows: StudentRows, file: DroppedFile, timestampMs: number): void {
    const key = dropKey(rows, file)
    if (rows.is_retracted === true) {
      this.#retracted.put(key, timestampMs)
      this.#context.forward(
        { key, value: null, timestampMs, headers: noHeaders },
        studentRowsPorts.drops,
      )
      return
    }
    if (this.#retracted.get(key) !== undefined) return
    const { findings } = file
    const value: facts.DropFact = {
      file_hash: rows.file_hash,
      file_name: file.file_name,
      modified_at: rows.dropped_at,
      bytes: file.bytes,
      batches: file.batches,
      rows_read: file.rows_read,
      rows_removed: file.rows_removed,
      finding_check: findings.map(({ check }) => check),
      finding_column: findings.map(({ column }) => column),
      finding_rows: findings.map(({ rows: count }) => count),
      finding_detail: findings.map(({ detail }) => detail),
      event_time: rows.dropped_at,
      known_at: this.#context.wallClockMs,
    }
    this.#context.forward({ key, value, timestampMs, headers: noHeaders }, studentRowsPorts.drops)
  }
}

/** Empty where an earlier version sent it. */
function nameOf({ file_name }: StudentRows): string {
  return file_name ?? ''
}

function partDropKey(rows: StudentRows): PartDropKey {
  return [rows.file_hash, rows.batch, rows.dropped_at, nameOf(rows)]
}

function dropKey(rows: StudentRows, file: DroppedFile): facts.DropKey {
  return [rows.file_hash, file.file_name, rows.dropped_at]
}
