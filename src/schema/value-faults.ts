import type { AvroType, RecordType, UnionType } from './avro-type.ts'
import { describeType, longMax } from './avro-type.ts'
import type { Fault, Path } from './faults.ts'
import { describeValue, pathText } from './faults.ts'

/** Everything for which the encoder refuses a value. Only walked after it has refused. */
export function valueFaults(type: AvroType, value: unknown): readonly Fault[] {
  const faults: Fault[] = []
  walk(type, value, [], faults)
  return faults
}

function walk(type: AvroType, value: unknown, path: Path, faults: Fault[]): void {
  switch (type.kind) {
    case 'array':
      if (!Array.isArray(value)) return refuse(type, value, path, faults)
      for (const [index, item] of value.entries()) at(index, type.items, item, path, faults)
      return
    case 'map':
      if (!isObject(value)) return refuse(type, value, path, faults)
      for (const [key, each] of Object.entries(value)) at(key, type.values, each, path, faults)
      return
    case 'record':
      return walkRecord(type, value, path, faults)
    case 'union':
      return walkUnion(type, value, path, faults)
    default:
      if (!fits(type, value)) refuse(type, value, path, faults)
  }
}

function walkRecord(type: RecordType, value: unknown, path: Path, faults: Fault[]): void {
  if (!isObject(value)) return refuse(type, value, path, faults)
  for (const field of type.fields) {
    const each = value[field.name]
    if (each === undefined && field.defaultJson !== undefined) continue
    at(field.name, field.type, each, path, faults)
  }
}

/** By the shape of the value, as the codec's unwrapped unions choose. */
function walkUnion(type: UnionType, value: unknown, path: Path, faults: Fault[]): void {
  const nested = type.branches.find(
    (branch) =>
      (branch.kind === 'array' && Array.isArray(value)) ||
      ((branch.kind === 'map' || branch.kind === 'record') && isObject(value)),
  )
  if (nested !== undefined) return walk(nested, value, path, faults)
  if (!type.branches.some((branch) => fits(branch, value))) refuse(type, value, path, faults)
}

function fits(type: AvroType, value: unknown): boolean {
  switch (type.kind) {
    case 'null':
      return value === null
    case 'boolean':
    case 'string':
      return typeof value === type.kind
    case 'int':
      return typeof value === 'number' && value === (value | 0)
    case 'long':
      return typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= longMax
    case 'float':
    case 'double':
      return typeof value === 'number'
    case 'bytes':
      return Buffer.isBuffer(value)
    case 'fixed':
      return Buffer.isBuffer(value) && value.length === type.size
    case 'enum':
      return typeof value === 'string' && type.symbols.includes(value)
    default:
      return false
  }
}

function at(
  step: string | number,
  type: AvroType,
  value: unknown,
  path: Path,
  faults: Fault[],
): void {
  path.push(step)
  walk(type, value, path, faults)
  path.pop()
}

function refuse(type: AvroType, value: unknown, path: Path, faults: Fault[]): void {
  faults.push({
    path: pathText(path),
    reason: `expected ${describeType(type)}, found ${describeValue(value)}`,
  })
}

function isObject(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value)
  )
}
