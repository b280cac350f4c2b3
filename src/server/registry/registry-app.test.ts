/** Every route over real HTTP, as curl would ask it. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { SchemaRegistry } from '../../schema/schema-registry.ts'
import { LocalSchemaRegistry } from '../../schema/local-schema-registry.ts'
import { MemoryRegistryStorage } from '../../schema/registry-storage.ts'
import type { Listener } from '../listen.ts'
import { listen } from '../listen.ts'
import { registryApp } from './registry-app.ts'

const one = JSON.stringify({
  type: 'record',
  name: 'R',
  fields: [{ name: 'a', type: 'int' }],
})
const two = one.replace(']}', ',{"name":"b","type":"int","default":0}]}')
const broken = one.replace('"int"', '"string"')

let registry: SchemaRegistry
let listener: Listener

beforeEach(async () => {
  registry = await LocalSchemaRegistry.open(new MemoryRegistryStorage())
})

before(async () => {
  // The app is made once; each test has its own registry behind it.
  const current = new Proxy({} as SchemaRegistry, {
    get: (_, name) => {
      const value = Reflect.get(registry, name) as unknown
      return typeof value === 'function' ? (value.bind(registry) as unknown) : value
    },
  })
  listener = await listen(registryApp(current, { bodyBytesMax: 10_000 }), {
    name: 'schema registry',
    host: '127.0.0.1',
    port: 0,
  })
})

after(() => listener.close(1000))

async function ask(method: string, path: string, body?: unknown): Promise<[number, unknown]> {
  const response = await fetch(listener.url + path, {
    method,
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  assert.equal(response.headers.get('content-type'), 'application/vnd.schemaregistry.v1+json')
  return [response.status, await response.json()]
}

async function failure(
  method: string,
  path: string,
  body?: unknown,
): Promise<[number, number, string]> {
  const [status, answered] = await ask(method, path, body)
  const { error_code, message } = answered as { error_code: number; message: string }
  return [status, error_code, message]
}

async function registered(): Promise<void> {
  await ask('POST', '/subjects/s/versions', { schema: one })
  await ask('POST', '/subjects/s/versions', { schema: two })
  await ask('POST', '/subjects/t/versions', { schema: one })
}

describe('the registry over HTTP', () => {
  test('is there, empty', async () => {
    assert.deepEqual(await ask('GET', '/'), [200, {}])
    assert.deepEqual(await ask('GET', '/subjects'), [200, []])
    assert.deepEqual(await ask('GET', '/contexts'), [200, ['.']])
    assert.deepEqual(await ask('GET', '/schemas/types'), [200, ['AVRO']])
    assert.deepEqual(await ask('GET', '/schemas'), [200, []])
  })

  test('registers, and answers by id and by version', async () => {
    assert.deepEqual(await ask('POST', '/subjects/s/versions', { schema: one }), [200, { id: 1 }])
    assert.deepEqual(await ask('POST', '/subjects/s/versions', { schema: one }), [200, { id: 1 }])
    const typed = { schema: two, schemaType: 'AVRO', references: [] }
    assert.deepEqual(await ask('POST', '/subjects/s/versions?normalize=true', typed), [
      200,
      { id: 2 },
    ])
    await ask('POST', '/subjects/t/versions', { schema: one })
    assert.deepEqual(await ask('GET', '/schemas/ids/1'), [200, { schema: one }])
    assert.deepEqual(await ask('GET', '/schemas/ids/1/schema'), [200, JSON.parse(one)])
    assert.deepEqual(await ask('GET', '/schemas/ids/1/subjects'), [200, ['s', 't']])
    assert.deepEqual(await ask('GET', '/schemas/ids/1/versions'), [
      200,
      [
        { subject: 's', version: 1 },
        { subject: 't', version: 1 },
      ],
    ])
    const second = { subject: 's', id: 2, version: 2, schema: two }
    assert.deepEqual(await ask('GET', '/subjects'), [200, ['s', 't']])
    assert.deepEqual(await ask('GET', '/subjects?subjectPrefix=t'), [200, ['t']])
    assert.deepEqual(await ask('GET', '/subjects/s/versions'), [200, [1, 2]])
    for (const version of ['2', 'latest', '-1']) {
      assert.deepEqual(await ask('GET', `/subjects/s/versions/${version}`), [200, second])
    }
    assert.deepEqual(await ask('GET', '/subjects/s/versions/1/schema'), [200, JSON.parse(one)])
    assert.deepEqual(await ask('GET', '/subjects/s/versions/1/referencedby'), [200, []])
    assert.deepEqual(await ask('GET', '/schemas?latestOnly=true&subjectPrefix=s'), [200, [second]])
  })

  test('looks a schema up in a subject', async () => {
    await registered()
    const found = { subject: 't', id: 1, version: 1, schema: one }
    assert.deepEqual(await ask('POST', '/subjects/t', { schema: one }), [200, found])
    assert.deepEqual(
      (await failure('POST', '/subjects/t', { schema: two })).slice(0, 2),
      [404, 40403],
    )
    assert.deepEqual(
      (await failure('POST', '/subjects/u', { schema: one })).slice(0, 2),
      [404, 40401],
    )
  })

  test('takes a subject of any characters', async () => {
    const subject = 'a/b c%é?-value'
    const path = `/subjects/${encodeURIComponent(subject)}/versions`
    assert.deepEqual(await ask('POST', path, { schema: one }), [200, { id: 1 }])
    assert.deepEqual(await ask('GET', '/subjects'), [200, [subject]])
    assert.deepEqual(await ask('GET', path), [200, [1]])
  })

  test('names what is not there with Confluent’s numbers', async () => {
    await registered()
    const missing: [string, string, number, RegExp][] = [
      ['GET', '/schemas/ids/9', 40403, /Schema 9 not found/],
      ['GET', '/schemas/ids/9/subjects', 40403, /Schema 9 not found/],
      ['GET', '/schemas/ids/9/versions', 40403, /Schema 9 not found/],
      ['GET', '/schemas/ids/nine', 404, /Not Found/],
      ['GET', '/subjects/u/versions', 40401, /Subject 'u' not found/],
      ['GET', '/subjects/u/versions/1', 40401, /Subject 'u' not found/],
      ['GET', '/subjects/s/versions/9', 40402, /Version 9 not found/],
      ['DELETE', '/subjects/u', 40401, /Subject 'u' not found/],
      ['DELETE', '/subjects/s/versions/9', 40402, /Version 9 not found/],
      ['GET', '/config/s', 40408, /does not have subject-level compatibility/],
      ['DELETE', '/config/s', 40408, /does not have subject-level compatibility/],
      ['GET', '/nothing/here', 404, /Not Found/],
    ]
    for (const [method, path, code, message] of missing) {
      const [status, errorCode, text] = await failure(method, path)
      assert.deepEqual([status, errorCode], [404, code], `${method} ${path}`)
      assert.match(text, message)
    }
  })

  test('refuses what it cannot take, with the reason', async () => {
    await registered()
    const post = 'POST /subjects/s/versions'
    const refused: [string, unknown, number, number, RegExp][] = [
      [post, { schema: broken }, 409, 409, /version 1|version 2.*int cannot be read from|string/],
      [post, { schema: '{"type":"nothing"}' }, 422, 42201, /"nothing" is not defined/],
      [post, { schema: '{' }, 422, 42201, /not JSON/],
      [post, { schema: '' }, 422, 42201, /Empty schema/],
      [post, {}, 422, 42201, /Empty schema/],
      [post, { schema: '{}', schemaType: 'PROTOBUF' }, 422, 422, /"PROTOBUF" is not supported/],
      [post, { schema: one, references: [{ name: 'x' }] }, 422, 42201, /references are not/],
      [post, '{"schema": ', 400, 400, /not JSON/],
      [post, '[]', 422, 422, /must be a JSON object/],
      [post, { schema: 'x'.repeat(11_000) }, 413, 413, /exceeds 10000 bytes/],
      ['GET /subjects/s/versions/0', undefined, 422, 42202, /'0' is not a valid version id/],
      ['GET /subjects/s/versions/-2', undefined, 422, 42202, /'-2' is not a valid version id/],
      ['GET /subjects/s/versions/first', undefined, 422, 42202, /'first' is not a valid/],
      ['PUT /config', { compatibility: 'SOME' }, 422, 42203, /Invalid compatibility level/],
      ['PUT /config/s', {}, 422, 42203, /Invalid compatibility level/],
      ['PUT /mode', { mode: 'READONLY' }, 422, 42204, /READWRITE/],
    ]
    for (const [request, body, status, code, message] of refused) {
      const [method = '', path = ''] = request.split(' ')
      const [found, errorCode, text] = await failure(method, path, body)
      assert.deepEqual([found, errorCode], [status, code], `${request} ${JSON.stringify(body)}`)
      assert.match(text, message)
    }
    assert.deepEqual(await ask('GET', '/subjects/s/versions'), [200, [1, 2]])
  })

  test('keeps levels, of all subjects and of one', async () => {
    assert.deepEqual(await ask('GET', '/config'), [200, { compatibilityLevel: 'BACKWARD' }])
    assert.deepEqual(await ask('PUT', '/config', { compatibility: 'full' }), [
      200,
      { compatibility: 'FULL' },
    ])
    assert.deepEqual(await ask('PUT', '/config/s', { compatibility: 'NONE' }), [
      200,
      { compatibility: 'NONE' },
    ])
    assert.deepEqual(await ask('GET', '/config'), [200, { compatibilityLevel: 'FULL' }])
    assert.deepEqual(await ask('GET', '/config/s'), [200, { compatibilityLevel: 'NONE' }])
    assert.deepEqual(await ask('GET', '/config/t?defaultToGlobal=true'), [
      200,
      { compatibilityLevel: 'FULL' },
    ])
    assert.deepEqual(await ask('DELETE', '/config/s'), [200, { compatibilityLevel: 'NONE' }])
    assert.deepEqual((await failure('GET', '/config/s'))[1], 40408)
    assert.deepEqual(await ask('DELETE', '/config'), [200, { compatibilityLevel: 'BACKWARD' }])
    assert.deepEqual(await ask('GET', '/mode'), [200, { mode: 'READWRITE' }])
    assert.deepEqual(await ask('GET', '/mode/s'), [200, { mode: 'READWRITE' }])
    assert.deepEqual(await ask('PUT', '/mode', { mode: 'READWRITE' }), [200, { mode: 'READWRITE' }])
  })

  test('checks a schema without registering it', async () => {
    await registered()
    const path = '/compatibility/subjects/s/versions'
    assert.deepEqual(await ask('POST', `${path}/latest`, { schema: one }), [
      200,
      { is_compatible: true },
    ])
    assert.deepEqual(await ask('POST', `${path}/1`, { schema: broken }), [
      200,
      { is_compatible: false },
    ])
    assert.deepEqual(await ask('POST', path, { schema: broken }), [200, { is_compatible: false }])
    const [, verdict] = await ask('POST', `${path}/latest?verbose=true`, { schema: broken })
    const { messages } = verdict as { messages: string[] }
    assert.match(
      messages[0] ?? '',
      /TYPE_MISMATCH.*\/fields\/0\/type.*string cannot be read from int/,
    )
    const empty = '/compatibility/subjects/u/versions/latest?verbose=true'
    assert.deepEqual(await ask('POST', empty, { schema: one }), [
      200,
      { is_compatible: true, messages: [] },
    ])
    assert.deepEqual((await failure('POST', `${path}/9`, { schema: one }))[1], 40402)
    assert.deepEqual(await ask('GET', '/subjects/s/versions'), [200, [1, 2]])
  })

  test('hides versions and subjects, and removes them for good when asked twice', async () => {
    await registered()
    assert.deepEqual((await failure('DELETE', '/subjects/s/versions/1?permanent=true'))[1], 40407)
    assert.deepEqual(await ask('DELETE', '/subjects/s/versions/1'), [200, 1])
    assert.deepEqual((await failure('DELETE', '/subjects/s/versions/1'))[1], 40406)
    assert.deepEqual(await ask('GET', '/subjects/s/versions'), [200, [2]])
    assert.deepEqual(await ask('GET', '/subjects/s/versions?deleted=true'), [200, [1, 2]])
    assert.deepEqual(await ask('DELETE', '/subjects/s/versions/1?permanent=true'), [200, 1])
    assert.deepEqual(await ask('GET', '/subjects/s/versions?deleted=true'), [200, [2]])
    assert.deepEqual((await failure('DELETE', '/subjects/s?permanent=true'))[1], 40405)
    assert.deepEqual(await ask('DELETE', '/subjects/s'), [200, [2]])
    assert.deepEqual((await failure('DELETE', '/subjects/s'))[1], 40404)
    assert.deepEqual(await ask('GET', '/subjects'), [200, ['t']])
    assert.deepEqual(await ask('GET', '/subjects?deleted=true'), [200, ['s', 't']])
    assert.deepEqual(await ask('GET', '/schemas/ids/2'), [200, { schema: two }])
    assert.deepEqual(await ask('DELETE', '/subjects/s?permanent=true'), [200, [2]])
    assert.deepEqual((await failure('GET', '/schemas/ids/2'))[1], 40403)
    assert.deepEqual(await ask('GET', '/schemas/ids/1'), [200, { schema: one }])
    assert.deepEqual((await failure('DELETE', '/subjects/s?permanent=true'))[1], 40401)
  })
})
