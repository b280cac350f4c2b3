/**
 * Can a reader's schema read what a writer's schema wrote? Avro's schema resolution, answered for all values at
 * once, under the names of Avro's SchemaCompatibility (Java). Logical types play no part, as there.
 *
 * Recursive types: a pair that is being compared counts as compatible until a fault is found (the greatest
 * fixed point). A verdict that rests on such an assumption is forgotten when the assumption fails.
 */
import type { AvroField, AvroType, EnumType, RecordType } from './avro-type.ts'
import { branchName, isNamed, unqualified } from './avro-type.ts'

export type IncompatibilityType =
  | 'NAME_MISMATCH'
  | 'FIXED_SIZE_MISMATCH'
  | 'MISSING_ENUM_SYMBOLS'
  | 'READER_FIELD_MISSING_DEFAULT_VALUE'
  | 'TYPE_MISMATCH'
  | 'MISSING_UNION_BRANCH'

export interface Incompatibility {
  readonly type: IncompatibilityType
  /** Into the reader's schema: `/fields/0/type`. */
  readonly path: string
  readonly message: string
}

/** More are of no use to a reader, and nested unions could make very many. */
const incompatibilitiesMax = 100

/** Empty where every value of the writer can be read. */
export function incompatibilities(reader: AvroType, writer: AvroType): readonly Incompatibility[] {
  return new Comparison().compare(reader, writer, '')
}

const promotions: Readonly<Record<string, readonly string[]>> = {
  int: ['long', 'float', 'double'],
  long: ['float', 'double'],
  float: ['double'],
  string: ['bytes'],
  bytes: ['string'],
}

class Comparison {
  readonly #verdicts = new Map<RecordType, Map<RecordType, readonly Incompatibility[]>>()
  /** Pairs found compatible, in order, so that those behind a failed assumption can be forgotten. */
  readonly #compatible: (readonly [RecordType, RecordType])[] = []

  compare(reader: AvroType, writer: AvroType, path: string): readonly Incompatibility[] {
    if (writer.kind === 'union') {
      return limit(writer.branches.flatMap((branch) => [...this.compare(reader, branch, path)]))
    }
    if (reader.kind === 'union') return this.#intoUnion(reader.branches, writer, path)
    if (reader.kind === 'record' && writer.kind === 'record') {
      return this.#records(reader, writer, path)
    }
    if (reader.kind === 'array' && writer.kind === 'array') {
      return this.compare(reader.items, writer.items, `${path}/items`)
    }
    if (reader.kind === 'map' && writer.kind === 'map') {
      return this.compare(reader.values, writer.values, `${path}/values`)
    }
    if (reader.kind === 'enum' && writer.kind === 'enum') return enums(reader, writer, path)
    if (reader.kind === 'fixed' && writer.kind === 'fixed') {
      const names = nameFaults(reader, writer, path)
      if (reader.size === writer.size) return names
      return [
        ...names,
        {
          type: 'FIXED_SIZE_MISMATCH',
          path: `${path}/size`,
          message: `fixed ${reader.name} has ${reader.size} bytes, the writer's ${writer.size}`,
        },
      ]
    }
    if (reader.kind === writer.kind) return []
    if (promotions[writer.kind]?.includes(reader.kind) === true) return []
    return [
      {
        type: 'TYPE_MISMATCH',
        path: path === '' ? '/' : path,
        message: `${reader.kind} cannot be read from ${writer.kind}${at(path)}`,
      },
    ]
  }

  #intoUnion(
    branches: readonly AvroType[],
    writer: AvroType,
    path: string,
  ): readonly Incompatibility[] {
    for (const [index, branch] of branches.entries()) {
      if (this.compare(branch, writer, `${path}/${index}`).length === 0) return []
    }
    return [
      {
        type: 'MISSING_UNION_BRANCH',
        path: path === '' ? '/' : path,
        message: `the union${at(path)} has no branch that reads ${branchName(writer)}`,
      },
    ]
  }

  #records(reader: RecordType, writer: RecordType, path: string): readonly Incompatibility[] {
    const verdicts = this.#verdicts.get(reader) ?? new Map<RecordType, readonly Incompatibility[]>()
    this.#verdicts.set(reader, verdicts)
    const known = verdicts.get(writer)
    if (known !== undefined) return known
    const before = this.#compatible.length
    verdicts.set(writer, [])
    this.#compatible.push([reader, writer])
    const found = limit([
      ...nameFaults(reader, writer, path),
      ...reader.fields.flatMap((field, index) => [
        ...this.#field(field, writer, `${path}/fields/${index}`),
      ]),
    ])
    if (found.length > 0) {
      for (const [r, w] of this.#compatible.splice(before)) this.#verdicts.get(r)?.delete(w)
      verdicts.set(writer, found)
    }
    return found
  }

  #field(field: AvroField, writer: RecordType, path: string): readonly Incompatibility[] {
    const names = new Set([field.name, ...field.aliases])
    const matches = [...names].filter((name) => writer.fieldsByName.has(name))
    const source = writer.fieldsByName.get(matches[0] ?? '')
    if (matches.length > 1) {
      const message = `field "${field.name}" stands for several of the writer's: ${matches.join(', ')}`
      return [{ type: 'NAME_MISMATCH', path, message }]
    }
    if (source !== undefined) {
      return this.compare(field.type, source.type, `${path}/type`).map((fault) => ({
        ...fault,
        message: `field "${field.name}": ${fault.message}`,
      }))
    }
    if (field.defaultJson !== undefined) return []
    return [
      {
        type: 'READER_FIELD_MISSING_DEFAULT_VALUE',
        path,
        message: `field "${field.name}" is not in the writer's ${unqualified(writer.name)} and has no default`,
      },
    ]
  }
}

function enums(reader: EnumType, writer: EnumType, path: string): readonly Incompatibility[] {
  const names = nameFaults(reader, writer, path)
  const missing = writer.symbols.filter((symbol) => !reader.symbols.includes(symbol))
  if (missing.length === 0 || reader.defaultSymbol !== undefined) return names
  return [
    ...names,
    {
      type: 'MISSING_ENUM_SYMBOLS',
      path: `${path}/symbols`,
      message: `enum ${reader.name} lacks ${missing.join(', ')} and has no default`,
    },
  ]
}

/** Names are compared without their namespaces, a reader's aliases included. */
function nameFaults(reader: AvroType, writer: AvroType, path: string): readonly Incompatibility[] {
  if (!isNamed(reader) || !isNamed(writer)) return []
  const names = [reader.name, ...reader.aliases].map(unqualified)
  if (names.includes(unqualified(writer.name))) return []
  return [
    {
      type: 'NAME_MISMATCH',
      path: `${path}/name`,
      message: `${reader.kind} ${reader.name} is not ${writer.name}, nor is that one of its aliases`,
    },
  ]
}

function at(path: string): string {
  return path === '' ? '' : ` at ${path}`
}

function limit(found: readonly Incompatibility[]): readonly Incompatibility[] {
  return found.length > incompatibilitiesMax ? found.slice(0, incompatibilitiesMax) : found
}
