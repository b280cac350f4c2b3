/** Cleaned rows as Parquet: a column of each field under its name, numbers as INT32, texts as strings. */
import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { ByteWriter, ParquetWriter } from 'hyparquet-writer'
import type { FileField, FileSchema } from '../../quality/file-schema.ts'
import type { RowBatch } from './row-batch.ts'

/** A file of some hundred rows takes 8 KB. */
const firstBytes = 32 * 1024

/** Written aside and renamed: what bears the name is whole. A batch of rows is a row group. */
export class ParquetFile {
  readonly #path: string
  readonly #aside: string
  readonly #schema: FileSchema
  readonly #writer: ParquetWriter
  readonly #descriptor: number
  #isOpen = true
  #bytes = 0

  constructor(path: string, schema: FileSchema) {
    this.#path = path
    this.#aside = `${path}.part`
    this.#schema = schema
    this.#descriptor = openSync(this.#aside, 'w')
    const writer = new ByteWriter(firstBytes)
    // The writer calls it after each row group: what is held is one of them.
    const flush = () => {
      this.#write(writer)
    }
    this.#writer = new ParquetWriter({
      writer: Object.assign(writer, { flush, finish: flush }),
      schema: [
        { name: 'root', num_children: schema.fields.length },
        ...schema.fields.map(elementOf),
      ],
      // Indexes of a dictionary, packed into bits, have little left to compress: snappy makes the file larger.
      codec: 'UNCOMPRESSED',
      statistics: false,
    })
  }

  async add({ rowNumbers, columns }: RowBatch): Promise<void> {
    const columnData = this.#schema.fields.map((field, index) => ({
      name: field.name,
      data: valuesOf(field, columns[index] as Uint8Array),
      encoding: 'RLE_DICTIONARY' as const,
      offsetIndex: false,
    }))
    await this.#writer.write({ columnData, rowGroupSize: rowNumbers.length })
  }

  /** @returns the size of the file, bytes */
  async finish(): Promise<number> {
    await this.#writer.finish()
    this.#close()
    renameSync(this.#aside, this.#path)
    return this.#bytes
  }

  /** Leaves nothing behind. */
  giveUp(): void {
    this.#close()
    rmSync(this.#aside, { force: true })
  }

  #write(writer: ByteWriter): void {
    const bytes = writer.getBytes()
    for (let at = 0; at < bytes.length;) at += writeSync(this.#descriptor, bytes, at)
    this.#bytes += bytes.length
    writer.index = 0
  }

  #close(): void {
    if (this.#isOpen) closeSync(this.#descriptor)
    this.#isOpen = false
  }
}

function elementOf({ name, type }: FileField) {
  if (type === 'whole') return { name, type: 'INT32', repetition_type: 'REQUIRED' } as const
  return {
    name,
    type: 'BYTE_ARRAY',
    converted_type: 'UTF8',
    repetition_type: 'REQUIRED',
  } as const
}

function valuesOf(field: FileField, codes: Uint8Array): Int32Array | string[] {
  if (field.type === 'whole') return new Int32Array(codes)
  const values = new Array<string>(codes.length)
  for (let row = 0; row < codes.length; row++) {
    values[row] = field.values[codes[row] as number] as string
  }
  return values
}
