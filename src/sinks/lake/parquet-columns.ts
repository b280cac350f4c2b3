/**
 * ClickHouse's types as Parquet's (https://github.com/apache/parquet-format: LogicalTypes). A type that Parquet has too
 * is carried as it is, wherever it is nested; any other goes as the text that ClickHouse makes of it.
 *
 * Values in between, as `native-blocks.ts` makes them: numbers up to 32 bits and floats as number, 64 bits as bigint,
 * texts as string or, where a column holds bytes, as Buffer; times as bigint in the unit of the file; a map as its pairs.
 */
import type { SchemaElement } from 'hyparquet'
import { parseType } from '../clickhouse/column-type.ts'

export interface LakeColumn {
  readonly name: string
  /** ClickHouse's type of what is in the file. */
  readonly type: string
  /** A String that holds bytes, and no text. */
  readonly isBytes: boolean
}

type Leaf = Pick<SchemaElement, 'type' | 'converted_type' | 'logical_type'>

const leaves: Readonly<Record<string, Leaf>> = {
  Bool: { type: 'BOOLEAN' },
  Int8: { type: 'INT32', converted_type: 'INT_8' },
  Int16: { type: 'INT32', converted_type: 'INT_16' },
  Int32: { type: 'INT32' },
  Int64: { type: 'INT64' },
  UInt8: { type: 'INT32', converted_type: 'UINT_8' },
  UInt16: { type: 'INT32', converted_type: 'UINT_16' },
  UInt32: { type: 'INT32', converted_type: 'UINT_32' },
  UInt64: { type: 'INT64', converted_type: 'UINT_64' },
  Float32: { type: 'FLOAT' },
  Float64: { type: 'DOUBLE' },
  String: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  Date: { type: 'INT32', converted_type: 'DATE' },
  Date32: { type: 'INT32', converted_type: 'DATE' },
  DateTime: timestamp('MILLIS'),
}
const bytes: Leaf = { type: 'BYTE_ARRAY' }

/** Parquet's unit for a DateTime64 of this many digits behind the second. */
export function unitOf(digits: number): 'MILLIS' | 'MICROS' | 'NANOS' {
  if (digits <= 3) return 'MILLIS'
  return digits <= 6 ? 'MICROS' : 'NANOS'
}

/** Whether Parquet has the type, and `native-blocks.ts` reads it. */
export function isCarried(type: string): boolean {
  const { name, inner } = parseType(type)
  const [first = '', second = ''] = inner
  if (name === 'Nullable') return leafOf(first, false) !== null
  if (name === 'Array') return isCarried(first)
  if (name === 'Map') return leafOf(first, false) !== null && isCarried(second)
  return leafOf(type, false) !== null
}

/** Of a whole file: the root and below it each column, depth first. */
export function schemaOf(columns: readonly LakeColumn[]): SchemaElement[] {
  const elements = columns.flatMap(({ name, type, isBytes }) => elementsOf(name, type, isBytes))
  return [{ name: 'root', num_children: columns.length }, ...elements]
}

function elementsOf(name: string, type: string, isBytes: boolean): SchemaElement[] {
  const parsed = parseType(type)
  const [first = '', second = ''] = parsed.inner
  if (parsed.name === 'Array') {
    return [
      { name, repetition_type: 'REQUIRED', converted_type: 'LIST', num_children: 1 },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      ...elementsOf('element', first, isBytes),
    ]
  }
  if (parsed.name === 'Map') {
    return [
      { name, repetition_type: 'REQUIRED', converted_type: 'MAP', num_children: 1 },
      { name: 'key_value', repetition_type: 'REPEATED', num_children: 2 },
      ...elementsOf('key', first, false),
      ...elementsOf('value', second, isBytes),
    ]
  }
  const isNullable = parsed.name === 'Nullable'
  const leaf = leafOf(isNullable ? first : type, isBytes)
  if (leaf === null)
    throw new RangeError(`Parquet has no ${type}: write the column ${name} as text`)
  return [{ name, repetition_type: isNullable ? 'OPTIONAL' : 'REQUIRED', ...leaf }]
}

function leafOf(type: string, isBytes: boolean): Leaf | null {
  const { name, inner } = parseType(type)
  if (name === 'String' && isBytes) return bytes
  if (name === 'DateTime64') return timestamp(unitOf(Number(inner[0])))
  return leaves[name] ?? null
}

function timestamp(unit: 'MILLIS' | 'MICROS' | 'NANOS'): Leaf {
  const logical_type = { type: 'TIMESTAMP', isAdjustedToUTC: true, unit } as const
  if (unit === 'NANOS') return { type: 'INT64', logical_type }
  return { type: 'INT64', converted_type: `TIMESTAMP_${unit}`, logical_type }
}
