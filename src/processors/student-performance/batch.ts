/** Events of student performance: some rows of one file, and with its last rows what the file was; or that they count no more. */
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
  /** The drop was not the whole file: its part counts no more, nor does its line in the list of files. */
  readonly is_retracted?: boolean
  /** As it was dropped; with `dropped_at` it names the drop. Null or absent in parts of earlier versions. */
  readonly file_name?: string | null
  readonly [field: string]: unknown
}

/** Null where its numbers are counts and every column has a code of its field for every row; otherwise what was expected and found. */
export function columnsFault(schema: FileSchema, rows: StudentRows): string | null {
  const count = rows.row_number.length
  if (rows.batch < 0) return `batch is ${rows.batch}; expected 0 or more`
  const misnumbered = rows.row_number.find((number) => number < 1)
  if (misnumbered !== undefined) return `row_number is ${misnumbered}; expected 1 or more`
  const negative = negativeCountOf(rows.file)
  if (negative !== null) return negative
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

function negativeCountOf(file: DroppedFile | null): string | null {
  if (file === null) return null
  const { bytes, batches, rows_read, rows_removed } = file
  const counts = Object.entries({ bytes, batches, rows_read, rows_removed })
  for (const { check, rows } of file.findings) counts.push([`rows of finding ${check}`, rows])
  const found = counts.find(([, count]) => count < 0)
  return found === undefined ? null : `${found[0]} is ${found[1]}; expected 0 or more`
}
