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

const other = { ...schema, name: 'Question' }

/** The registry at the address has lost what it had, and got the schemas in another order. */
async function makeAnew(...schemas: readonly object[]): Promise<void> {
  const { url } = door
  await door.stop()
  door = await openRegistryDoor(Number(new URL(url).port))
  assert.equal(door.url, url)
  for (const [index, each] of schemas.entries()) {
    await door.registry.register(`new-${index}-value`, each)
  }
}

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

test('what only the disk knows of an id is asked for before it is used, and taken while the registry is away', async () => {
  const first = await open('ids.json')
  const { id } = await door.registry.register('others-value', other)
  const text = await first.schemaById(id)
  await first.close()
  const second = await open('ids.json')
  door.requests.length = 0
  assert.equal(await second.schemaById(id), text)
  assert.equal(await second.schemaById(id), text)
  assert.deepEqual(door.requests, [`GET /schemas/ids/${id}`])
  await second.close()
  const third = await open('ids.json')
  await door.stop()
  assert.equal(await third.schemaById(id), text)
  await door.restart()
})

test('a registry that was made anew at the address decodes nothing with schemas of the old one', async () => {
  const first = await open('anew.json')
  const { id } = await first.register('answers-value', schema)
  await first.close()
  await makeAnew(other, schema)
  const reader = await open('anew.json')
  await assert.rejects(reader.schemaById(id), {
    code: 'CONFIGURATION_INVALID',
    message: new RegExp(`id ${id} was schema Answer and is schema Question now.*schemas\\.json`),
  })
  const starting = await open('anew.json')
  door.requests.length = 0
  await assert.rejects(starting.verify(), {
    code: 'CONFIGURATION_INVALID',
    message: new RegExp(`id ${id} was that of answers-value and is schema Question now`),
  })
  assert.deepEqual(door.requests, [`GET /schemas/ids/${id}`], 'nothing was registered')
})

test('a registry that has lost an id of ours is told of at the start, and is not if it is away', async () => {
  const first = await open('lost.json')
  const { id } = await first.register('answers-value', schema)
  await first.close()
  await makeAnew()
  const second = await open('lost.json')
  await assert.rejects(second.verify(), {
    code: 'CONFIGURATION_INVALID',
    message: new RegExp(`has no id ${id}, which was that of answers-value`),
  })
  await door.stop()
  const third = await open('lost.json')
  await third.verify()
  assert.equal(third.isAway, true)
  assert.equal((await third.register('answers-value', schema)).id, id)
  await door.restart()
})

test('a registry that gives an id which the disk knows otherwise is another one', async () => {
  const first = await open('given.json')
  const { id } = await first.register('answers-value', schema)
  await first.close()
  await makeAnew()
  const second = await open('given.json')
  await assert.rejects(second.register('questions-value', other), {
    code: 'CONFIGURATION_INVALID',
    message: new RegExp(`id ${id} was schema Answer and is of questions-value now`),
  })
})

test('ids that are what they were are verified once, however their schemas are written', async () => {
  const first = await open('same.json')
  const { id } = await first.register('answers-value', schema)
  await first.close()
  const path = join(directory, 'same.json')
  const inFile = (text: string) => JSON.stringify(text).slice(1, -1)
  const kept = await readFile(path, 'utf8')
  const spread = JSON.stringify(schema, null, 1)
  const again = kept.replaceAll(inFile(JSON.stringify(schema)), inFile(spread))
  assert.notEqual(again, kept)
  await writeFile(path, again)
  const second = await open('same.json')
  await second.verify()
  door.requests.length = 0
  assert.notEqual(await second.schemaById(id), null)
  assert.deepEqual(door.requests, [])
})

test('a subject that was deleted is registered anew', async () => {
  const registry = await open('deleted.json')
  await registry.register('answers-value', schema)
  await registry.deleteSubject('answers-value')
  assert.equal((await registry.register('answers-value', schema)).version, 2)
})
