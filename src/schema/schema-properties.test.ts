/** Properties of schemas made at random, and of pairs of them as evolution makes them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import avro from 'avsc'
import fc from 'fast-check'
import { TidemarkError } from '../core/errors.ts'
import { avroCodec, openAvroCodec } from './avro-codec.ts'
import type { AvroType } from './avro-type.ts'
import { longMax } from './avro-type.ts'
import { incompatibilities } from './compatibility.ts'
import { fromJson } from './json-value.ts'
import { LocalSchemaRegistry } from './local-schema-registry.ts'
import { normalSchema, normalText } from './normal-schema.ts'
import { parseAvro } from './parse-avro.ts'
import { MemoryRegistryStorage } from './registry-storage.ts'
import { valueFaults } from './value-faults.ts'

type Json = Record<string, unknown>

const primitives = ['boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'] as const

/** Each of the kinds that unwrapped unions tell apart. */
const buckets = ['boolean', 'long', 'bytes', 'string'] as const

/** Names are put in by `named`, so that they are unique within a schema. */
const schemaTree = fc.letrec<{ any: unknown; record: Json }>((tie) => ({
  any: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom<unknown>(...primitives),
    fc.record({ type: fc.constant('fixed'), size: fc.integer({ min: 1, max: 3 }) }),
    fc.record({
      type: fc.constant('enum'),
      symbols: fc.uniqueArray(fc.constantFrom('A', 'B', 'C', 'D'), { minLength: 1 }),
    }),
    fc.subarray([...buckets], { minLength: 1 }).map((branches) => ['null', ...branches]),
    fc.record({ type: fc.constant('array'), items: tie('any') }),
    fc.record({ type: fc.constant('map'), values: tie('any') }),
    tie('record').map((record) => ['null', record]),
    tie('record'),
  ),
  record: fc.record({
    type: fc.constant('record'),
    fields: fc
      .array(tie('any'), { minLength: 1, maxLength: 4 })
      .map((types) => types.map((type, index) => ({ name: `f${index}`, type }))),
  }),
}))

const schemas = schemaTree.record.map((tree) => named(tree, 'R') as Json)

function named(tree: unknown, name: string): unknown {
  if (typeof tree === 'string') return tree
  if (Array.isArray(tree)) return tree.map((branch, index) => named(branch, `${name}u${index}`))
  const { type, fields, items, values, ...others } = tree as Json & { fields?: Json[] }
  if (items !== undefined) return { type, items: named(items, `${name}i`) }
  if (values !== undefined) return { type, values: named(values, `${name}v`) }
  if (fields === undefined) return { type, name, ...others }
  return {
    type,
    name,
    fields: fields.map((field, index) => ({
      ...field,
      type: named(field['type'], `${name}f${index}`),
    })),
  }
}

function valueOf(type: AvroType): fc.Arbitrary<unknown> {
  switch (type.kind) {
    case 'null':
      return fc.constant(null)
    case 'boolean':
      return fc.boolean()
    case 'int':
      return fc.integer()
    case 'long':
      return fc.integer({ min: 1 - longMax, max: longMax - 1 })
    case 'float':
      return fc.float()
    case 'double':
      return fc.double()
    case 'string':
      return fc.string({ unit: 'grapheme' })
    case 'bytes':
      return fc.uint8Array({ maxLength: 5 }).map((bytes) => Buffer.from(bytes))
    case 'fixed':
      return fc
        .uint8Array({ minLength: type.size, maxLength: type.size })
        .map((bytes) => Buffer.from(bytes))
    case 'enum':
      return fc.constantFrom(...type.symbols)
    case 'array':
      return fc.array(valueOf(type.items), { maxLength: 3 })
    case 'map':
      return fc.dictionary(fc.string({ maxLength: 3 }), valueOf(type.values), {
        maxKeys: 3,
        noNullPrototype: true,
      })
    case 'union':
      return fc.oneof(...type.branches.map(valueOf))
    case 'record':
      return fc.record(
        Object.fromEntries(type.fields.map((field) => [field.name, valueOf(field.type)])),
        {
          noNullPrototype: true,
        },
      )
  }
}

