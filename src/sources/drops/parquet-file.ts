/**
 * Cleaned rows as Parquet: a column of each field under its name, numbers as INT32, texts as strings. Not by the library that
 * writes the lake: it finds out of values what the codes of a batch say already, and took more time than all the rest of
 * reading a file.
 */
import { randomBytes } from 'node:crypto'
import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import type { FileSchema } from '../../quality/file-schema.ts'
import { ParquetBytes } from './parquet-bytes.ts'
import {
  encodings,
  parquetColumn,
  physicalTypes,
  writeColumn,
  type ParquetColumn,
  type WrittenColumn,
} from './parquet-column.ts'
import { columnOf, type RowBatch } from './row-batch.ts'

interface RowGroup {
  readonly rows: number
  readonly columns: readonly WrittenColumn[]
}

const magic = Buffer.from('PAR1')
const createdBy = Buffer.from('tidemark')
const root = Buffer.from('root')
/** Parquet's numbers: every row has a value, and bytes are text. */
const required = 0
const utf8 = 0
const uncompressed = 0
/** What is held before it is written; a file of some hundred rows takes 8 KB. */
const heldBytesMax = 64 * 1024

/** Written aside and renamed: what bears the name is whole. A batch of rows is a row group. */
export class ParquetFile {
  readonly #path: string
  readonly #aside: string
  readonly #columns: readonly ParquetColumn[]
  readonly #descriptor: number
  readonly #out = new ParquetBytes()
  readonly #groups: RowGroup[] = []
  #isOpen = true
  #bytes = 0

  constructor(path: string, schema: FileSchema) {
    this.#path = path
    // Of one name and content there may be two at once, in two threads: packed and not.
    this.#aside = `${path}.${randomBytes(3).toString('hex')}.part`
    this.#columns = columnsOf(schema)
    this.#descriptor = openSync(this.#aside, 'w')
    this.#out.raw(magic)
  }

  add(batch: RowBatch): void {
    const rows = batch.rowNumbers.length
    if (rows === 0) return
    const written = this.#columns.map((column, index) =>
      writeColumn(this.#out, column, columnOf(batch, index), this.#bytes),
    )
    this.#groups.push({ rows, columns: written })
    if (this.#out.length >= heldBytesMax) this.#write()
  }

  /** @returns the size of the file, bytes */
  finish(): number {
    const footerStart = this.#out.length
    this.#out.struct(() => {
      this.#writeFooter()
    })
    this.#out.int32(this.#out.length - footerStart)
    this.#out.raw(magic)
    this.#write()
    this.#close()
    renameSync(this.#aside, this.#path)
    return this.#bytes
  }

  /** Leaves nothing behind. */
  giveUp(): void {
    this.#close()
    rmSync(this.#aside, { force: true })
  }

  #writeFooter(): void {
    const out = this.#out
    out.i32(1, 1)
    out.structList(2, [null, ...this.#columns], (column) => {
      this.#writeElement(column)
    })
    out.i64(
      3,
      this.#groups.reduce((sum, { rows }) => sum + rows, 0),
    )
    out.structList(4, this.#groups, (group) => {
      this.#writeGroup(group)
    })
    out.text(6, createdBy)
  }

  /** Of the file's schema. @param column null for the root */
  #writeElement(column: ParquetColumn | null): void {
    const out = this.#out
    if (column === null) {
      out.text(4, root)
      out.i32(5, this.#columns.length)
      return
    }
    out.i32(1, column.isText ? physicalTypes.byteArray : physicalTypes.int32)
    out.i32(3, required)
    out.text(4, column.name)
    if (column.isText) out.i32(6, utf8)
  }

  #writeGroup({ rows, columns }: RowGroup): void {
    const out = this.#out
    out.structList(1, [...columns.entries()], ([index, written]) => {
      // Where its description is repeated; nowhere.
      out.i64(2, 0)
      out.structField(3, () => {
        this.#writeChunk(this.#columns[index] as ParquetColumn, written, rows)
      })
    })
    out.i64(
      2,
      columns.reduce((sum, { bytes }) => sum + bytes, 0),
    )
    out.i64(3, rows)
  }

  #writeChunk(column: ParquetColumn, written: WrittenColumn, rows: number): void {
    const out = this.#out
    out.i32(1, column.isText ? physicalTypes.byteArray : physicalTypes.int32)
    out.i32List(2, [encodings.plain, encodings.rle, encodings.rleDictionary])
    out.textList(3, [column.name])
    // Indexes of a dictionary, packed into bits, have little left to compress: snappy makes the file larger.
    out.i32(4, uncompressed)
    out.i64(5, rows)
    out.i64(6, written.bytes)
    out.i64(7, written.bytes)
    out.i64(9, written.dataOffset)
    out.i64(11, written.dictionaryOffset)
  }

  #write(): void {
    const bytes = this.#out.take()
    for (let at = 0; at < bytes.length;) at += writeSync(this.#descriptor, bytes, at)
    this.#bytes += bytes.length
  }

  #close(): void {
    if (this.#isOpen) closeSync(this.#descriptor)
    this.#isOpen = false
  }
}

const known = new WeakMap<FileSchema, readonly ParquetColumn[]>()

function columnsOf(schema: FileSchema): readonly ParquetColumn[] {
  let columns = known.get(schema)
  if (columns === undefined) {
    columns = schema.fields.map(parquetColumn)
    known.set(schema, columns)
  }
  return columns
}
