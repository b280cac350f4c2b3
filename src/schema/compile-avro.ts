/**
 * avsc types of our own making: hardened where avsc trusts its input, because the bytes come from anyone.
 *  1. A count in a corrupt array or map does not make the reader loop beyond the bytes.
 *  2. A reader's union takes a writer's branch as it is before it promotes it (bytes are not read as a string).
 *  3. An enum takes its symbols only, not the names that every JavaScript object has.
 *  4. Integers are exact, or refused (`exact-integers.ts`).
 *  5. Decoded records are plain objects.
 */
import avro from 'avsc'
import type { Resolver, Type } from 'avsc'
import { messageOf, TidemarkError } from '../core/errors.ts'
import type { AvroType } from './avro-type.ts'
import type { Tap } from './avsc-tap.ts'
import { ExactDouble, ExactFloat, ExactInt, ExactLong } from './exact-integers.ts'
import { normalSchema } from './normal-schema.ts'

/** @throws TidemarkError SCHEMA_INVALID where a union cannot be told apart without wrapping its values */
export function compileAvro(type: AvroType): Type {
  try {
    const compiled = avro.Type.forSchema(normalSchema(type) as never, {
      wrapUnions: 'never',
      omitRecordMethods: true,
      registry: Object.create(null) as Record<string, Type>,
      typeHook: hardened,
    })
    makeRecordsPlain(compiled, new Set())
    return compiled
  } catch (error) {
    const message = messageOf(error)
    const ambiguous = /^ambiguous unwrapped union: (.*)$/.exec(message)
    throw new TidemarkError(
      'SCHEMA_INVALID',
      ambiguous === null
        ? `schema cannot be used: ${message}`
        : `schema cannot be used: the branches of the union ${ambiguous[1]} look alike as plain values; ` +
            'use at most one each of number, text, bytes, array and object',
      { cause: error },
    )
  }
}

export function compileResolver(reader: Type, writer: Type): Resolver {
  return reader.createResolver(writer, { ignoreNamespaces: true })
}

interface Readable {
  _read(tap: Tap): unknown
  _skip(tap: Tap): void
}

interface ReaderType {
  readonly types: readonly (Type & { readonly branchName: string })[]
  readonly itemsType: Readable
  readonly valuesType: Readable
  readonly _indices: Readonly<Record<string, unknown>>
}

/** Items that take no bytes are only as many as a count says: it needs a bound. */
const emptyItemsMax = 65_536

class SafeArray extends avro.types.ArrayType {
  _read(tap: Tap): unknown[] {
    const { itemsType } = this as unknown as ReaderType
    const items: unknown[] = []
    readBlocks(tap, () => {
      items.push(itemsType._read(tap))
    })
    return items
  }

  _skip(tap: Tap): void {
    const { itemsType } = this as unknown as ReaderType
    readBlocks(tap, () => {
      itemsType._skip(tap)
    })
  }
}

class SafeMap extends avro.types.MapType {
  _read(tap: Tap): Record<string, unknown> {
    const { valuesType } = this as unknown as ReaderType
    const map: Record<string, unknown> = {}
    readBlocks(tap, () => {
      const key = tap.readString()
      const value = valuesType._read(tap)
      if (key === '__proto__') {
        Object.defineProperty(map, key, {
          value,
          enumerable: true,
          writable: true,
          configurable: true,
        })
      } else {
        map[key] = value
      }
    })
    return map
  }

  _skip(tap: Tap): void {
    const { valuesType } = this as unknown as ReaderType
    readBlocks(tap, () => {
      tap.skipString()
      valuesType._skip(tap)
    })
  }
}

function readBlocks(tap: Tap, readItem: () => void): void {
  let emptyItems = 0
  for (let count = tap.readLong(); count !== 0; count = tap.readLong()) {
    if (count < 0) {
      count = -count
      tap.readLong()
    }
    for (; count > 0; count--) {
      const start = tap.pos
      readItem()
      if (tap.pos > tap.buf.length) return
      if (tap.pos === start && ++emptyItems > emptyItemsMax) {
        throw new Error(`more than ${emptyItemsMax} items without bytes`)
      }
    }
  }
}

class SafeEnum extends avro.types.EnumType {
  _check(value: unknown, _flags: unknown, hook?: (value: unknown, type: unknown) => void): boolean {
    const known = indexOf(this, value) !== undefined
    if (!known) hook?.(value, this)
    return known
  }

  _write(tap: Tap, value: unknown): void {
    const index = indexOf(this, value)
    if (index === undefined) throw new Error(`invalid symbol of ${this.name}: ${String(value)}`)
    tap.writeLong(index)
  }
}

function indexOf(type: SafeEnum, value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined
  const index = (type as unknown as ReaderType)._indices[value]
  return typeof index === 'number' ? index : undefined
}

class ExactUnion extends avro.types.UnwrappedUnionType {
  _update(resolver: { _read: unknown }, writer: Type, options: object): void {
    const { types } = this as unknown as ReaderType
    const exact = types.filter((branch) => branch.typeName === writer.typeName)
    const others = types.filter((branch) => branch.typeName !== writer.typeName)
    for (const branch of [...exact, ...others]) {
      let readable: Readable
      try {
        readable = branch.createResolver(writer, options) as unknown as Readable
      } catch {
        continue
      }
      resolver._read = (tap: Tap) => readable._read(tap)
      return
    }
  }
}

function hardened(schema: unknown, options: unknown): Type | undefined {
  if (Array.isArray(schema)) return new ExactUnion(schema as never, options)
  switch ((schema as { type?: unknown }).type) {
    case 'array':
      return new SafeArray(schema as never, options)
    case 'map':
      return new SafeMap(schema as never, options)
    case 'enum':
      return new SafeEnum(schema as never, options)
    case 'int':
      return new ExactInt()
    case 'long':
      return new ExactLong()
    case 'float':
      return new ExactFloat()
    case 'double':
      return new ExactDouble()
    default:
      return undefined
  }
}

function makeRecordsPlain(type: Type, seen: Set<Type>): void {
  if (seen.has(type)) return
  seen.add(type)
  const inner = type as unknown as Partial<{
    recordConstructor: { prototype: object }
    fields: readonly { type: Type }[]
    types: readonly Type[]
    itemsType: Type
    valuesType: Type
  }>
  if (inner.recordConstructor !== undefined) inner.recordConstructor.prototype = Object.prototype
  for (const field of inner.fields ?? []) makeRecordsPlain(field.type, seen)
  for (const branch of inner.types ?? []) makeRecordsPlain(branch, seen)
  if (inner.itemsType !== undefined) makeRecordsPlain(inner.itemsType, seen)
  if (inner.valuesType !== undefined) makeRecordsPlain(inner.valuesType, seen)
}
