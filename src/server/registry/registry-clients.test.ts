/** Clients against the registry over real HTTP: the one that foreign producers use, and our own. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import kafkajs from '@kafkajs/confluent-schema-registry'
import { avroCodec, openAvroCodec } from '../../schema/avro-codec.ts'
import { HttpSchemaRegistry } from '../../schema/http-schema-registry.ts'
import { LocalSchemaRegistry } from '../../schema/local-schema-registry.ts'
import { MemoryRegistryStorage } from '../../schema/registry-storage.ts'
import type { SchemaRegistry } from '../../schema/schema-registry.ts'
import type { Listener } from '../listen.ts'
import { listen } from '../listen.ts'
import { registryApp } from './registry-app.ts'

const option = { name: 'option', type: ['null', 'string'], default: null }
const first = {
  type: 'record' as const,
  name: 'Answer',
  namespace: 'org.example',
  fields: [{ name: 'answer_id', type: 'string' }, option],
}
const second = {
  ...first,
  fields: [...first.fields, { name: 'seconds', type: 'double', default: 0 }],
}
const breaking = { ...first, fields: [...first.fields, { name: 'seconds', type: 'double' }] }

/** Forwards to a registry that each test makes anew. */
let current: SchemaRegistry
let listener: Listener

before(async () => {
  const forward = new Proxy({} as SchemaRegistry, {
    get: (_, name) => {
      const value = Reflect.get(current, name) as unknown
      return typeof value === 'function' ? (value.bind(current) as unknown) : value
    },
  })
  const options = { name: 'schema registry', host: '127.0.0.1', port: 0 }
  listener = await listen(registryApp(forward), options)
})

after(() => listener.close(1000))

beforeEach(async () => {
  current = await LocalSchemaRegistry.open(new MemoryRegistryStorage())
})

describe('@kafkajs/confluent-schema-registry', () => {
  function foreign() {
    return new kafkajs.SchemaRegistry({ host: listener.url, retry: { retries: 0 } })
  }

  test('registers, encodes and decodes; our codec reads what it wrote', async () => {
    const client = foreign()
    const { id } = await client.register(first as never, { subject: 'answers-value' })
    const value = { answer_id: 'a', option: 'b' }
    const bytes = await client.encode(id, value)
    assert.deepEqual({ ...((await client.decode(bytes)) as object) }, value)
    const codec = avroCodec<object>({ topic: 'answers', schema: first, registry: current })
    await codec.prepare([bytes])
    assert.deepEqual(codec.decode(bytes), value)
  })

  test('decodes what our codec wrote', async () => {
    const codec = await openAvroCodec<object>({
      topic: 'answers',
      schema: first,
      registry: current,
    })
    const decoded = (await foreign().decode(codec.encode({ answer_id: 'a' }))) as object
    assert.deepEqual({ ...decoded }, { answer_id: 'a', option: null })
  })

  test('produces in version 1 and in version 2 at the same time', async () => {
    const [one, two] = [foreign(), foreign()]
    const old = await one.register(first as never, { subject: 'answers-value' })
    const fresh = await two.register(second as never, { subject: 'answers-value' })
    assert.notEqual(old.id, fresh.id)
    const bytes = [
      await one.encode(old.id, { answer_id: 'a', option: null }),
      await two.encode(fresh.id, { answer_id: 'b', option: null, seconds: 2.5 }),
      await one.encode(old.id, { answer_id: 'c', option: 'x' }),
    ]
    const expected = [
      { answer_id: 'a', option: null, seconds: 0 },
      { answer_id: 'b', option: null, seconds: 2.5 },
      { answer_id: 'c', option: 'x', seconds: 0 },
    ]
    const newer = avroCodec<object>({ topic: 'answers', schema: second, registry: current })
    await newer.prepare(bytes)
    assert.deepEqual(
      bytes.map((each) => newer.decode(each)),
      expected,
    )
    // An older application reads the newer producer's values, too.
    const older = avroCodec<object>({ topic: 'answers', schema: first, registry: current })
    await older.prepare(bytes)
    assert.deepEqual(
      bytes.map((each) => older.decode(each)),
      expected.map(({ answer_id, option: chosen }) => ({ answer_id, option: chosen })),
    )
    const resolved = (await foreign().decode(bytes[0] as Buffer, {
      AVRO: { readerSchema: second },
    })) as object
    assert.deepEqual({ ...resolved }, expected[0])
  })

  test('is told that a schema breaks the compatibility', async () => {
    const client = foreign()
    await client.register(first as never, { subject: 'answers-value' })
    await assert.rejects(
      client.register(breaking as never, { subject: 'answers-value' }),
      /breaks its compatibility BACKWARD/,
    )
  })

  test('finds ids by subject, version and schema', async () => {
    const client = foreign()
    const { id } = await client.register(first as never, { subject: 'answers-value' })
    assert.equal(await client.getLatestSchemaId('answers-value'), id)
    assert.equal(await client.getRegistryId('answers-value', 1), id)
    assert.equal(await client.getRegistryIdBySchema('answers-value', first as never), id)
  })
})

