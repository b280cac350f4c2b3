/** A row of text cells as the JSON of an Avro record: numbers and booleans by the schema, the rest as text. */
import type { AvroType } from '../schema/avro-type.ts'

/** What sources write for a value that is not there. */
const missing: ReadonlySet<string> = new Set(['', '?'])

/**
 * Columns that the schema does not have are kept, so that admission names them. A missing value is null where
 * the field can be null, and an empty text where it can only be a text; otherwise it is left out.
 */
export function jsonOfCells(
  type: AvroType,
  columns: readonly string[],
  cells: readonly string[],
): Record<string, unknown> {
  const json: Record<string, unknown> = {}
  for (const [index, column] of columns.entries()) {
    const cell = cells[index]
    if (cell === undefined) continue
    const fieldType = type.kind === 'record' ? type.fieldsByName.get(column)?.type : undefined
    const value = fieldType === undefined ? cell : jsonOfCell(fieldType, cell)
    if (value !== undefined) json[column] = value
  }
  return json
}

/** Who sets a field that can only be a text to -10 or true means that text. */
export function asTexts(
  type: AvroType,
  set: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  if (type.kind !== 'record') return set
  const texts = Object.entries(set).map(([name, value]) => {
    const fieldType = type.fieldsByName.get(name)?.type
    const isText = fieldType !== undefined && isTextAlone(fieldType)
    const isPlain = typeof value === 'number' || typeof value === 'boolean'
    return [name, isText && isPlain ? String(value) : value] as const
  })
  return Object.fromEntries(texts)
}

function isTextAlone(type: AvroType): boolean {
  const branches = type.kind === 'union' ? type.branches : [type]
  return branches.every(({ kind }) => kind === 'string' || kind === 'null')
}

function jsonOfCell(type: AvroType, cell: string): unknown {
  const branches = type.kind === 'union' ? type.branches : [type]
  const kinds = new Set(branches.map(({ kind }) => kind))
  if (missing.has(cell)) {
    if (kinds.has('null')) return null
    return kinds.has('string') || kinds.has('enum') ? cell : undefined
  }
  if (kinds.has('string')) return cell
  const numeric = ['int', 'long', 'float', 'double'].some((kind) => kinds.has(kind as 'int'))
  // Text that is no number is kept: the schema's refusal then shows it.
  if (numeric && /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(cell)) return Number(cell)
  if (kinds.has('boolean') && /^(true|false)$/i.test(cell)) return cell.toLowerCase() === 'true'
  return cell
}
