/**
 * Rows out of ClickHouse's Native format (https://clickhouse.com/docs/interfaces/formats/Native): blocks of columns, as
 * they are asked for over HTTP and from the engine in this process, where dictionaries are written as what they stand for.
 * What is held is the block that is being read.
 */
import { parseType } from '../clickhouse/column-type.ts'
import { unitOf, type LakeColumn } from './parquet-columns.ts'

export interface Block {
  readonly rows: number
  /** In the order of the query; each has a value a row. */
  readonly columns: readonly (readonly unknown[])[]
  /** Of the block as it came. */
  readonly bytes: number
}

/** @param columns of the query, in its order; their types are those of the stream */
export async function* readBlocks(
  body: AsyncIterable<Uint8Array>,
  columns: readonly LakeColumn[],
): AsyncGenerator<Block> {
  let pieces: Buffer[] = []
  let held = 0
  /** Below it another try is not worth its time: a block is read from its start again. */
  let wanted = 1
  for await (const chunk of body) {
    pieces.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length))
    held += chunk.length
    if (held < wanted) continue
    const rest: Buffer = yield* wholeBlocks(Buffer.concat(pieces), columns)
    pieces = rest.length === 0 ? [] : [rest]
    held = rest.length
    wanted = Math.ceil(held * 1.5) + 1
  }
  if (held === 0) return
  const rest = yield* wholeBlocks(Buffer.concat(pieces), columns)
  if (rest.length > 0) throw new RangeError('a block of ClickHouse ends before its last column')
}

/** One after the other: several may have come at once. @returns the bytes of one that is not whole */
function* wholeBlocks(bytes: Buffer, columns: readonly LakeColumn[]): Generator<Block, Buffer> {
  const reader = new BlockReader(bytes)
  for (let from = 0; from < bytes.length; from = reader.position) {
    let block: Omit<Block, 'bytes'>
    try {
      block = reader.block(columns)
    } catch (thrown) {
      if (thrown instanceof CutShort) return bytes.subarray(from)
      throw thrown
    }
    yield { ...block, bytes: reader.position - from }
  }
  return Buffer.alloc(0)
}

/** Of DateTime, Native leaves the zone out where no client has said its version. */
function withoutZones(type: string): string {
  return type.replaceAll(/\bDateTime\('[^']*'\)/g, 'DateTime')
}

/** The bytes that are here end within a block. */
class CutShort extends Error {}

class BlockReader {
  readonly #bytes: Buffer
  position = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  block(columns: readonly LakeColumn[]): Omit<Block, 'bytes'> {
    const columnCount = this.#varint()
    const rows = this.#varint()
    const values: unknown[][] = []
    for (let index = 0; index < columnCount; index += 1) {
      const name = this.#text()
      const type = this.#text()
      const column = columns[index]
      if (column?.name !== name || withoutZones(column.type) !== withoutZones(type)) {
        throw new RangeError(`asked for ${column?.name} ${column?.type}, but got ${name} ${type}`)
      }
      values.push(rows === 0 ? [] : this.#column(type, rows, column.isBytes))
    }
    return { rows, columns: values }
  }

  #column(type: string, rows: number, isBytes: boolean): unknown[] {
    const { name, inner } = parseType(type)
    const [first = '', second = ''] = inner
    if (name === 'Nullable') {
      const isNull = this.#take(rows)
      const values = this.#column(first, rows, isBytes)
      return values.map((value, row) => (isNull[row] === 1 ? null : value))
    }
    if (name === 'Array') {
      const ends = this.#ends(rows)
      const values = this.#column(first, ends.at(-1) ?? 0, isBytes)
      return ends.map((end, row) => values.slice(row === 0 ? 0 : ends[row - 1], end))
    }
    if (name === 'Map') {
      const ends = this.#ends(rows)
      const count = ends.at(-1) ?? 0
      const keys = this.#column(first, count, false)
      const values = this.#column(second, count, isBytes)
      const pairs = keys.map((key, index) => [key, values[index]])
      return ends.map((end, row) => pairs.slice(row === 0 ? 0 : ends[row - 1], end))
    }
    return this.#leaf(name, inner, rows, isBytes)
  }

  #leaf(name: string, inner: readonly string[], rows: number, isBytes: boolean): unknown[] {
    switch (name) {
      case 'String':
        return this.#texts(rows, isBytes)
      case 'Bool':
        return Array.from(this.#take(rows), (byte) => byte === 1)
      case 'Int8':
        return [...new Int8Array(this.#aligned(rows))]
      case 'UInt8':
        return [...new Uint8Array(this.#aligned(rows))]
      case 'Int16':
        return [...new Int16Array(this.#aligned(2 * rows))]
      case 'UInt16':
      case 'Date':
        return [...new Uint16Array(this.#aligned(2 * rows))]
      case 'Int32':
      case 'Date32':
        return [...new Int32Array(this.#aligned(4 * rows))]
      case 'UInt32':
        return [...new Uint32Array(this.#aligned(4 * rows))]
      case 'DateTime':
        return Array.from(new Uint32Array(this.#aligned(4 * rows)), (s) => BigInt(s) * 1000n)
      case 'Int64':
        return [...new BigInt64Array(this.#aligned(8 * rows))]
      case 'UInt64':
        return [...new BigUint64Array(this.#aligned(8 * rows))]
      case 'Float32':
        return [...new Float32Array(this.#aligned(4 * rows))]
      case 'Float64':
        return [...new Float64Array(this.#aligned(8 * rows))]
      case 'DateTime64':
        return this.#times(rows, Number(inner[0]))
      default:
        throw new RangeError(`a column of ${name} is not read here`)
    }
  }

  /** In the unit that the file has them in. */
  #times(rows: number, digits: number): unknown[] {
    const ticks = new BigInt64Array(this.#aligned(8 * rows))
    const unitDigits = { MILLIS: 3, MICROS: 6, NANOS: 9 }[unitOf(digits)]
    if (unitDigits === digits) return [...ticks]
    const factor = 10n ** BigInt(unitDigits - digits)
    return Array.from(ticks, (tick) => tick * factor)
  }

  #texts(rows: number, isBytes: boolean): unknown[] {
    const values = new Array<unknown>(rows)
    for (let row = 0; row < rows; row += 1) {
      const bytes = this.#take(this.#varint())
      // A copy: the block that it lies in goes.
      values[row] = isBytes ? Buffer.from(bytes) : bytes.toString('utf8')
    }
    return values
  }

  /** Where each row's elements end. */
  #ends(rows: number): number[] {
    return Array.from(new BigUint64Array(this.#aligned(8 * rows)), Number)
  }

  #text(): string {
    return this.#take(this.#varint()).toString('utf8')
  }

  #varint(): number {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = this.#bytes[this.position]
      if (byte === undefined) throw new CutShort()
      this.position += 1
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
  }

  #take(count: number): Buffer {
    const from = this.position
    if (from + count > this.#bytes.length) throw new CutShort()
    this.position += count
    return this.#bytes.subarray(from, this.position)
  }

  /** Typed arrays need their bytes at an even place; numbers are little-endian, as this machine's are. */
  #aligned(count: number): ArrayBuffer {
    const bytes = this.#take(count)
    const copy = new ArrayBuffer(count)
    new Uint8Array(copy).set(bytes)
    return copy
  }
}
