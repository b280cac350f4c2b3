/** A table of text to batches of codes. Every row is judged; from the first fault on nothing is handed on any more. */
import { messageOf, TidemarkError } from '../../core/errors.ts'
import type { Finding } from '../../processors/student-performance/batch.ts'
import { describeField, type FileField, type FileSchema } from '../../quality/file-schema.ts'
import { cellCodesOf, cellText, unreadableCode, type CellCodes } from './cell-codes.ts'
import { ProblemList, type Problem } from './drop-report.ts'
import { missingCode, refusedCode } from './field-reader.ts'
import { FileFindings } from './file-findings.ts'
import { matchHeader } from './match-header.ts'
import { readHeader, type FileHeader } from './read-header.ts'
import { RowBatchBuilder, type RowBatch } from './row-batch.ts'
import { cellOf, isUnreadable, RowScanner, type BrokenRow, type ScannedRow } from './row-scanner.ts'

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
  const iterator = chunks[Symbol.asyncIterator]()
  try {
    const header = await readHeader(iterator, path, rowBytesMax)
    const scanner = reading.open(header)
    if (scanner === null || typeof header === 'string') return reading.end()
    let full: RowBatch[] = []
    const onRow = (row: ScannedRow) => {
      const batch = reading.add(row)
      if (batch !== null) full.push(batch)
    }
    let broken = scanner.scan(header.rest, onRow)
    for (let next = await iterator.next(); next.done !== true && broken === null;) {
      for (const batch of full) await onBatch(batch)
      full = []
      broken = scanner.scan(next.value, onRow)
      next = await iterator.next()
    }
    broken ??= scanner.end(onRow)
    for (const batch of full) await onBatch(batch)
    if (broken !== null) reading.broken(broken)
    const last = reading.last()
    if (last !== null) await onBatch(last)
  } catch (thrown) {
    if (!(thrown instanceof TidemarkError) || thrown.code !== 'SOURCE_UNREADABLE') throw thrown
    // Without the path: it is that of a copy.
    reading.unreadable(messageOf(thrown.cause ?? thrown))
  } finally {
    await iterator.return?.()
  }
  return reading.end()
}

class Reading {
  readonly #schema: FileSchema
  readonly #problems = new ProblemList()
  readonly #findings: FileFindings
  readonly #builder: RowBatchBuilder
  readonly #row: Buffer
  #columns: readonly string[] | null = null
  #places: readonly number[] = []
  #delimiter = ','
  #rowsRead = 0
  #batches = 0

  constructor(schema: FileSchema) {
    this.#schema = schema
    this.#findings = new FileFindings(schema)
    this.#builder = new RowBatchBuilder(schema)
    this.#row = Buffer.alloc(schema.fields.length)
  }

  /** Null where its columns are not those of the schema: then no row can be judged. */
  open(header: FileHeader | string): RowScanner | null {
    if (typeof header === 'string') {
      this.unreadable(header)
      return null
    }
    const { columns, delimiter, line } = header
    this.#columns = columns
    this.#delimiter = delimiter
    const places = matchHeader(columns, this.#schema, this.#problems)
    if (places === null) return null
    this.#places = places
    const codes = cellCodesOf(this.#schema, delimiter)
    const cells = places.map((place) => codes[place] as CellCodes)
    return new RowScanner(cells, delimiter, rowBytesMax, line + 1)
  }

  add(row: ScannedRow): RowBatch | null {
    this.#rowsRead++
    if (row.isGood) {
      const { cells, codes } = row
      const byPlace = this.#row
      const places = this.#places
      for (let column = 0; column < cells; column++) {
        byPlace[places[column] as number] = codes[column] as number
      }
    } else {
      this.#judge(row)
      return null
    }
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

  broken({ line, reason }: BrokenRow): void {
    const expected = 'a row of delimited text'
    const found = `${reason}; what follows was not read`
    this.#problems.add({ check: 'row_readable', line, column: '', expected, found })
  }

  /** A row that has not a value in each cell: it is removed, or a fault. */
  #judge(row: ScannedRow): void {
    const { line, cells, codes } = row
    if (isUnreadable(row)) {
      const expected = 'a row of delimited text'
      const cell = codes.subarray(0, cells).indexOf(unreadableCode)
      const found = `cell ${cell + 1}: the bytes are not UTF-8, or go on behind a closing quote`
      this.#problems.add({ check: 'row_readable', line, column: '', expected, found })
      return
    }
    if (cells !== this.#places.length) {
      const expected = `${this.#places.length} cells, as the header has`
      const check = 'cells_match_header'
      this.#problems.add({ check, line, column: '', expected, found: `${cells}` })
      return
    }
    const missing: number[] = []
    let isWrong = false
    for (const [column, code] of codes.entries()) {
      const place = this.#places[column] as number
      if (code === missingCode) missing.push(place)
      if (code !== refusedCode) continue
      isWrong = true
      const field = this.#schema.fields[place] as FileField
      const found = cellText(cellOf(row, column), this.#delimiter) ?? ''
      const expected = describeField(field)
      this.#problems.add({ check: 'value_allowed', line, column: field.name, expected, found })
    }
    if (!isWrong) this.#findings.remove(missing)
  }
}
