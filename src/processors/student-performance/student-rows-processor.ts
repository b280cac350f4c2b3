/**
 * Parts of files to their rows, and to the list of files. A part is the same by its file's content and its place, so the
 * same file under another name brings the same rows; of its times the latest stays, and a retraction takes away what came
 * at its time or before (law 1): in whatever order they come, the greatest time decides, and of one time the retraction.
 */
import { noHeaders, storeName } from '../../core/record.ts'
import type * as facts from '../../facts/student-performance.ts'
import type { FileSchema } from '../../quality/file-schema.ts'
import type { KeyValueStore } from '../../state/stores.ts'
import type { Prefetch, Processor, ProcessorContext, StreamRecord } from '../processor.ts'
import { columnsFault, type DroppedFile, type StudentRows } from './batch.ts'

type BatchRecord = StreamRecord<facts.BatchKey, StudentRows | null>

/** The names of the nodes that get each kind of row. */
export const studentRowsPorts = { rows: 'student-data', drops: 'drops' } as const

/** Key of a part to the latest time its file was dropped, or, half a millisecond behind it, was retracted. */
export const batchTimesStore = storeName('batch-times')
/** Drops that were retracted, to when. */
export const retractedDropsStore = storeName('retracted-drops')

const retractedBehindMs = 0.5

export class StudentRowsProcessor implements Processor<facts.BatchKey, StudentRows | null> {
  readonly #schema: FileSchema
  #context!: ProcessorContext
  #times!: KeyValueStore<facts.BatchKey, number>
  #retracted!: KeyValueStore<facts.DropKey, number>

  constructor(schema: FileSchema) {
    this.#schema = schema
  }

  init(context: ProcessorContext): void {
    this.#context = context
    this.#times = context.store(batchTimesStore)
    this.#retracted = context.store(retractedDropsStore)
  }

  prefetch({ key, value }: BatchRecord, _parent: string, prefetch: Prefetch): void {
    prefetch.key(batchTimesStore, key)
    if (value !== null && value.file !== null) {
      prefetch.key(retractedDropsStore, dropKey(value, value.file))
    }
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
    const isRetracted = value.is_retracted === true
    const placeMs = isRetracted ? timestampMs + retractedBehindMs : timestampMs
    const knownMs = this.#times.get(key)
    if (knownMs !== undefined && knownMs >= placeMs) {
      this.#context.countDropped('duplicate')
      return
    }
    this.#times.put(key, placeMs)
    if (isRetracted) {
      this.#context.forward(
        { key, value: null, timestampMs, headers: noHeaders },
        studentRowsPorts.rows,
      )
      return
    }
    const row: Record<string, unknown> = {
      file_hash: value.file_hash,
      batch: value.batch,
      row_number: value.row_number,
      event_time: timestampMs,
      known_at: this.#context.wallClockMs,
    }
    for (const { name } of this.#schema.fields) row[name] = value[name]
    this.#context.forward(
      { key, value: row, timestampMs, headers: noHeaders },
      studentRowsPorts.rows,
    )
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

function dropKey(rows: StudentRows, file: DroppedFile): facts.DropKey {
  return [rows.file_hash, file.file_name, rows.dropped_at]
}
