import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import { ManualClock } from '../core/clock.ts'
import { openAvroCodec } from './avro-codec.ts'
import { CachedSchemaRegistry } from './cached-schema-registry.ts'
import { HttpSchemaRegistry } from './http-schema-registry.ts'
import { openRegistryDoor, type RegistryDoor } from './registry-door.test-support.ts'
import { schemaCacheFile } from './schema-cache-file.ts'

const schema = {
  type: 'record',
  name: 'Answer',
  fields: [{ name: 'id', type: 'string' }],
}

let directory: string
let door: RegistryDoor
let clock: ManualClock
const opened: CachedSchemaRegistry[] = []

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-schema-cache-'))
})
after(() => rm(directory, { recursive: true }))
beforeEach(async () => {
  door = await openRegistryDoor()
  clock = new ManualClock()
})
afterEach(async () => {
  for (const registry of opened.splice(0)) await registry.close()
  await door.stop()
})

/** As an instance opens it at its start. */
async function open(file: string) {
  const registry = await CachedSchemaRegistry.open({
    registry: new HttpSchemaRegistry({ url: door.url, timeoutMs: 2000 }),
    storage: schemaCacheFile(join(directory, file), [door.url]),
    clock,
  })
  opened.push(registry)
  return registry
}

test('an instance whose schemas are known starts and reads while the registry is away', async () => {
  const first = await open('known.json')
  const codec = await openAvroCodec<object>({ topic: 'answers', schema, registry: first })
  const bytes = codec.encode({ id: 'a' })
  await first.close()
  await door.stop()
  const second = await open('known.json')
  const again = await openAvroCodec<object>({ topic: 'answers', schema, registry: second })
  assert.equal(second.isAway, true)
  assert.deepEqual(again.encode({ id: 'a' }), bytes)
  await again.prepare([bytes])
  assert.deepEqual(again.decode(bytes), { id: 'a' })
  await door.restart()
})

test('a schema that nobody knows waits for the registry, and goes on when it is back', async () => {
  await door.stop()
  const registry = await open('unknown.json')
  await assert.rejects(registry.register('answers-value', schema), {
    code: 'REGISTRY_UNREACHABLE',
    message: new RegExp(door.url),
  })
  await door.restart()
  assert.equal((await registry.register('answers-value', schema)).version, 1)
  assert.equal(registry.isAway, false)
})

test('the registry is asked once for each schema in one process, and again in the next', async () => {
  const first = await open('once.json')
  const { id } = await first.register('answers-value', schema)
  door.requests.length = 0
  await first.register('answers-value', schema)
  await first.schemaById(id)
  assert.deepEqual(door.requests, [])
  await first.close()
  const second = await open('once.json')
  await second.register('answers-value', schema)
  assert.deepEqual(door.requests, ['POST /subjects/answers-value'])
})

test('while the registry is away it is asked again only after a while', async () => {
  const first = await open('while.json')
  await first.register('a-value', schema)
  await first.register('b-value', schema)
  await first.close()
  const second = await open('while.json')
  door.answerWith = 503
  door.requests.length = 0
  await second.register('a-value', schema)
  await second.register('b-value', schema)
  assert.equal(door.requests.length, 1)
  clock.advance(5_001)
  await second.register('b-value', schema)
  assert.equal(door.requests.length, 2)
})

test('a refusal is no absence: what the disk knows does not stand against it', async () => {
  const first = await open('refusal.json')
  await first.register('answers-value', schema)
  await first.close()
  const second = await open('refusal.json')
  door.authorization = 'Bearer another'
  await assert.rejects(second.register('answers-value', schema), { code: 'CONFIGURATION_INVALID' })
})

test('what was kept of another registry, or cannot be read, counts as nothing', async () => {
  const first = await open('other.json')
  await first.register('answers-value', schema)
  await first.close()
  await door.stop()
  const path = join(directory, 'other.json')
  assert.match(await readFile(path, 'utf8'), /answers-value/)
  const moved = await CachedSchemaRegistry.open({
    registry: new HttpSchemaRegistry({ url: door.url }),
    storage: schemaCacheFile(path, ['http://elsewhere:8081']),
    clock,
  })
  await assert.rejects(moved.register('answers-value', schema), { code: 'REGISTRY_UNREACHABLE' })
  await writeFile(path, '{ "version": 1, "regis')
  const broken = await open('other.json')
  await assert.rejects(broken.register('answers-value', schema), { code: 'REGISTRY_UNREACHABLE' })
  await door.restart()
})

test('a subject that was deleted is registered anew', async () => {
  const registry = await open('deleted.json')
  await registry.register('answers-value', schema)
  await registry.deleteSubject('answers-value')
  assert.equal((await registry.register('answers-value', schema)).version, 2)
})