/** One suite for both: the HTTP client is the local registry at a distance. */
for (const [what, open] of [
  ['the local registry', () => current],
  ['the HTTP client', () => new HttpSchemaRegistry({ url: `${listener.url}/` })],
] as const) {
  describe(`${what} as a SchemaRegistry`, () => {
    test('registers, looks up and lists', async () => {
      const registry = open()
      const one = await registry.register('a/b', first)
      assert.deepEqual(one, { subject: 'a/b', id: 1, version: 1, schema: JSON.stringify(first) })
      assert.deepEqual(await registry.register('a/b', JSON.stringify(second)), {
        subject: 'a/b',
        id: 2,
        version: 2,
        schema: JSON.stringify(second),
      })
      assert.equal(await registry.schemaById(1), JSON.stringify(first))
      assert.equal(await registry.schemaById(9), null)
      assert.deepEqual(await registry.lookup('a/b', first), one)
      await assert.rejects(registry.lookup('a/b', breaking), { code: 'SUBJECT_UNKNOWN' })
      await assert.rejects(registry.lookup('b', first), { code: 'SUBJECT_UNKNOWN' })
      assert.deepEqual(await registry.subjects(), ['a/b'])
      assert.deepEqual(await registry.versions('a/b'), [1, 2])
      assert.equal((await registry.version('a/b', 'latest')).version, 2)
      await assert.rejects(registry.version('a/b', 3), { code: 'SUBJECT_UNKNOWN' })
      assert.deepEqual(await registry.usesOf(1), [one])
      assert.deepEqual(await registry.usesOf(9), [])
    })

    test('refuses an incompatible schema and an invalid one', async () => {
      const registry = open()
      await registry.register('a', first)
      await assert.rejects(registry.register('a', breaking), {
        code: 'SCHEMA_INCOMPATIBLE',
        message: /has no default/,
      })
      await assert.rejects(registry.register('a', { type: 'nothing' }), { code: 'SCHEMA_INVALID' })
      const verdict = await registry.checkCompatibility('a', breaking, 'latest')
      assert.equal(verdict.compatible, false)
      assert.equal(verdict.incompatibilities[0]?.type, 'READER_FIELD_MISSING_DEFAULT_VALUE')
      assert.equal((await registry.checkCompatibility('a', second)).compatible, true)
      assert.equal((await registry.checkCompatibility('new', breaking)).compatible, true)
      assert.equal((await registry.checkCompatibility('new', breaking, 'latest')).compatible, true)
    })

    test('keeps compatibility levels', async () => {
      const registry = open()
      assert.equal(await registry.compatibilityLevel(), 'BACKWARD')
      assert.equal(await registry.compatibilityLevel('a'), null)
      await registry.setCompatibilityLevel('NONE', 'a')
      await registry.setCompatibilityLevel('FULL_TRANSITIVE')
      assert.equal(await registry.compatibilityLevel('a'), 'NONE')
      assert.equal(await registry.compatibilityLevel(), 'FULL_TRANSITIVE')
      await registry.setCompatibilityLevel(null, 'a')
      await registry.setCompatibilityLevel(null, 'a')
      await registry.setCompatibilityLevel(null)
      assert.equal(await registry.compatibilityLevel('a'), null)
      assert.equal(await registry.compatibilityLevel(), 'BACKWARD')
    })

    test('a version, a subject and what is left of them are deleted', async () => {
      const registry = open()
      await registry.register('a', first)
      await registry.register('a', second)
      assert.equal(await registry.deleteVersion('a', 'latest'), 2)
      assert.deepEqual(await registry.versions('a'), [1])
      assert.deepEqual(await registry.versions('a', { deleted: true }), [1, 2])
      assert.deepEqual(await registry.deleteSubject('a'), [1])
      assert.deepEqual(await registry.subjects(), [])
      assert.deepEqual(await registry.subjects({ deleted: true }), ['a'])
      assert.deepEqual(await registry.deleteSubject('a', true), [1, 2])
      await assert.rejects(registry.deleteSubject('a', true), { code: 'SUBJECT_UNKNOWN' })
    })
  })
}

