/**
 * Rows of delimited text to codes, byte by byte: no text is made of a cell that was met before. This is the reader's inner
 * loop, some ten times as fast as splitting lines into cells (`docs/benchmarks.md`). Cells are RFC 4180's: a quoted one may
 * hold delimiters, line ends and doubled quotes.
 */
import type { CellCodes } from './cell-codes.ts'
import { hashOf, nextHash, unreadableCode } from './cell-codes.ts'

export interface ScannedRow {
  /** Where the row begins; from 1. */
  readonly line: number
  /** How many cells it has; the codes of more than there are columns are left out. */
  readonly cells: number
  /** Whether every code is that of a value. */
  readonly isGood: boolean
  /** A code for each column of the file; the same array for every row. */
  readonly codes: Int16Array
  /** What the row is part of, where it begins there, and where each cell ends from there; for whoever wants to show one. */
  readonly bytes: Buffer
  readonly start: number
  readonly ends: Int32Array
}

/** A row that cannot be told from the next one: nothing behind it can be read. */
export interface BrokenRow {
  readonly line: number
  readonly reason: string
}

const quote = 0x22
const lineFeed = 0x0a
const carriageReturn = 0x0d
const space = 0x20
const tab = 0x09

export class RowScanner {
  readonly #columns: readonly CellCodes[]
  readonly #delimiter: number
  readonly #rowBytesMax: number
  readonly #codes: Int16Array
  readonly #ends: Int32Array
  #carried: Buffer | null = null
  #line: number

  /** @param line of the first row */
  constructor(columns: readonly CellCodes[], delimiter: string, rowBytesMax: number, line: number) {
    this.#columns = columns
    this.#delimiter = delimiter.charCodeAt(0)
    this.#rowBytesMax = rowBytesMax
    this.#codes = new Int16Array(columns.length)
    this.#ends = new Int32Array(columns.length)
    this.#line = line
  }

  /** Hands on each whole row; the rest waits for the next chunk.
   * @returns what ends the reading, or null */
  scan(chunk: Buffer, onRow: (row: ScannedRow) => void): BrokenRow | null {
    const bytes = this.#carried === null ? chunk : Buffer.concat([this.#carried, chunk])
    const end = this.#rows(bytes, onRow)
    if (bytes.length - end > this.#rowBytesMax) {
      return { line: this.#line, reason: `a row of more than ${this.#rowBytesMax} bytes` }
    }
    this.#carried = end === bytes.length ? null : Buffer.from(bytes.subarray(end))
    return null
  }

  /** The last row may lack its line's end. */
  end(onRow: (row: ScannedRow) => void): BrokenRow | null {
    const last = this.#carried
    if (last === null) return null
    this.#carried = null
    const withEnd = Buffer.concat([last, Buffer.from('\n')])
    if (this.#rows(withEnd, onRow) === withEnd.length) return null
    return { line: this.#line, reason: 'a quoted cell that never closes' }
  }

  /** How far whole rows go. */
  #rows(bytes: Buffer, onRow: (row: ScannedRow) => void): number {
    const delimiter = this.#delimiter
    const columns = this.#columns
    const count = columns.length
    const codes = this.#codes
    const ends = this.#ends
    const limit = bytes.length
    let rowStart = 0
    let cell = 0
    let isGood = true
    let linesInside = 0
    for (let at = 0; at < limit; at++) {
      const cellStart = at
      let byte = bytes[at] as number
      let hash = 0
      if (byte === quote) {
        at = endOfQuoted(bytes, cellStart, delimiter)
        if (at === limit) return rowStart
        byte = bytes[at] as number
        hash = hashOf(bytes, cellStart, at)
        linesInside += linesIn(bytes, cellStart, at)
      }
      while (byte !== delimiter && byte !== lineFeed) {
        hash = nextHash(hash, byte)
        if (++at === limit) return rowStart
        byte = bytes[at] as number
      }
      let cellEnd = at
      if (byte === lineFeed && cellEnd > cellStart && bytes[cellEnd - 1] === carriageReturn) {
        cellEnd--
        hash = hashOf(bytes, cellStart, cellEnd)
      }
      if (cell < count) {
        const code = (columns[cell] as CellCodes).read(bytes, cellStart, cellEnd, hash)
        codes[cell] = code
        ends[cell] = cellEnd - rowStart
        if (code < 0) isGood = false
      }
      cell++
      if (byte !== lineFeed) continue
      if (cell > 1 || !isBlank(bytes, rowStart, cellEnd)) {
        onRow({
          line: this.#line,
          cells: cell,
          isGood: isGood && cell === count,
          codes,
          bytes,
          start: rowStart,
          ends,
        })
      }
      this.#line += 1 + linesInside
      rowStart = at + 1
      cell = 0
      linesInside = 0
      isGood = true
    }
    return rowStart
  }
}

/** Of a cell that begins with a quote: the delimiter or line end behind it, or the end of the bytes. */
function endOfQuoted(bytes: Buffer, from: number, delimiter: number): number {
  let isOpen = false
  for (let at = from; at < bytes.length; at++) {
    const byte = bytes[at]
    if (byte === quote) isOpen = !isOpen
    else if (!isOpen && (byte === delimiter || byte === lineFeed)) return at
  }
  return bytes.length
}

function linesIn(bytes: Buffer, from: number, to: number): number {
  let lines = 0
  for (let at = from; at < to; at++) if (bytes[at] === lineFeed) lines++
  return lines
}

/** Whether a cell of the row is no cell at all. */
export function isUnreadable({ codes, cells }: ScannedRow): boolean {
  return codes.subarray(0, cells).includes(unreadableCode)
}

/** The bytes of one cell. */
export function cellOf({ bytes, start, ends }: ScannedRow, cell: number): Buffer {
  const from = cell === 0 ? 0 : (ends[cell - 1] as number) + 1
  return bytes.subarray(start + from, start + (ends[cell] as number))
}

function isBlank(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    if (bytes[at] !== space && bytes[at] !== tab) return false
  }
  return true
}
