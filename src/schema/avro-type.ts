/**
 * An Avro schema as a graph of types: references resolved, names full, everything checked. The codec, the
 * compatibility check and the JSON reader walk this graph. Source: the Avro 1.12 specification.
 */
export type PrimitiveKind =
  'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string'

export type AvroType =
  PrimitiveType | FixedType | EnumType | ArrayType | MapType | RecordType | UnionType

/** Attributes that the specification does not know, kept because readers of the schema may. */
export type Properties = Readonly<Record<string, unknown>>

interface Attributes {
  readonly logicalType?: string
  readonly properties: Properties
}

interface Named extends Attributes {
  /** Full name: `org.example.Answer`. */
  readonly name: string
  /** Full names. */
  readonly aliases: readonly string[]
  readonly doc?: string
}

export interface PrimitiveType extends Attributes {
  readonly kind: PrimitiveKind
}

export interface FixedType extends Named {
  readonly kind: 'fixed'
  readonly size: number
}

export interface EnumType extends Named {
  readonly kind: 'enum'
  readonly symbols: readonly string[]
  readonly defaultSymbol?: string
}

export interface ArrayType extends Attributes {
  readonly kind: 'array'
  readonly items: AvroType
}

export interface MapType extends Attributes {
  readonly kind: 'map'
  readonly values: AvroType
}

export interface AvroField {
  readonly name: string
  readonly type: AvroType
  readonly aliases: readonly string[]
  /** The default as its schema has it: Avro's JSON form, a union's of its first branch. */
  readonly defaultJson?: { readonly json: unknown }
  readonly doc?: string
  readonly order?: string
  readonly properties: Properties
}

export interface RecordType extends Named {
  readonly kind: 'record'
  readonly fields: readonly AvroField[]
  readonly fieldsByName: ReadonlyMap<string, AvroField>
}

export interface UnionType {
  readonly kind: 'union'
  readonly branches: readonly AvroType[]
}

export const primitiveKinds: ReadonlySet<string> = new Set<PrimitiveKind>([
  'null',
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'bytes',
  'string',
])

/** Beyond ± this a number's neighbours are no longer told apart. */
export const longMax = Number.MAX_SAFE_INTEGER

export function isNamed(type: AvroType): type is RecordType | EnumType | FixedType {
  return type.kind === 'record' || type.kind === 'enum' || type.kind === 'fixed'
}

export function unqualified(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1)
}

/** The name of a type as a branch of a union: its full name, or its kind. */
export function branchName(type: AvroType): string {
  return isNamed(type) ? type.name : type.kind
}

/** A type in words, for messages: `long (timestamp-millis)`, `one of RIGHT, WRONG`, `null or string`. */
export function describeType(type: AvroType): string {
  switch (type.kind) {
    case 'union':
      return type.branches.map(describeType).join(' or ')
    case 'enum':
      return type.symbols.length <= 12
        ? `one of ${type.symbols.join(', ')}`
        : `a symbol of ${type.name}`
    case 'fixed':
      return `${type.size} bytes (${type.name})`
    case 'record':
      return `record ${unqualified(type.name)}`
    default:
      return type.logicalType === undefined ? type.kind : `${type.kind} (${type.logicalType})`
  }
}
