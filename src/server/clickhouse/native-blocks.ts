/**
 * The Native format for clients that name a `client_protocol_version` (clickhouse-go and with it Grafana,
 * clickhouse-connect): the server writes a block info before each block, and from revision 54454 a byte before each
 * column's data that says whether its serialization is a special one. The embedded engine writes neither, and its
 * columns are never special, so the bytes are put in here. For that each column's end must be found: this file
 * knows how long a column of any type is.
 */
import { elementType, parseType } from '../../sinks/clickhouse/column-type.ts'
import { ClickHouseFailure } from '../../sinks/clickhouse/failure.ts'

const revisionWithCustomSerialization = 54_454
/** Field 1, is_overflows: false; field 2, bucket_num: −1; end. */
const blockInfo = Buffer.from([1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0])
const ordinarySerialization = Buffer.from([0])

/** @param body chunks of whole blocks, as the engine hands them out */
export async function* nativeBlocks(
  body: AsyncIterable<Uint8Array>,
  revision: number,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
    yield revision <= 0 ? bytes : Buffer.concat(rewritten(bytes, revision))
  }
}

function rewritten(bytes: Buffer, revision: number): Buffer[] {
  const parts: Buffer[] = []
  const cursor = new NativeCursor(bytes)
  while (!cursor.atEnd) {
    parts.push(blockInfo)
    let from = cursor.position
    const columns = cursor.varint()
    const rows = cursor.varint()
    for (let column = 0; column < columns; column++) {
      cursor.text()
      const type = cursor.text()
      if (revision >= revisionWithCustomSerialization) {
        parts.push(bytes.subarray(from, cursor.position), ordinarySerialization)
        from = cursor.position
      }
      if (rows > 0) {
        cursor.skipPrefix(type)
        cursor.skipColumn(type, rows)
      }
    }
    parts.push(bytes.subarray(from, cursor.position))
  }
  return parts
}

const fixedWidths: Readonly<Record<string, number>> = {
  Bool: 1,
  Int8: 1,
  UInt8: 1,
  Enum8: 1,
  Nothing: 1,
  Int16: 2,
  UInt16: 2,
  Enum16: 2,
  Date: 2,
  BFloat16: 2,
  Int32: 4,
  UInt32: 4,
  Float32: 4,
  Date32: 4,
  DateTime: 4,
  IPv4: 4,
  Time: 4,
  Decimal32: 4,
  Int64: 8,
  UInt64: 8,
  Float64: 8,
  DateTime64: 8,
  Time64: 8,
  Decimal64: 8,
  Int128: 16,
  UInt128: 16,
  UUID: 16,
  IPv6: 16,
  Decimal128: 16,
  Int256: 32,
  UInt256: 32,
  Decimal256: 32,
}

/** Types that are another type under the hood. */
const aliases: Readonly<Record<string, string>> = {
  Point: 'Tuple(Float64, Float64)',
  Ring: 'Array(Point)',
  LineString: 'Array(Point)',
  MultiLineString: 'Array(LineString)',
  Polygon: 'Array(Ring)',
  MultiPolygon: 'Array(Polygon)',
}

class NativeCursor {
  readonly #bytes: Buffer
  position = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get atEnd(): boolean {
    return this.position >= this.#bytes.length
  }

  varint(): number {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = this.#bytes[this.position++] ?? 0
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
  }

  text(): string {
    const length = this.varint()
    this.position += length
    return this.#bytes.toString('utf8', this.position - length, this.position)
  }

  /** What a column writes once, before its data: only dictionaries do, wherever they are nested. */
  skipPrefix(type: string): void {
    const { name, inner } = resolved(type)
    if (name === 'LowCardinality') this.position += 8
    else if (name === 'Array' || name === 'Nullable') this.skipPrefix(inner[0] ?? '')
    else if (name === 'Map' || name === 'Tuple') {
      for (const part of inner) this.skipPrefix(elementType(part))
    }
  }

  skipColumn(type: string, rows: number): void {
    const { name, inner } = resolved(type)
    const width = fixedWidths[name] ?? variableWidth(name, inner)
    if (width !== null) this.position += width * rows
    else if (name === 'String') this.#skipTexts(rows)
    else if (name === 'Nullable') {
      this.position += rows
      this.skipColumn(inner[0] ?? '', rows)
    } else if (name === 'Array') this.skipColumn(inner[0] ?? '', this.#offsets(rows))
    else if (name === 'Map') {
      const pairs = this.#offsets(rows)
      for (const part of inner) this.skipColumn(part, pairs)
    } else if (name === 'Tuple') {
      if (inner.length === 0) this.position += rows
      for (const part of inner) this.skipColumn(elementType(part), rows)
    } else if (name === 'LowCardinality') this.#skipDictionary(inner[0] ?? '', rows)
    else throw unsupported(type)
  }

  #skipTexts(rows: number): void {
    for (let row = 0; row < rows; row++) {
      const length = this.varint()
      this.position += length
    }
  }

  /** The ends of the rows' arrays; returns the last, which is how many elements there are. */
  #offsets(rows: number): number {
    if (rows === 0) return 0
    this.position += 8 * rows
    return Number(this.#bytes.readBigUInt64LE(this.position - 8))
  }

  #skipDictionary(type: string, rows: number): void {
    if (rows === 0) return
    const flags = this.#word()
    const indexWidth = 2 ** (flags & 0xff)
    const { name, inner } = parseType(type)
    const keyType = name === 'Nullable' ? (inner[0] ?? '') : type
    if ((flags & 0x100) !== 0) this.skipColumn(keyType, this.#word())
    if ((flags & 0x200) !== 0) this.skipColumn(keyType, this.#word())
    const indexes = this.#word()
    this.position += indexes * indexWidth
  }

  #word(): number {
    this.position += 8
    return Number(this.#bytes.readBigUInt64LE(this.position - 8))
  }
}

function resolved(type: string): ReturnType<typeof parseType> {
  const parsed = parseType(aliases[type] ?? type)
  // The last argument of SimpleAggregateFunction is what is stored.
  if (parsed.name === 'SimpleAggregateFunction') return resolved(parsed.inner.at(-1) ?? '')
  if (parsed.name === 'Nested') return resolved(`Array(Tuple(${parsed.inner.join(', ')}))`)
  return parsed
}

function variableWidth(name: string, inner: readonly string[]): number | null {
  if (name.startsWith('Interval')) return 8
  if (name === 'FixedString') return Number(inner[0])
  if (name !== 'Decimal') return null
  const precision = Number(inner[0])
  if (precision <= 9) return 4
  if (precision <= 18) return 8
  return precision <= 38 ? 16 : 32
}

function unsupported(type: string): ClickHouseFailure {
  const message = `Native cannot carry ${type} to this client here: wrap the column in toString()`
  return new ClickHouseFailure(48, 'NOT_IMPLEMENTED', message)
}
