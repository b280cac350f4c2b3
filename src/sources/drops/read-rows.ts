/** A table of text to batches of codes. Every row is judged; from the first fault on nothing is handed on any more. */
import { messageOf, TidemarkError } from '../../core/errors.ts'
import type { Finding } from '../../processors/student-performance/batch.ts'
import { describeField, type FileSchema } from '../../quality/file-schema.ts'
import { openTable, type TableReader, type TableRow } from '../table-rows.ts'
import { ProblemList, type Problem } from './drop-report.ts'
import { FieldReader, missingCode, refusedCode } from './field-reader.ts'
import { FileFindings } from './file-findings.ts'
import { matchHeader } from './match-header.ts'
import { RowBatchBuilder, type RowBatch } from './row-batch.ts'

/** Of one row; a longer one is a fault of the file. */
const rowBytesMax = 64 * 1024

export interface ReadRows {
  /** Null where there is no header. */
  readonly columns: readonly string[] | null
  readonly rowsRead: number
  readonly rowsRemoved: number
  readonly batches: number
  readonly findings: readonly Finding[]
  /** The first ones; none where the file is good. */
  readonly problems: readonly Problem[]
  readonly problemsTotal: number
}

/** @param onBatch takes each batch in turn; of a file with problems, those before the first problem at most */
export async function readRows(
  chunks: AsyncIterable<Buffer>,
  path: string,
  schema: FileSchema,
  onBatch: (batch: RowBatch) => Promise<void> | void,
): Promise<ReadRows> {
  const reading = new Reading(schema)
  try {
    const table = await openTable(chunks, path, rowBytesMax)
    if (!reading.open(table)) return reading.end()
    for await (const rows of table.rows) {
      for (const row of rows) {
        const full = reading.add(row)
        if (full !== null) await onBatch(full)
      }
    }
    const last = reading.last()
    if (last !== null) await onBatch(last)
  } catch (thrown) {
    if (!(thrown instanceof TidemarkError) || thrown.code !== 'SOURCE_UNREADABLE') throw thrown
    reading.unreadable(messageOf(thrown))
  }
  return reading.end()
}

class Reading {
  readonly #schema: FileSchema
  readonly #readers: readonly FieldReader[]
  readonly #problems = new ProblemList()
  readonly #findings: FileFindings
  readonly #builder: RowBatchBuilder
  readonly #row: Buffer
  #columns: readonly string[] | null = null
  #places: readonly number[] = []
  #rowsRead = 0
  #batches = 0

  constructor(schema: FileSchema) {
    this.#schema = schema
    this.#readers = schema.fields.map((field) => new FieldReader(field, schema))
    this.#findings = new FileFindings(schema)
    this.#builder = new RowBatchBuilder(schema)
    this.#row = Buffer.alloc(schema.fields.length)
  }

  /** False where its columns are not those of the schema: then no row can be judged. */
  open({ header }: TableReader): boolean {
    this.#columns = header.columns
    const places = matchHeader(header.columns, this.#schema, this.#problems)
    this.#places = places ?? []
    return places !== null
  }

  add(row: TableRow): RowBatch | null {
    this.#rowsRead++
    const { cells } = row
    if (cells === null) {
      this.#fault('row_readable', row, '', 'a row of delimited text', row.fault)
      return null
    }
    if (cells.length !== this.#places.length) {
      const expected = `${this.#places.length} cells, as the header has`
      this.#fault('cells_match_header', row, '', expected, `${cells.length}`)
      return null
    }
    if (!this.#readCells(row, cells)) return null
    this.#findings.keep(this.#rowsRead, this.#row)
    if (this.#problems.total > 0) return null
    const full = this.#builder.add(this.#rowsRead, this.#row)
    if (full !== null) this.#batches++
    return full
  }

  /** Null where the file has problems. */
  last(): RowBatch | null {
    const { rowsMin } = this.#schema
    const kept = this.#findings.rowsKept
    if (this.#problems.total === 0 && kept < rowsMin) {
      const expected = `at least ${rowsMin} rows`
      const found = `${kept}, after ${this.#findings.rowsRemoved} with missing values were removed`
      this.#problems.add({ check: 'rows_present', line: 0, column: '', expected, found })
    }
    if (this.#problems.total > 0) return null
    this.#batches++
    return this.#builder.last()
  }

  unreadable(found: string): void {
    const check = this.#columns === null ? 'header_present' : 'file_readable'
    const expected = 'delimited text with a header line'
    this.#problems.add({ check, line: 0, column: '', expected, found })
  }

  end(): ReadRows {
    const { listed, total } = this.#problems
    return {
      columns: this.#columns,
      rowsRead: this.#rowsRead,
      rowsRemoved: this.#findings.rowsRemoved,
      batches: this.#batches,
      findings: total === 0 ? this.#findings.all() : [],
      problems: listed,
      problemsTotal: total,
    }
  }

  /** Into the row in hand; false where it is removed or wrong. */
  #readCells(row: TableRow, cells: readonly string[]): boolean {
    let missing: number[] | null = null
    let isWrong = false
    for (let column = 0; column < cells.length; column++) {
      const place = this.#places[column] as number
      const reader = this.#readers[place] as FieldReader
      const cell = cells[column] as string
      const code = reader.read(cell)
      if (code >= 0) this.#row[place] = code
      else if (code === missingCode) (missing ??= []).push(place)
      else if (code === refusedCode) {
        isWrong = true
        this.#fault('value_allowed', row, reader.field.name, describeField(reader.field), cell)
      }
    }
    if (isWrong) return false
    if (missing === null) return true
    this.#findings.remove(missing)
    return false
  }

  #fault(
    check: Problem['check'],
    { line }: TableRow,
    column: string,
    expected: string,
    found: string,
  ): void {
    this.#problems.add({ check, line, column, expected, found })
  }
}
