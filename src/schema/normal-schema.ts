import type { AvroField, AvroType } from './avro-type.ts'
import { isNamed } from './avro-type.ts'

type Json = Record<string, unknown>

/**
 * A schema's one form: full names, attributes in a fixed order, a named type written out where it occurs
 * first. Two schemas are the same where their forms are; documentation, defaults and unknown attributes
 * count, as they do for Confluent's registry.
 */
export function normalSchema(type: AvroType): unknown {
  return normal(type, new Set(), '')
}

export function normalText(type: AvroType): string {
  return JSON.stringify(normalSchema(type))
}

function normal(type: AvroType, written: Set<string>, namespace: string): unknown {
  if (type.kind === 'union') {
    return type.branches.map((branch) => normal(branch, written, namespace))
  }
  if (isNamed(type)) {
    // A name without a namespace, inside one, is written with a leading dot so that it is not qualified again.
    const name = type.name.includes('.') || namespace === '' ? type.name : `.${type.name}`
    if (written.has(type.name)) return name
    written.add(type.name)
    return { ...named(type, name, written), ...extra(type) }
  }
  switch (type.kind) {
    case 'array':
      return { type: 'array', items: normal(type.items, written, namespace), ...extra(type) }
    case 'map':
      return { type: 'map', values: normal(type.values, written, namespace), ...extra(type) }
    default: {
      const attributes = extra(type)
      return Object.keys(attributes).length === 0 ? type.kind : { type: type.kind, ...attributes }
    }
  }
}

function named(
  type: Extract<AvroType, { name: string }>,
  name: string,
  written: Set<string>,
): Json {
  const common: Json = { type: type.kind, name }
  if (type.doc !== undefined) common['doc'] = type.doc
  if (type.aliases.length > 0) common['aliases'] = [...type.aliases].sort()
  switch (type.kind) {
    case 'fixed':
      return { ...common, size: type.size }
    case 'enum':
      return {
        ...common,
        symbols: type.symbols,
        ...(type.defaultSymbol === undefined ? {} : { default: type.defaultSymbol }),
      }
    case 'record': {
      const namespace = type.name.slice(0, Math.max(0, type.name.lastIndexOf('.')))
      return {
        ...common,
        fields: type.fields.map((field) => normalField(field, written, namespace)),
      }
    }
  }
}

function normalField(field: AvroField, written: Set<string>, namespace: string): Json {
  return {
    name: field.name,
    type: normal(field.type, written, namespace),
    ...(field.doc === undefined ? {} : { doc: field.doc }),
    ...(field.defaultJson === undefined ? {} : { default: field.defaultJson.json }),
    ...(field.order === undefined || field.order === 'ascending' ? {} : { order: field.order }),
    ...(field.aliases.length === 0 ? {} : { aliases: [...field.aliases].sort() }),
    ...sorted(field.properties),
  }
}

function extra(type: { logicalType?: string; properties: Readonly<Json> }): Json {
  return {
    ...(type.logicalType === undefined ? {} : { logicalType: type.logicalType }),
    ...sorted(type.properties),
  }
}

function sorted(properties: Readonly<Json>): Json {
  return Object.fromEntries(Object.entries(properties).sort(([a], [b]) => (a < b ? -1 : 1)))
}
