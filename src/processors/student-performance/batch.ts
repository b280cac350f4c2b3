/** Events of student performance: some rows of one file, and with its last rows what the file was. */
import { codeLimit, type FileSchema } from '../../quality/file-schema.ts'

export interface Finding {
  readonly check: string
  /** Empty where it concerns whole rows. */
  readonly column: string
  readonly rows: number
  readonly detail: string
}

export interface DroppedFile {
  readonly file_name: string
  readonly bytes: number
  /** How many parts the file has. */
  readonly batches: number
  readonly rows_read: number
  /** For a missing value. */
  readonly rows_removed: number
  readonly findings: readonly Finding[]
}

/** Besides these, a column of each field of the file's schema: one byte a row. */
export interface StudentRows {
  readonly file_hash: string
  readonly batch: number
  /** Of each row, its number in the file, from 1. */
  readonly row_number: readonly number[]
  /** When the file was last changed, milliseconds since the epoch. */
  readonly dropped_at: number
  readonly file: DroppedFile | null
  readonly [field: string]: unknown
}

/** Null where every column has a code of its field for every row; otherwise what was expected and found. */
export function columnsFault(schema: FileSchema, rows: StudentRows): string | null {
  const count = rows.row_number.length
  for (const field of schema.fields) {
    const codes = rows[field.name] as Uint8Array
    if (codes.length !== count) {
      return `${field.name} has ${codes.length} values; expected ${count}, one for each row`
    }
    const limit = codeLimit(field)
    const least = field.type === 'whole' ? field.range[0] : 0
    for (let index = 0; index < count; index++) {
      const code = codes[index] as number
      if (code < limit && code >= least) continue
      return `${field.name} of row ${rows.row_number[index]} is ${code}; expected ${least} to ${limit - 1}`
    }
  }
  return null
}
