/** One Parquet file of a lake in the making, on this machine. What is held of it is its directory of row groups. */
import { createHash } from 'node:crypto'
import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { ByteWriter, ParquetWriter } from 'hyparquet-writer'
import { schemaOf, type LakeColumn } from './parquet-columns.ts'

export const compressions = ['snappy', 'gzip', 'zstd', 'none'] as const
export type Compression = (typeof compressions)[number]

export interface FinishedFile {
  /** Where it is now. */
  readonly file: string
  readonly rows: number
  readonly bytes: number
  /** Hexadecimal. */
  readonly sha256: string
}

const codecs = { snappy: 'SNAPPY', gzip: 'GZIP', zstd: 'ZSTD', none: 'UNCOMPRESSED' } as const

/** Snappy is the library's own. */
const compressors = {
  GZIP: (input: Uint8Array): Uint8Array => gzipSync(input),
  ZSTD: (input: Uint8Array): Uint8Array => zstdCompressSync(input),
}

/** Of whoever reads files that were written here. */
export const decompressors = {
  GZIP: (input: Uint8Array): Uint8Array => gunzipSync(input),
  ZSTD: (input: Uint8Array): Uint8Array => zstdDecompressSync(input),
}

const firstBytes = 16 * 1024

export class LakeFile {
  readonly #file: string
  readonly #columns: readonly LakeColumn[]
  readonly #descriptor: number
  readonly #buffer = new ByteWriter(firstBytes)
  readonly #writer: ParquetWriter
  readonly #hash = createHash('sha256')
  #isOpen = true
  #rows = 0
  #bytes = 0

  constructor(file: string, columns: readonly LakeColumn[], compression: Compression) {
    this.#file = file
    this.#columns = columns
    this.#descriptor = openSync(file, 'wx')
    const flush = () => {
      this.#flush()
    }
    this.#writer = new ParquetWriter({
      writer: Object.assign(this.#buffer, { flush, finish: flush }),
      schema: schemaOf(columns),
      codec: codecs[compression],
      compressors,
      createdBy: 'tidemark',
    })
  }

  /** Written so far. */
  get bytes(): number {
    return this.#bytes
  }

  /** One row group. @param values of each column, a value a row */
  async add(values: readonly (readonly unknown[])[], rows: number): Promise<void> {
    const columnData = this.#columns.map(({ name, isBytes }, index) => ({
      name,
      data: values[index] as unknown[],
      offsetIndex: false,
      // Bytes have no order that a reader could use.
      statistics: !isBytes,
    }))
    await this.#writer.write({ columnData, rowGroupSize: rows })
    this.#rows += rows
  }

  async finish(): Promise<FinishedFile> {
    await this.#writer.finish()
    this.#close()
    const sha256 = this.#hash.digest('hex')
    return { file: this.#file, rows: this.#rows, bytes: this.#bytes, sha256 }
  }

  /** Leaves nothing behind. */
  giveUp(): void {
    this.#close()
    rmSync(this.#file, { force: true })
  }

  /** The buffer grows with the row group, and many files are open at once: a new one takes its place. */
  #flush(): void {
    const bytes = this.#buffer.getBytes()
    for (let at = 0; at < bytes.length;) at += writeSync(this.#descriptor, bytes, at)
    this.#hash.update(bytes)
    this.#bytes += bytes.length
    this.#buffer.index = 0
    if (this.#buffer.buffer.byteLength === firstBytes) return
    this.#buffer.buffer = new ArrayBuffer(firstBytes)
    this.#buffer.view = new DataView(this.#buffer.buffer)
  }

  #close(): void {
    if (this.#isOpen) closeSync(this.#descriptor)
    this.#isOpen = false
  }
}
