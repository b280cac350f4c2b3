/** Cleaned rows as Parquet: a column of each field under its name, numbers as INT32, texts as strings. */
import { renameSync, rmSync } from 'node:fs'
import { fileWriter, ParquetWriter } from 'hyparquet-writer'
import type { FileSchema } from '../../quality/file-schema.ts'
import type { RowBatch } from './row-batch.ts'

/** Written aside and renamed: what bears the name is whole. A batch of rows is a row group. */
export class ParquetFile {
  readonly #path: string
  readonly #aside: string
  readonly #schema: FileSchema
  readonly #writer: ParquetWriter

  constructor(path: string, schema: FileSchema) {
    this.#path = path
    this.#aside = `${path}.part`
    this.#schema = schema
    this.#writer = new ParquetWriter({
      writer: fileWriter(this.#aside),
      schema: [
        { name: 'root', num_children: schema.fields.length },
        ...schema.fields.map(({ name, type }) =>
          type === 'text'
            ? ({
                name,
                type: 'BYTE_ARRAY',
                converted_type: 'UTF8',
                repetition_type: 'REQUIRED',
              } as const)
            : ({ name, type: 'INT32', repetition_type: 'REQUIRED' } as const),
        ),
      ],
      // Indexes of a dictionary, packed into bits, have little left to compress: snappy makes the file larger.
      codec: 'UNCOMPRESSED',
      statistics: false,
    })
  }

  async add({ rowNumbers, columns }: RowBatch): Promise<void> {
    const columnData = this.#schema.fields.map((field, index) => {
      const codes = columns[index] as Uint8Array
      const data =
        field.type === 'text'
          ? Array.from(codes, (code) => field.values[code] as string)
          : Int32Array.from(codes)
      return { name: field.name, data, encoding: 'RLE_DICTIONARY' as const, offsetIndex: false }
    })
    await this.#writer.write({ columnData, rowGroupSize: rowNumbers.length })
  }

  async finish(): Promise<void> {
    await this.#writer.finish()
    renameSync(this.#aside, this.#path)
  }

  /** Leaves nothing behind. */
  giveUp(): void {
    rmSync(this.#aside, { force: true })
  }
}
