import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { TidemarkError } from '../core/errors.ts'
import { avroCodec, openAvroCodec } from './avro-codec.ts'
import { SchemaRefusedError } from './faults.ts'
import { LocalSchemaRegistry } from './local-schema-registry.ts'
import { MemoryRegistryStorage } from './registry-storage.ts'
import { loadSchema, schemaTopics } from './schema-files.ts'

const answer = {
  type: 'record',
  name: 'Answer',
  fields: [
    { name: 'answer_id', type: 'string' },
    { name: 'option', type: ['null', 'string'], default: null },
    { name: 'timestamp', type: { type: 'long', logicalType: 'timestamp-millis' } },
  ],
}

let registry: LocalSchemaRegistry

beforeEach(async () => {
  registry = await LocalSchemaRegistry.open(new MemoryRegistryStorage())
})

function record(...fields: unknown[]) {
  return { type: 'record', name: 'Answer', fields }
}

function codeOf(code: string, message: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof TidemarkError, String(error))
    assert.equal(error.code, code, error.message)
    assert.match(error.message, message)
    return true
  }
}

describe('an Avro codec', () => {
  test('writes Confluent frames and reads them back as plain objects', async () => {
    const codec = await openAvroCodec({ topic: 'answers', schema: answer, registry })
    const bytes = codec.encode({ answer_id: 'a', option: null, timestamp: 1 })
    assert.deepEqual([...bytes], [0, 0, 0, 0, 1, 2, 97, 0, 2])
    assert.deepStrictEqual(codec.decode(bytes), { answer_id: 'a', option: null, timestamp: 1 })
  })

  test('keeps what it has encoded when it encodes more', async () => {
    const codec = await openAvroCodec<object>({ topic: 'answers', schema: answer, registry })
    const values = Array.from({ length: 3000 }, (_, index) => ({
      answer_id: `é😀 ${'x'.repeat(index % 257)}`,
      option: index % 2 === 0 ? null : 'b',
      timestamp: index,
    }))
    const large = { answer_id: 'y'.repeat(200_000), option: null, timestamp: 1 }
    const encoded = [...values, large].map((value) => codec.encode(value))
    assert.deepEqual(
      encoded.map((bytes) => codec.decode(bytes)),
      [...values, large],
    )
  })

  test('fills a missing field with its default and leaves out unknown ones', async () => {
    const codec = await openAvroCodec<object>({ topic: 'answers', schema: answer, registry })
    const bytes = codec.encode({ answer_id: 'a', timestamp: 5, extra: true })
    assert.deepEqual(codec.decode(bytes), { answer_id: 'a', option: null, timestamp: 5 })
  })

  test('names every field that it refuses', async () => {
    const codec = await openAvroCodec<unknown>({ topic: 'answers', schema: answer, registry })
    assert.throws(
      () => codec.encode({ answer_id: 7, timestamp: 'yesterday' }),
      (error: unknown) => {
        assert.ok(error instanceof SchemaRefusedError)
        assert.equal(
          error.message,
          'answers: field "answer_id": expected string, found 7; ' +
            'field "timestamp": expected long (timestamp-millis), found "yesterday"',
        )
        assert.equal(error.faults.length, 2)
        return true
      },
    )
    for (const value of [null, 5, [], undefined]) {
      assert.throws(() => codec.encode(value), codeOf('SCHEMA_REFUSED', /expected record Answer/))
    }
  })

  test('refuses a long that a number cannot hold, in both directions', async () => {
    const schema = record({ name: 'n', type: 'long' })
    const codec = await openAvroCodec<unknown>({ topic: 'n', schema, registry })
    for (const n of [2 ** 53, -(2 ** 53), 1.5, NaN, Infinity, 10n]) {
      assert.throws(() => codec.encode({ n }), codeOf('SCHEMA_REFUSED', /field "n": expected long/))
    }
    for (const n of [2 ** 53 - 1, -(2 ** 53) + 1, 2 ** 52, -(2 ** 52) - 1, -(2 ** 52), 2 ** 31]) {
      assert.deepEqual(codec.decode(codec.encode({ n })), { n })
    }
    const tooLarge = Buffer.from('0000000001ffffffffffffffffff01', 'hex')
    assert.throws(() => codec.decode(tooLarge), codeOf('AVRO_CORRUPT', /precision/))
  })

  test('reads a large long as the nearest double, with its sign', async () => {
    const n = (type: string) => record({ name: 'n', type })
    const longs = await openAvroCodec<unknown>({ topic: 'n', schema: n('long'), registry })
    const doubles = avroCodec<unknown>({ topic: 'n', schema: n('double'), registry })
    for (const value of [-(2 ** 52) - 1, 2 ** 53 - 1, -7]) {
      const bytes = longs.encode({ n: value })
      await doubles.prepare([bytes])
      assert.deepEqual(doubles.decode(bytes), { n: value })
    }
  })

  test('refuses an int of more than 32 bits', async () => {
    const schema = record({ name: 'n', type: 'int' })
    const codec = await openAvroCodec<unknown>({ topic: 'n', schema, registry })
    const wide = Buffer.from('0000000001' + '8080808010', 'hex')
    assert.throws(() => codec.decode(wide), codeOf('AVRO_CORRUPT', /2147483648 is not an int/))
  })

  test('takes an enum by its symbols alone', async () => {
    const schema = record({ name: 'e', type: { type: 'enum', name: 'E', symbols: ['A', 'B'] } })
    const codec = await openAvroCodec<unknown>({ topic: 'e', schema, registry })
    assert.deepEqual(codec.decode(codec.encode({ e: 'B' })), { e: 'B' })
    for (const e of ['C', 'toString', 'constructor', '__proto__', ['A'], 0]) {
      assert.throws(
        () => codec.encode({ e }),
        codeOf('SCHEMA_REFUSED', /field "e": expected one of A, B/),
      )
    }
  })

  test('keeps a map key named __proto__', async () => {
    const schema = { type: 'map', values: 'int' }
    const codec = await openAvroCodec<unknown>({ topic: 'm', schema, registry })
    const value = JSON.parse('{"__proto__": 1, "b": 2}') as object
    assert.deepEqual(Object.entries(codec.decode(codec.encode(value)) as object), [
      ['__proto__', 1],
      ['b', 2],
    ])
  })

  test('tells apart what is wrong with bytes', async () => {
    const codec = await openAvroCodec({ topic: 'answers', schema: answer, registry })
    const good = codec.encode({ answer_id: 'abc', option: 'b', timestamp: 1e12 })
    const magic = Buffer.from(good)
    magic[0] = 1
    const id = Buffer.from(good)
    id.writeUInt32BE(77, 1)
    const branch = Buffer.from(good)
    branch[9] = 8
    await codec.prepare([magic, id, null, good, Buffer.alloc(0)])
    assert.throws(() => codec.decode(Buffer.alloc(3)), codeOf('FRAME_INVALID', /too short/))
    assert.throws(() => codec.decode(magic), codeOf('FRAME_INVALID', /first byte is 1/))
    assert.throws(() => codec.decode(id), codeOf('SCHEMA_ID_UNKNOWN', /schema 77 is not/))
    assert.throws(() => codec.decode(branch), codeOf('AVRO_CORRUPT', /union index/))
    assert.throws(
      () => codec.decode(Buffer.concat([good, Buffer.from('xy')])),
      codeOf('AVRO_CORRUPT', new RegExp(`2 bytes too many from byte ${good.length} on`)),
    )
    for (let length = 5; length < good.length; length++) {
      assert.throws(
        () => codec.decode(good.subarray(0, length)),
        codeOf('AVRO_CORRUPT', new RegExp(`behind the last of its ${length} bytes`)),
      )
    }
  })

  test('does not loop on a count that corrupt bytes claim', async () => {
    const items = ['string', 'null', { type: 'map', values: 'int' }].map((type, index) => ({
      name: `f${index}`,
      type: { type: 'array', items: type },
    }))
    const codec = await openAvroCodec<unknown>({ topic: 'x', schema: record(...items), registry })
    // A block of 2^50 items: strings in the first field; nothing, in the second, takes no bytes.
    const count = '80808080808080' + '02'
    for (const fields of [count, `00${count}`, `0000${count}`]) {
      const bytes = Buffer.from(`0000000001${fields}`, 'hex')
      assert.throws(() => codec.decode(bytes), codeOf('AVRO_CORRUPT', /behind the last|65536/))
    }
  })

  test('skips a writer’s array that the reader does not have, however it is blocked', async () => {
    const list = { name: 'list', type: { type: 'array', items: 'int' } }
    const id = { name: 'id', type: 'int' }
    await registry.register('x-value', record(list, id))
    const codec = avroCodec<unknown>({ topic: 'x', schema: record(id), registry })
    const blocked = Buffer.from('0000000001' + '03' + '04' + '0204' + '00' + '0e', 'hex')
    const endless = Buffer.from('0000000001' + '01' + '01' + '0204' + '00' + '0e', 'hex')
    await codec.prepare([blocked])
    assert.deepEqual(codec.decode(blocked), { id: 7 })
    assert.throws(() => codec.decode(endless), codeOf('AVRO_CORRUPT', /./))
  })

  test('reads a writer of version 1 and one of version 2 side by side', async () => {
    const added = { name: 'seconds', type: 'double', default: 1.5 }
    const renamed = { name: 'choice', aliases: ['option'], type: ['null', 'string'], default: null }
    const second = record(answer.fields[0], renamed, answer.fields[2], added)
    const one = await openAvroCodec<object>({ topic: 'answers', schema: answer, registry })
    const two = await openAvroCodec<object>({ topic: 'answers', schema: second, registry })
    const oldValue = one.encode({ answer_id: 'a', option: 'x', timestamp: 1 })
    const newValue = two.encode({ answer_id: 'b', choice: 'y', timestamp: 2, seconds: 9 })
    await two.prepare([oldValue, newValue])
    assert.deepEqual(two.decode(oldValue), {
      answer_id: 'a',
      choice: 'x',
      timestamp: 1,
      seconds: 1.5,
    })
    assert.deepEqual(two.decode(newValue), {
      answer_id: 'b',
      choice: 'y',
      timestamp: 2,
      seconds: 9,
    })
  })

  test('reads bytes as bytes where a union could also read them as a string', async () => {
    const field = { name: 'b', type: ['null', 'string', 'bytes'], default: null }
    const wider = record(field, { name: 'more', type: 'int', default: 0 })
    const writer = await openAvroCodec<object>({ topic: 'b', schema: record(field), registry })
    const reader = avroCodec<object>({ topic: 'b', schema: wider, registry })
    const bytes = writer.encode({ b: Buffer.from([0xff, 0xfe]) })
    await reader.prepare([bytes])
    assert.deepEqual(reader.decode(bytes), { b: Buffer.from([0xff, 0xfe]), more: 0 })
  })

  test('says which schema it cannot read, and why', async () => {
    await registry.setCompatibilityLevel('NONE')
    const writer = await openAvroCodec<object>({
      topic: 'answers',
      schema: record({ name: 'answer_id', type: 'string' }),
      registry,
    })
    const reader = avroCodec<object>({ topic: 'answers', schema: answer, registry })
    const bytes = writer.encode({ answer_id: 'a' })
    await reader.prepare([bytes])
    assert.throws(
      () => reader.decode(bytes),
      codeOf(
        'SCHEMA_REFUSED',
        /schema 1 cannot be read.*"timestamp" is not in the writer's Answer/,
      ),
    )
  })

  test('asks the registry once for each schema, and again for one that was unknown', async () => {
    const asked: number[] = []
    const counting = new Proxy(registry, {
      get: (target, name) => {
        if (name !== 'schemaById') return Reflect.get(target, name, target) as unknown
        return (id: number) => {
          asked.push(id)
          return target.schemaById(id)
        }
      },
    })
    await registry.register('answers-value', answer)
    const codec = avroCodec<object>({ topic: 'answers', schema: answer, registry: counting })
    const frame = (id: number) => {
      const bytes = Buffer.from('00000000000261000' + '2', 'hex')
      bytes.writeUInt32BE(id, 1)
      return bytes
    }
    await codec.prepare([frame(1), frame(2), frame(1), frame(2)])
    assert.deepEqual(asked, [1, 2])
    assert.throws(() => codec.decode(frame(2)), codeOf('SCHEMA_ID_UNKNOWN', /schema 2/))
    await registry.register('other-value', { ...answer, doc: 'the same fields' })
    await codec.prepare([frame(1), frame(2)])
    assert.deepEqual(asked, [1, 2, 2])
    assert.deepEqual(codec.decode(frame(2)), codec.decode(frame(1)))
  })

  test('refuses a union whose branches look alike as plain values', () => {
    const schema = record({ name: 'n', type: ['null', 'int', 'double'] })
    assert.throws(
      () => avroCodec({ topic: 'n', schema, registry }),
      codeOf('SCHEMA_INVALID', /the union \["null","int","double"\] look alike/),
    )
  })

  test('takes every schema that the package has', async () => {
    assert.ok(schemaTopics().length > 0)
    for (const topic of schemaTopics()) {
      await openAvroCodec({ topic, schema: loadSchema(topic), registry })
    }
    assert.throws(() => loadSchema('nothing'), codeOf('SCHEMA_INVALID', /schema of topic nothing/))
  })
})
