import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { LocalSchemaRegistry } from './local-schema-registry.ts'
import type { RegistryRecord, RegistryStorage } from './registry-storage.ts'
import { MemoryRegistryStorage } from './registry-storage.ts'

const schema = (...names: string[]) => ({
  type: 'record',
  name: 'R',
  fields: names.map((name) => ({ name, type: 'int', default: 0 })),
})

let storage: MemoryRegistryStorage
let registry: LocalSchemaRegistry

beforeEach(async () => {
  storage = new MemoryRegistryStorage()
  registry = await LocalSchemaRegistry.open(storage)
})

/** Keeps the last record of each key, as compaction does. */
async function compacted(from: RegistryStorage): Promise<RegistryStorage> {
  const last = new Map<string, RegistryRecord>()
  for (const record of await from.load()) {
    last.delete(record.key)
    if (record.value !== null) last.set(record.key, record)
  }
  const to = new MemoryRegistryStorage()
  await to.append([...last.values()])
  return to
}

async function everythingOf(from: LocalSchemaRegistry): Promise<unknown> {
  const names = await from.subjects({ deleted: true })
  return {
    living: await from.subjects(),
    global: await from.compatibilityLevel(),
    subjects: await Promise.all(
      names.map(async (name) => ({
        name,
        level: await from.compatibilityLevel(name),
        versions: await Promise.all(
          (await from.versions(name, { deleted: true })).map((version) =>
            from.version(name, version, { deleted: true }),
          ),
        ),
      })),
    ),
  }
}

describe('a local schema registry', () => {
  test('answers the same id for the same schema, in any form and subject', async () => {
    const first = await registry.register('a', schema('x'))
    const spaced = JSON.stringify(schema('x'), null, 4)
    const reordered = { fields: schema('x').fields, name: 'R', type: 'record' }
    assert.deepEqual(await registry.register('a', spaced), first)
    assert.deepEqual(await registry.register('a', reordered), first)
    assert.equal((await registry.register('b', schema('x', 'y'))).id, first.id + 1)
    const shared = await registry.register('c', reordered)
    assert.deepEqual(shared, { ...first, subject: 'c' })
    assert.equal((await registry.register('a', schema('x', 'y'))).version, 2)
  })

  test('gives every concurrent registration its own version, and one schema one id', async () => {
    const many = Array.from({ length: 40 }, (_, index) => schema(`f${index % 20}`))
    const registered = await Promise.all(many.map((each) => registry.register('a', each)))
    assert.deepEqual(
      await registry.versions('a'),
      Array.from({ length: 20 }, (_, index) => index + 1),
    )
    assert.deepEqual(registered.slice(0, 20), registered.slice(20))
    assert.equal(new Set(registered.map(({ id }) => id)).size, 20)
  })

  test('is after a restart what it was, with a compacted storage too', async () => {
    await registry.register('a', schema('x'))
    await registry.register('a', schema('x', 'y'))
    await registry.register('b', schema('x'))
    await registry.setCompatibilityLevel('FULL')
    await registry.setCompatibilityLevel('NONE', 'b')
    await registry.register('b', 'string')
    await registry.deleteVersion('a', 1)
    await registry.deleteSubject('b')
    const before = await everythingOf(registry)
    assert.deepEqual(await everythingOf(await LocalSchemaRegistry.open(storage)), before)
    const small = await LocalSchemaRegistry.open(await compacted(storage))
    assert.deepEqual(await everythingOf(small), before)
  })

  test('never gives an id out twice, even when its schema is gone for good', async () => {
    await registry.register('a', schema('x'))
    const second = await registry.register('b', schema('y'))
    await registry.deleteSubject('b')
    await registry.deleteSubject('b', true)
    assert.equal(await registry.schemaById(second.id), null)
    const reopened = await LocalSchemaRegistry.open(await compacted(storage))
    assert.equal((await reopened.register('c', schema('z'))).id, second.id + 1)
  })

  test('has changed nothing when the storage fails, and goes on', async () => {
    let full = true
    const failing: RegistryStorage = {
      load: () => storage.load(),
      append: (records) =>
        full ? Promise.reject(new Error('disk full')) : storage.append(records),
    }
    const careful = await LocalSchemaRegistry.open(failing)
    await assert.rejects(careful.register('a', schema('x')), /disk full/)
    assert.deepEqual(await careful.subjects(), [])
    assert.equal(await careful.schemaById(1), null)
    full = false
    assert.equal((await careful.register('a', schema('x'))).id, 1)
  })

  test('shows a change only when it is durable', async () => {
    const gate = Promise.withResolvers<undefined>()
    const slow = await LocalSchemaRegistry.open({
      load: () => storage.load(),
      append: async (records) => {
        await gate.promise
        await storage.append(records)
      },
    })
    const registering = slow.register('a', schema('x'))
    assert.deepEqual(await slow.subjects(), [])
    gate.resolve(undefined)
    await registering
    assert.deepEqual(await slow.subjects(), ['a'])
  })

  test('refuses an incompatible schema with the reasons', async () => {
    await registry.register('a', { type: 'record', name: 'R', fields: [] })
    const required = { type: 'record', name: 'R', fields: [{ name: 'x', type: 'int' }] }
    await assert.rejects(registry.register('a', required), {
      code: 'SCHEMA_INCOMPATIBLE',
      message:
        'schema of subject "a" breaks its compatibility BACKWARD: the new schema cannot read data ' +
        'of version 1: field "x" is not in the writer\'s R and has no default',
    })
    assert.equal((await registry.checkCompatibility('a', required)).compatible, false)
    await registry.setCompatibilityLevel('NONE', 'a')
    assert.equal((await registry.register('a', required)).version, 2)
  })

  test('does not hold deleted versions against a new one, and counts on behind them', async () => {
    await registry.register('a', schema('x'))
    await registry.register('a', schema('x', 'y'))
    await registry.deleteSubject('a')
    await assert.rejects(registry.versions('a'), { code: 'SUBJECT_UNKNOWN' })
    const next = await registry.register('a', 'string')
    assert.deepEqual([next.version, next.id], [3, 3])
    const again = await LocalSchemaRegistry.open(storage)
    assert.deepEqual(await again.versions('a', { deleted: true }), [1, 2, 3])
    assert.equal((await again.version('a', 'latest', { deleted: true })).version, 3)
  })

  test('brings a deleted schema back under its id and a new version', async () => {
    const first = await registry.register('a', schema('x'))
    await registry.deleteVersion('a', 1)
    assert.deepEqual(await registry.register('a', schema('x')), { ...first, version: 2 })
  })
})