/** One step of evolution on a part of the schema chosen by `pick`; sound and unsound steps alike. */
function evolved(schema: unknown, pick: (max: number) => number): unknown {
  if (typeof schema === 'string') {
    const unions = [['null', schema], schema === 'null' ? 'int' : schema]
    return pick(3) === 0 ? unions[pick(2)] : (primitives[pick(primitives.length)] ?? schema)
  }
  if (Array.isArray(schema)) {
    if (pick(2) === 0) return schema.filter((_, index) => index !== pick(schema.length))
    return schema.map((each, index) =>
      index === schema.length - 1 && typeof each !== 'string'
        ? evolved(each, pick)
        : (each as unknown),
    )
  }
  const node = schema as Json & { fields?: Json[]; symbols?: string[] }
  if (node['items'] !== undefined) return { ...node, items: evolved(node['items'], pick) }
  if (node['values'] !== undefined) return { ...node, values: evolved(node['values'], pick) }
  if (node['type'] === 'fixed') return { ...node, size: 1 + pick(3) }
  if (node.symbols !== undefined) {
    const symbols = [...new Set([...node.symbols.slice(pick(2)), ...['A', 'E'].slice(pick(3))])]
    const kept = symbols.length > 0 ? symbols : ['A']
    return { ...node, symbols: kept, ...(pick(2) === 0 ? { default: kept[0] } : {}) }
  }
  return evolvedRecord(node as Json & { fields: Json[] }, pick)
}

function evolvedRecord(node: Json & { fields: Json[] }, pick: (max: number) => number): Json {
  const at = pick(node.fields.length)
  switch (pick(6)) {
    case 0:
      return { ...node, fields: node.fields.filter((_, index) => index !== at) }
    case 1:
      return { ...node, fields: [...node.fields, { name: 'added', type: 'int' }] }
    case 2:
      return {
        ...node,
        fields: [{ name: 'added', type: ['null', 'int'], default: null }, ...node.fields],
      }
    case 3: {
      const aliases = pick(2) === 0 ? [] : [String(node.fields[at]?.['name'])]
      const renamed = (field: Json) => ({ ...field, name: 'renamed', aliases })
      return {
        ...node,
        fields: node.fields.map((each, index) => (index === at ? renamed(each) : each)),
      }
    }
    case 4: {
      const aliases = pick(2) === 0 ? [] : [String(node['name'])]
      return { ...node, name: `${String(node['name'])}x`, aliases }
    }
    default:
      return {
        ...node,
        fields: node.fields.map((each, index) =>
          index === at ? { ...each, type: evolved(each['type'], pick) } : each,
        ),
      }
  }
}

/** A writer's schema and a reader's, one to three steps apart; pairs that are no schemas are left out. */
const pairs = fc
  .tuple(
    schemas,
    fc.array(fc.nat(), { minLength: 40, maxLength: 40 }),
    fc.integer({ min: 1, max: 3 }),
  )
  .map(([writer, picks, steps]) => {
    let used = 0
    const pick = (max: number) => (picks[used++ % picks.length] ?? 0) % max
    let reader: unknown = writer
    for (let step = 0; step < steps; step++) reader = evolved(reader, pick)
    return { writer, reader }
  })
  .filter(({ reader }) => {
    try {
      vanillaType(reader)
      return true
    } catch {
      return false
    }
  })

/** avsc as it comes, the oracle. */
function vanillaType(schema: unknown): avro.Type {
  return avro.Type.forSchema(normalSchema(parseAvro(schema)) as never, { wrapUnions: 'never' })
}

async function registryOf(): Promise<LocalSchemaRegistry> {
  const registry = await LocalSchemaRegistry.open(new MemoryRegistryStorage())
  await registry.setCompatibilityLevel('NONE')
  return registry
}

const schemasWithValues = schemas.chain((schema) =>
  fc.record({ schema: fc.constant(schema), value: valueOf(parseAvro(schema)) }),
)

test('a value of any schema is the same after it was encoded and decoded', async () => {
  const registry = await registryOf()
  await fc.assert(
    fc.asyncProperty(schemasWithValues, async ({ schema, value }) => {
      const codec = await openAvroCodec<unknown>({ topic: 't', schema, registry })
      assert.deepStrictEqual(codec.decode(codec.encode(value)), value)
    }),
    { numRuns: 300 },
  )
})

test('a value written as Avro’s JSON or as plain JSON is read back', () => {
  fc.assert(
    fc.property(schemasWithValues, ({ schema, value }) => {
      const type = parseAvro(schema)
      const vanilla = vanillaType(schema)
      const bytes = vanilla.toBuffer(value)
      // avsc writes unions wrapped, and what JSON has no number for as null: those values are left out.
      const json = vanilla.toString(value)
      fc.pre(!/NaN|Infinity/.test(notFinite(value)))
      assert.deepEqual(vanilla.toBuffer(fromJson(type, JSON.parse(json), 't')), bytes)
      assert.deepEqual(vanilla.toBuffer(fromJson(type, value, 't')), bytes)
    }),
    { numRuns: 300 },
  )
})

