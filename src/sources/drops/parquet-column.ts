/**
 * One column of codes as Parquet: a dictionary of the values that occur, and the place of each row's value in it, packed into
 * bits. Codes are places already, so neither a value is looked at nor a text made. Names and numbers are those of
 * https://github.com/apache/parquet-format.
 */
import { codeLimit, type FileField } from '../../quality/file-schema.ts'
import type { ParquetBytes } from './parquet-bytes.ts'

export const physicalTypes = { int32: 1, byteArray: 6 } as const
export const encodings = { plain: 0, rle: 3, rleDictionary: 8 } as const
const pageTypes = { data: 0, dictionary: 2 } as const

/** What a field is in every file. */
export interface ParquetColumn {
  readonly name: Buffer
  readonly isText: boolean
  /** PLAIN, of each code. */
  readonly values: readonly Buffer[]
}

/** Where a column of a row group lies. */
export interface WrittenColumn {
  readonly dictionaryOffset: number
  readonly dataOffset: number
  readonly bytes: number
}

export function parquetColumn(field: FileField): ParquetColumn {
  const isText = field.type === 'text'
  const values = Array.from({ length: codeLimit(field) }, (_, code) => {
    const bytes = isText ? Buffer.from(field.values[code] ?? '') : Buffer.alloc(0)
    const plain = Buffer.alloc(4 + bytes.length)
    plain.writeInt32LE(isText ? bytes.length : code)
    bytes.copy(plain, 4)
    return plain
  })
  return { name: Buffer.from(field.name), isText, values }
}

/** @param fileOffset of the first of these bytes */
export function writeColumn(
  out: ParquetBytes,
  { values }: ParquetColumn,
  codes: Uint8Array,
  fileOffset: number,
): WrittenColumn {
  const { places, present } = placesOf(codes, values.length)
  const start = out.length
  writeDictionary(
    out,
    present.map((code) => values[code] as Buffer),
  )
  const data = out.length
  writePlaces(out, codes, places, present.length)
  return {
    dictionaryOffset: fileOffset + start,
    dataOffset: fileOffset + data,
    bytes: out.length - start,
  }
}

/** Of each code that occurs, its place among them. */
function placesOf(codes: Uint8Array, limit: number): { places: Uint8Array; present: number[] } {
  const places = new Uint8Array(limit)
  for (let row = 0; row < codes.length; row++) places[codes[row] as number] = 1
  const present: number[] = []
  for (let code = 0; code < limit; code++) {
    if (places[code] === 0) continue
    places[code] = present.length
    present.push(code)
  }
  return { places, present }
}

function writeDictionary(out: ParquetBytes, values: readonly Buffer[]): void {
  const bytes = values.reduce((sum, value) => sum + value.length, 0)
  writePageHeader(out, pageTypes.dictionary, bytes, () => {
    out.structField(7, () => {
      out.i32(1, values.length)
      out.i32(2, encodings.plain)
    })
  })
  for (const value of values) out.raw(value)
}

/** A page of one run: of bits where values differ, of one value where they do not. */
function writePlaces(
  out: ParquetBytes,
  codes: Uint8Array,
  places: Uint8Array,
  different: number,
): void {
  const width = 32 - Math.clz32(different - 1)
  const groups = Math.ceil(codes.length / 8)
  const run = width === 0 ? codes.length * 2 : groups * 2 + 1
  const bytes = 1 + varintBytes(run) + groups * width
  writePageHeader(out, pageTypes.data, bytes, () => {
    out.structField(5, () => {
      out.i32(1, codes.length)
      out.i32(2, encodings.rleDictionary)
      // There are neither nulls nor lists, so there are no levels.
      out.i32(3, encodings.rle)
      out.i32(4, encodings.rle)
    })
  })
  out.byte(width)
  out.varint(run)
  if (width > 0) pack(out.reserve(groups * width), codes, places, width)
}

function writePageHeader(
  out: ParquetBytes,
  type: number,
  bytes: number,
  writeOwn: () => void,
): void {
  out.struct(() => {
    out.i32(1, type)
    // Before compression, and after it: there is none.
    out.i32(2, bytes)
    out.i32(3, bytes)
    writeOwn()
  })
}

/** The least bit first. */
function pack(into: Buffer, codes: Uint8Array, places: Uint8Array, width: number): void {
  let at = 0
  let held = 0
  let bits = 0
  for (let row = 0; row < codes.length; row++) {
    held |= (places[codes[row] as number] as number) << bits
    bits += width
    if (bits < 8) continue
    into[at++] = held & 0xff
    held >>>= 8
    bits -= 8
  }
  if (bits > 0) into[at] = held
}

function varintBytes(value: number): number {
  return Math.max(1, Math.ceil((32 - Math.clz32(value)) / 7))
}
