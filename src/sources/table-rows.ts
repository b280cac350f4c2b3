/** Rows of delimited text (CSV, TSV), in bounded memory. One bad row is one bad row: the next line starts anew. */
import { isUtf8 } from 'node:buffer'
import { TidemarkError } from '../core/errors.ts'
import { parseCsvRow, type CsvRow } from '../quality/csv-row.ts'
import { isBlank, lines, type Line } from './lines.ts'

export interface TableRow {
  /** From 1, where the row begins. */
  readonly line: number
  /** As it came; null where it is too long to be held. */
  readonly bytes: Buffer | null
  /** Null where the row cannot be read: then `fault` says why. */
  readonly cells: readonly string[] | null
  readonly fault: string
}

export interface TableHeader {
  readonly columns: readonly string[]
  readonly delimiter: string
}

/** Of a quoted cell that spans lines; beyond it the quote was a mistake. */
const linesOfRowMax = 1000
const quote = 0x22

export interface TableReader {
  readonly header: TableHeader
  readonly rows: AsyncGenerator<readonly TableRow[]>
}

/** @throws TidemarkError SOURCE_UNREADABLE where there is no header */
export async function openTable(
  chunks: AsyncIterable<Buffer>,
  path: string,
  rowBytesMax: number,
): Promise<TableReader> {
  const found = lines(chunks, rowBytesMax)
  let first = await found.next()
  while (first.done !== true && first.value.every(isBlank)) first = await found.next()
  if (first.done === true) throw noHeader(path)
  const headerAt = first.value.findIndex((line) => !isBlank(line))
  const text = first.value[headerAt]?.bytes.toString('utf8') ?? ''
  const delimiter = delimiterOf(text, path)
  const row = parseCsvRow(text, delimiter)
  if (row.kind !== 'cells') throw noHeader(path)
  const assembler = new RowAssembler(delimiter, rowBytesMax)
  return {
    header: { columns: row.cells.map((cell) => cell.trim()), delimiter },
    rows: assembler.rows(first.value.slice(headerAt + 1), found),
  }
}

function noHeader(path: string): TidemarkError {
  return new TidemarkError('SOURCE_UNREADABLE', `${path}: there is no header line`)
}

/** A `.tsv` has tabs; a `.csv` has whichever of comma, semicolon and tab its header has most of. */
export function delimiterOf(header: string, path: string): string {
  if (/\.tsv(\.gz)?$/i.test(path)) return '\t'
  const count = (delimiter: string) => header.split(delimiter).length
  return [',', ';', '\t'].reduce((best, each) => (count(each) > count(best) ? each : best))
}

class RowAssembler {
  readonly #delimiter: string
  readonly #rowBytesMax: number
  /** Lines of a row whose quote is still open. */
  #open: Line[] = []
  #openBytes = 0

  constructor(delimiter: string, rowBytesMax: number) {
    this.#delimiter = delimiter
    this.#rowBytesMax = rowBytesMax
  }

  async *rows(
    first: readonly Line[],
    rest: AsyncGenerator<readonly Line[]>,
  ): AsyncGenerator<readonly TableRow[]> {
    yield this.#take(first)
    for await (const found of rest) yield this.#take(found)
    const last: TableRow[] = []
    this.#giveUp(last)
    if (last.length > 0) yield last
  }

  #take(found: readonly Line[]): TableRow[] {
    const rows: TableRow[] = []
    for (const line of found) this.#add(line, rows)
    return rows
  }

  #add(line: Line, rows: TableRow[]): void {
    if (this.#open.length === 0 && isBlank(line)) return
    if (line.length > this.#rowBytesMax) {
      this.#giveUp(rows)
      const fault = `a line of ${line.length} bytes, more than the ${this.#rowBytesMax} allowed`
      rows.push({ line: line.number, bytes: null, cells: null, fault })
      return
    }
    this.#open.push(line)
    this.#openBytes += line.bytes.length + 1
    const [first] = this.#open as [Line]
    // Only a line with a quote can close a quoted cell.
    const goesOn = this.#open.length > 1 && !line.bytes.includes(quote)
    const bytes = goesOn ? line.bytes : bytesOf(this.#open)
    const row: CsvRow = goesOn ? { kind: 'open' } : parse(bytes, this.#delimiter)
    if (row.kind === 'open') {
      const tooLong = this.#openBytes > this.#rowBytesMax || this.#open.length >= linesOfRowMax
      if (tooLong) this.#giveUp(rows)
      return
    }
    this.#forget()
    const read = row.kind === 'cells'
    rows.push({
      line: first.number,
      bytes,
      cells: read ? row.cells : null,
      fault: read ? '' : row.reason,
    })
  }

  /** The quote never closed: its line is a bad row, and the lines after it are read anew. */
  #giveUp(rows: TableRow[]): void {
    const [first, ...others] = this.#open
    this.#forget()
    if (first === undefined) return
    const fault = 'a quoted cell that never closes'
    rows.push({ line: first.number, bytes: first.bytes, cells: null, fault })
    for (const line of others) this.#add(line, rows)
    this.#giveUp(rows)
  }

  #forget(): void {
    this.#open = []
    this.#openBytes = 0
  }
}

function parse(bytes: Buffer, delimiter: string): CsvRow {
  if (!isUtf8(bytes)) return { kind: 'fault', reason: 'the bytes are not UTF-8' }
  return parseCsvRow(bytes.toString('utf8'), delimiter)
}

function bytesOf(open: readonly Line[]): Buffer {
  if (open.length === 1 && open[0] !== undefined) return open[0].bytes
  const pieces = open.flatMap(({ bytes }, index) =>
    index === 0 ? [bytes] : [Buffer.from('\n'), bytes],
  )
  return Buffer.concat(pieces)
}
