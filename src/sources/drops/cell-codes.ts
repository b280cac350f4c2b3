/** Codes of the cells of one field, found by their bytes: a text is decoded and judged the first time it is met. */
import { isUtf8 } from 'node:buffer'
import { parseCsvRow } from '../../quality/csv-row.ts'
import type { FileSchema } from '../../quality/file-schema.ts'
import { FieldReader } from './field-reader.ts'

/** Of the cell's text: its row is unreadable. */
export const unreadableCode = -3

const slots = 512
const free = -1
/** Different cells that are remembered; others are judged each time. */
const cellsMax = slots / 2
/** A longer cell is judged each time. */
const cellBytesMax = 64

/** The hash of so few bytes is these bytes. */
const exactBytesMax = 4

/** Of the bytes of a cell, one after another, from 0. */
export function nextHash(hash: number, byte: number): number {
  return ((hash << 8) | (hash >>> 24)) ^ byte
}

/** The same, of all bytes of a cell. */
export function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0
  for (let at = from; at < to; at++) hash = nextHash(hash, bytes[at] as number)
  return hash
}

export class CellCodes {
  readonly #reader: FieldReader
  readonly #delimiter: string
  /** Of each slot, side by side for the processor's cache: the hash; the cell's length above its code, or `free`. */
  readonly #slots = new Int32Array(slots * 2).fill(free)
  readonly #cells = new Uint8Array(slots * cellBytesMax)
  #count = 0

  constructor(reader: FieldReader, delimiter: string) {
    this.#reader = reader
    this.#delimiter = delimiter
  }

  /** @param hash of these bytes, by which equal ones are found; @param to behind the last one */
  read(bytes: Uint8Array, from: number, to: number, hash: number): number {
    const length = to - from
    const table = this.#slots
    let slot = (hash ^ (hash >>> 8) ^ (hash >>> 16)) & (slots - 1)
    for (let found = table[2 * slot + 1] as number; found !== free;) {
      if (
        found >> 16 === length &&
        table[2 * slot] === hash &&
        (length <= exactBytesMax || this.#isEqual(slot, bytes, from, to))
      ) {
        return (found << 16) >> 16
      }
      slot = (slot + 1) & (slots - 1)
      found = table[2 * slot + 1] as number
    }
    const code = this.#judge(bytes.subarray(from, to))
    if (this.#count < cellsMax && length <= cellBytesMax) {
      this.#cells.set(bytes.subarray(from, to), slot * cellBytesMax)
      table[2 * slot] = hash
      table[2 * slot + 1] = (length << 16) | (code & 0xffff)
      this.#count++
    }
    return code
  }

  #isEqual(slot: number, bytes: Uint8Array, from: number, to: number): boolean {
    let at = slot * cellBytesMax
    for (let index = from; index < to; index++) {
      if (this.#cells[at++] !== bytes[index]) return false
    }
    return true
  }

  #judge(bytes: Uint8Array): number {
    const cell = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const text = cellText(cell, this.#delimiter)
    return text === null ? unreadableCode : this.#reader.read(text)
  }
}

/** By schema and delimiter: what was judged in one file need not be judged in the next. */
const known = new WeakMap<FileSchema, Map<string, readonly CellCodes[]>>()

/** In the order of the schema's fields. */
export function cellCodesOf(schema: FileSchema, delimiter: string): readonly CellCodes[] {
  let byDelimiter = known.get(schema)
  if (byDelimiter === undefined) {
    byDelimiter = new Map()
    known.set(schema, byDelimiter)
  }
  let codes = byDelimiter.get(delimiter)
  if (codes === undefined) {
    codes = schema.fields.map((field) => new CellCodes(new FieldReader(field, schema), delimiter))
    byDelimiter.set(delimiter, codes)
  }
  return codes
}

/** Null where the bytes are no cell: not UTF-8, or more than blanks behind the closing quote. */
export function cellText(cell: Buffer, delimiter: string): string | null {
  if (!isUtf8(cell)) return null
  const text = cell.toString('utf8')
  const trimmed = text.trim()
  if (!trimmed.startsWith('"')) return text
  const row = parseCsvRow(trimmed, delimiter)
  return row.kind === 'cells' ? (row.cells[0] ?? '') : null
}
