import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { ManualClock, systemClock } from '../../core/clock.ts'
import { topicName } from '../../core/record.ts'
import type { Log } from '../../log/log.ts'
import { avroCodec, openAvroCodec } from '../../schema/avro-codec.ts'
import { LocalSchemaRegistry } from '../../schema/local-schema-registry.ts'
import { openMemoryStorage } from '../../state/memory-backend.ts'
import { openStorage } from '../../state/rocksdb-backend.ts'
import { topicRegistryStorage } from './topic-registry-storage.ts'

const schema = (...names: string[]) => ({
  type: 'record',
  name: 'R',
  fields: names.map((name) => ({ name, type: 'int', default: 0 })),
})

const clock = new ManualClock(1_000)

async function registryOn(log: Log): Promise<LocalSchemaRegistry> {
  return LocalSchemaRegistry.open(await topicRegistryStorage(log, clock))
}

describe('a registry in the embedded log', () => {
  let directory: string

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'registry-'))
  })

  after(() => rm(directory, { recursive: true, force: true }))

  test('reads after a restart what was written before it, under the same ids', async () => {
    let embedded = await openStorage({ directory, clock: systemClock })
    let registry = await registryOn(embedded.log)
    const codec = await openAvroCodec<object>({ topic: 't', schema: schema('a'), registry })
    const bytes = codec.encode({ a: 7 })
    await registry.register('t-value', schema('a', 'b'))
    await registry.setCompatibilityLevel('FULL', 't-value')
    await registry.register('gone', 'string')
    await registry.deleteSubject('gone')
    await registry.deleteSubject('gone', true)
    await embedded.close()

    embedded = await openStorage({ directory, clock: systemClock })
    registry = await registryOn(embedded.log)
    assert.deepEqual(await registry.subjects({ deleted: true }), ['t-value'])
    assert.deepEqual(await registry.versions('t-value'), [1, 2])
    assert.equal(await registry.compatibilityLevel('t-value'), 'FULL')
    const again = avroCodec<object>({ topic: 't', schema: schema('a', 'b'), registry })
    await again.prepare([bytes])
    assert.deepEqual(again.decode(bytes), { a: 7, b: 0 })
    assert.equal((await registry.register('new', 'bytes')).id, 4)
    await embedded.close()
  })
})

test('a registry larger than one fetch is read to its end', async () => {
  const storage = await openMemoryStorage({ clock })
  const { log } = storage
  const registry = await registryOn(log)
  const doc = 'x'.repeat(500_000)
  for (let index = 0; index < 12; index++) {
    await registry.register('large', { ...schema(`f${index}`), doc })
  }
  const reopened = await registryOn(log)
  assert.equal((await reopened.versions('large')).length, 12)
  const [topic] = await log.describeTopics([topicName('_schemas')])
  assert.deepEqual([topic?.cleanupPolicy, topic?.partitionCount], ['compact', 1])
  await storage.close()
})