describe('the HTTP client', () => {
  /** A registry that answers whatever the test wants. */
  async function answering(
    respond: (request: { url: string; authorization: string }) => [number, string],
    use: (url: string) => Promise<void>,
  ): Promise<void> {
    const server = createServer((request, response) => {
      const { url = '', headers } = request
      const [status, body] = respond({ url, authorization: headers.authorization ?? '' })
      response.writeHead(status).end(body)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    try {
      await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    } finally {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  }

  test('says that the registry cannot be reached, and where', async () => {
    const gone = await listen(registryApp(current), { name: 'gone', host: '127.0.0.1', port: 0 })
    await gone.close(0)
    await assert.rejects(new HttpSchemaRegistry({ url: gone.url }).schemaById(1), {
      code: 'REGISTRY_UNREACHABLE',
      message: `schema registry at ${gone.url}/schemas/ids/1: ECONNREFUSED`,
    })
  })

  test('takes an answer that is no registry’s for unreachable, wrong credentials not', async () => {
    const answers: [number, string, string][] = [
      [200, '<html>', 'REGISTRY_UNREACHABLE'],
      [404, 'no such page', 'REGISTRY_UNREACHABLE'],
      [500, '{"error_code":50001,"message":"store"}', 'REGISTRY_UNREACHABLE'],
      [401, '{"error_code":401,"message":"who?"}', 'CONFIGURATION_INVALID'],
      [422, '{"error_code":42299,"message":"other"}', 'REQUEST_INVALID'],
    ]
    for (const [status, body, code] of answers) {
      await answering(
        () => [status, body],
        async (url) => {
          await assert.rejects(new HttpSchemaRegistry({ url }).schemaById(1), { code }, body)
        },
      )
    }
  })

  test('sends its credentials, keeps the path, and asks for a schema once', async () => {
    const seen: string[] = []
    await answering(
      ({ url, authorization }) => {
        seen.push(`${url} ${authorization}`)
        return [200, '{"schema":"\\"string\\""}']
      },
      async (url) => {
        const bearer = { kind: 'bearer' as const, token: 'abc' }
        const registry = new HttpSchemaRegistry({ url: `${url}/registry/`, authentication: bearer })
        assert.equal(await registry.schemaById(1), '"string"')
        assert.equal(await registry.schemaById(1), '"string"')
        const inUrl = url.replace('//', '//user:p%40ss@')
        await new HttpSchemaRegistry({ url: inUrl }).schemaById(2)
      },
    )
    assert.deepEqual(seen, [
      '/registry/schemas/ids/1 Bearer abc',
      `/schemas/ids/2 Basic ${Buffer.from('user:p@ss').toString('base64')}`,
    ])
  })

  test('refuses a URL that is none', () => {
    for (const url of ['', 'localhost:8081', 'ftp://x']) {
      assert.throws(() => new HttpSchemaRegistry({ url }), { code: 'CONFIGURATION_INVALID' })
    }
  })
})
