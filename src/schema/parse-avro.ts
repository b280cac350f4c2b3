import { messageOf, TidemarkError } from '../core/errors.ts'
import type {
  AvroField,
  AvroType,
  EnumType,
  FixedType,
  Properties,
  RecordType,
} from './avro-type.ts'
import { branchName, primitiveKinds } from './avro-type.ts'
import { defaultFaults } from './json-value.ts'

type Json = Record<string, unknown>

/** Deeper schemas are refused, so that no walk over a type overflows the stack. */
const nestingMax = 64
const namePart = /^[A-Za-z_][A-Za-z0-9_]*$/
const knownAttributes = new Set([
  'type',
  'name',
  'namespace',
  'aliases',
  'doc',
  'fields',
  'symbols',
  'default',
  'items',
  'values',
  'size',
  'logicalType',
  'order',
])

/**
 * The type graph of a schema, given as JSON text or as parsed JSON.
 * @throws TidemarkError SCHEMA_INVALID, naming the place in the schema and the reason
 */
export function parseAvro(schema: unknown): AvroType {
  const parser = new SchemaParser()
  const type = parser.type(schema, '', '', 0)
  parser.checkDefaults()
  return type
}

/** As `parseAvro`, for a schema that arrives as text. */
export function parseAvroText(text: string): AvroType {
  let schema: unknown
  try {
    schema = JSON.parse(text)
  } catch (error) {
    // A bare primitive name is a schema too; Java's parser takes it without quotes.
    if (primitiveKinds.has(text.trim())) return parseAvro(text.trim())
    throw invalid('', `not JSON: ${messageOf(error)}`)
  }
  return parseAvro(schema)
}

class SchemaParser {
  readonly #named = new Map<string, AvroType>()
  readonly #defaults: { field: AvroField; path: string }[] = []

  type(schema: unknown, namespace: string, path: string, depth: number): AvroType {
    if (depth > nestingMax) throw invalid(path, `nested deeper than ${nestingMax} levels`)
    if (typeof schema === 'string') return this.#reference(schema, namespace, path)
    if (Array.isArray(schema)) return this.#union(schema, namespace, path, depth)
    if (!isObject(schema)) throw invalid(path, `a schema is a name, an object or an array`)
    const kind = schema['type']
    if (typeof kind !== 'string') {
      throw invalid(path, kind === undefined ? 'the type is missing' : 'the type must be a name')
    }
    switch (kind) {
      case 'record':
      case 'error':
        return this.#record(schema, namespace, path, depth)
      case 'enum':
        return this.#enum(schema, namespace, path)
      case 'fixed':
        return this.#fixed(schema, namespace, path)
      case 'array': {
        const items = this.type(need(schema, 'items', path), namespace, `${path}/items`, depth + 1)
        return { kind, items, ...attributes(schema) }
      }
      case 'map': {
        const values = this.type(
          need(schema, 'values', path),
          namespace,
          `${path}/values`,
          depth + 1,
        )
        return { kind, values, ...attributes(schema) }
      }
      default: {
        const type = this.#reference(kind, namespace, path)
        return primitiveKinds.has(kind) ? { ...type, ...attributes(schema) } : type
      }
    }
  }

  /** Checked last: a default of a recursive type needs the whole graph. */
  checkDefaults(): void {
    for (const { field, path } of this.#defaults) {
      const [fault] = defaultFaults(field)
      if (fault !== undefined) {
        throw invalid(path, `the default of field "${field.name}": ${fault.reason}`)
      }
    }
  }

