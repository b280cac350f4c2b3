/** The facts of student performance: rows by the part of the file they came in, and the files that were dropped. */
import { defineFactTable, type FactMetadata } from './define.ts'

/** Besides these, a column of each field of the file's schema: one byte a row. */
export interface StudentDataFact extends FactMetadata {
  readonly file_hash: string
  readonly batch: number
  readonly row_number: readonly number[]
  readonly [field: string]: unknown
}

export interface DropFact extends FactMetadata {
  readonly file_hash: string
  readonly file_name: string
  /** Milliseconds since the epoch. */
  readonly modified_at: number
  readonly bytes: number
  readonly batches: number
  readonly rows_read: number
  readonly rows_removed: number
  readonly finding_check: readonly string[]
  readonly finding_column: readonly string[]
  readonly finding_rows: readonly number[]
  readonly finding_detail: readonly string[]
}

export type BatchKey = readonly [fileHash: string, batch: number]
export type DropKey = readonly [fileHash: string, fileName: string, modifiedAtMs: number]

export const studentData = defineFactTable<BatchKey, StudentDataFact>(
  'student_performance',
  'student_data',
  ['file_hash', 'batch'],
)
export const drops = defineFactTable<DropKey, DropFact>('student_performance', 'drops', [
  'file_hash',
  'file_name',
  'modified_at',
])