function notFinite(value: unknown): string {
  if (typeof value === 'number') return String(Object.is(value, -0) ? NaN : value)
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return ''
  return Object.values(value).map(notFinite).join()
}

test('the verdict on a pair of schemas is what avsc can resolve', () => {
  let compatible = 0
  let incompatible = 0
  fc.assert(
    fc.property(pairs, ({ writer, reader }) => {
      const found = incompatibilities(parseAvro(reader), parseAvro(writer))
      let reason = ''
      try {
        vanillaType(reader).createResolver(vanillaType(writer), { ignoreNamespaces: true })
      } catch (error) {
        reason = String(error)
      }
      assert.equal(found.length > 0, reason !== '', `${JSON.stringify(found)} but ${reason}`)
      if (found.length === 0) compatible++
      else incompatible++
    }),
    { numRuns: 1000 },
  )
  assert.ok(compatible > 100 && incompatible > 100, `${compatible} and ${incompatible} pairs`)
})

test('every value of a compatible writer is read as a value of the reader', async () => {
  const registry = await registryOf()
  const compatible = pairs
    .filter(
      ({ writer, reader }) => incompatibilities(parseAvro(reader), parseAvro(writer)).length === 0,
    )
    .chain(({ writer, reader }) =>
      fc.record({
        writer: fc.constant(writer),
        reader: fc.constant(reader as object),
        value: valueOf(parseAvro(writer)),
      }),
    )
  await fc.assert(
    fc.asyncProperty(compatible, async ({ writer, reader, value }) => {
      const one = await openAvroCodec<unknown>({ topic: 't', schema: writer, registry })
      const two = avroCodec<unknown>({ topic: 't', schema: reader, registry })
      const bytes = one.encode(value)
      await two.prepare([bytes])
      assert.deepEqual(valueFaults(two.type, two.decode(bytes)), [])
    }),
    { numRuns: 300 },
  )
})

test('corrupt bytes give a value or AVRO_CORRUPT, and give it soon', async () => {
  const registry = await registryOf()
  const change = fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }) })
  await fc.assert(
    fc.asyncProperty(
      schemasWithValues,
      fc.array(change, { minLength: 1, maxLength: 4 }),
      fc.nat(),
      async ({ schema, value }, changes, cut) => {
        const codec = await openAvroCodec<unknown>({ topic: 't', schema, registry })
        const good = codec.encode(value)
        const bytes = Buffer.from(good.subarray(0, Math.max(5, good.length - (cut % 4))))
        for (const { at, byte } of changes) {
          if (bytes.length > 5) bytes[5 + (at % (bytes.length - 5))] = byte
        }
        try {
          assert.deepEqual(valueFaults(codec.type, codec.decode(bytes)), [])
        } catch (error) {
          if (!(error instanceof TidemarkError)) throw error
          assert.equal(error.code, 'AVRO_CORRUPT')
        }
      },
    ),
    { numRuns: 500 },
  )
})

test('a value that the encoder refuses has a fault with a path, and no other has', async () => {
  const registry = await registryOf()
  const broken = schemasWithValues.chain(({ schema, value }) =>
    fc.record({
      schema: fc.constant(schema),
      value: fc.oneof(
        fc.constant(value),
        fc
          .constantFrom('f0', 'f1')
          .chain((name) =>
            fc.anything().map((anything) => ({ ...(value as object), [name]: anything })),
          ),
      ),
    }),
  )
  await fc.assert(
    fc.asyncProperty(broken, async ({ schema, value }) => {
      const codec = await openAvroCodec<unknown>({ topic: 't', schema, registry })
      const faults = valueFaults(codec.type, value)
      if (faults.length === 0) codec.encode(value)
      else assert.throws(() => codec.encode(value), { code: 'SCHEMA_REFUSED' })
    }),
    { numRuns: 500 },
  )
})

test('the normal form of a schema is a schema of the same normal form', () => {
  fc.assert(
    fc.property(schemas, (schema) => {
      const text = normalText(parseAvro(schema))
      assert.equal(normalText(parseAvro(JSON.parse(text))), text)
    }),
    { numRuns: 200 },
  )
})