  #reference(name: string, namespace: string, path: string): AvroType {
    if (primitiveKinds.has(name)) return { kind: name, properties: {} } as AvroType
    const type = this.#named.get(fullName(name, namespace, path)) ?? this.#named.get(name)
    if (type === undefined) throw invalid(path, `the type "${name}" is not defined`)
    return type
  }

  #union(schemas: readonly unknown[], namespace: string, path: string, depth: number): AvroType {
    if (schemas.length === 0) throw invalid(path, 'a union needs a branch')
    const seen = new Set<string>()
    const branches = schemas.map((schema, index) => {
      const branch = this.type(schema, namespace, `${path}/${index}`, depth + 1)
      if (branch.kind === 'union') throw invalid(path, 'a union may not hold a union directly')
      const name = branchName(branch)
      if (seen.has(name)) throw invalid(path, `the union has two branches "${name}"`)
      seen.add(name)
      return branch
    })
    return { kind: 'union', branches }
  }

  #record(schema: Json, namespace: string, path: string, depth: number): RecordType {
    const names = this.#names(schema, namespace, path)
    const fields: AvroField[] = []
    const fieldsByName = new Map<string, AvroField>()
    const record: RecordType = { kind: 'record', ...names, fields, fieldsByName }
    this.#define(record, path)
    const inner = namespaceOf(names.name)
    const list = need(schema, 'fields', path)
    if (!Array.isArray(list)) throw invalid(path, 'the fields must be an array')
    for (const [index, each] of list.entries()) {
      const field = this.#field(each, inner, `${path}/fields/${index}`, depth)
      if (fieldsByName.has(field.name)) throw invalid(path, `two fields are named "${field.name}"`)
      fields.push(field)
      fieldsByName.set(field.name, field)
    }
    return record
  }

  #field(schema: unknown, namespace: string, path: string, depth: number): AvroField {
    if (!isObject(schema)) throw invalid(path, 'a field is an object')
    const name = schema['name']
    if (typeof name !== 'string' || !namePart.test(name)) {
      throw invalid(path, `the field name ${JSON.stringify(name)}: use letters, digits and "_"`)
    }
    // JavaScript would set the prototype of the record instead of a field.
    if (name === '__proto__') throw invalid(path, 'a field may not be named "__proto__"')
    const type = this.type(need(schema, 'type', path), namespace, `${path}/type`, depth + 1)
    const { properties } = attributes(schema, ['logicalType'])
    const field: AvroField = {
      name,
      type,
      aliases: strings(schema, 'aliases', path),
      properties,
      ...('default' in schema ? { defaultJson: { json: schema['default'] } } : {}),
      ...(typeof schema['doc'] === 'string' ? { doc: schema['doc'] } : {}),
      ...(typeof schema['order'] === 'string' ? { order: schema['order'] } : {}),
    }
    if (field.order !== undefined && !/^(ascending|descending|ignore)$/.test(field.order)) {
      throw invalid(path, `the order ${JSON.stringify(field.order)} is not known`)
    }
    if (field.defaultJson !== undefined) this.#defaults.push({ field, path })
    return field
  }

  #enum(schema: Json, namespace: string, path: string): EnumType {
    const names = this.#names(schema, namespace, path)
    need(schema, 'symbols', path)
    const symbols = strings(schema, 'symbols', path)
    if (new Set(symbols).size !== symbols.length) throw invalid(path, 'a symbol occurs twice')
    for (const symbol of symbols) {
      if (!namePart.test(symbol)) throw invalid(path, `the symbol ${JSON.stringify(symbol)}`)
    }
    const defaultSymbol = schema['default']
    if (defaultSymbol !== undefined && !symbols.includes(defaultSymbol as string)) {
      throw invalid(path, `the default ${JSON.stringify(defaultSymbol)} is not one of the symbols`)
    }
    const type: EnumType = {
      kind: 'enum',
      ...names,
      symbols,
      ...(defaultSymbol === undefined ? {} : { defaultSymbol: defaultSymbol as string }),
    }
    this.#define(type, path)
    return type
  }

  #fixed(schema: Json, namespace: string, path: string): FixedType {
    const size = need(schema, 'size', path)
    if (typeof size !== 'number' || !Number.isInteger(size) || size < 0 || size > 0x7fffffff) {
      throw invalid(path, `the size ${JSON.stringify(size)} must be a whole number`)
    }
    const type: FixedType = { kind: 'fixed', ...this.#names(schema, namespace, path), size }
    this.#define(type, path)
    return type
  }

  #names(schema: Json, namespace: string, path: string) {
    const name = schema['name']
    if (typeof name !== 'string') throw invalid(path, 'the name is missing')
    const own = schema['namespace']
    const full = fullName(name, typeof own === 'string' ? own : namespace, path)
    if (primitiveKinds.has(full)) throw invalid(path, `"${full}" is the name of a primitive type`)
    const aliases = strings(schema, 'aliases', path).map((alias) =>
      fullName(alias, namespaceOf(full), path),
    )
    const doc = schema['doc']
    return {
      name: full,
      aliases,
      ...(typeof doc === 'string' ? { doc } : {}),
      ...attributes(schema),
    }
  }

  #define(type: RecordType | EnumType | FixedType, path: string): void {
    if (this.#named.has(type.name)) throw invalid(path, `the type "${type.name}" is defined twice`)
    this.#named.set(type.name, type)
  }
}

function attributes(
  schema: Json,
  extra: readonly string[] = [],
): { logicalType?: string; properties: Properties } {
  const properties: Json = {}
  for (const [name, value] of Object.entries(schema)) {
    if (!knownAttributes.has(name) || extra.includes(name)) properties[name] = value
  }
  const logicalType = schema['logicalType']
  return typeof logicalType === 'string' && !extra.includes('logicalType')
    ? { logicalType, properties }
    : { properties }
}

function need(schema: Json, attribute: string, path: string): unknown {
  if (schema[attribute] === undefined) throw invalid(path, `"${attribute}" is missing`)
  return schema[attribute]
}

function strings(schema: Json, attribute: string, path: string): readonly string[] {
  const list = schema[attribute]
  if (list === undefined || list === null) return []
  if (!Array.isArray(list) || !list.every((each) => typeof each === 'string')) {
    throw invalid(path, `"${attribute}" must be an array of strings`)
  }
  return list
}

function fullName(name: string, namespace: string, path: string): string {
  const full =
    name.includes('.') || namespace === '' ? name.replace(/^\./, '') : `${namespace}.${name}`
  if (!full.split('.').every((part) => namePart.test(part))) {
    throw invalid(path, `the name ${JSON.stringify(full)}: use letters, digits, "_" and "."`)
  }
  return full
}

function namespaceOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('.')))
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function invalid(path: string, reason: string): TidemarkError {
  return new TidemarkError('SCHEMA_INVALID', `schema invalid at ${path || '/'}: ${reason}`, {
    details: { path: path || '/', reason },
  })
}
