import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { ManualClock } from '../core/clock.ts'
import { topicName } from '../core/record.ts'
import { openMemoryStorage } from '../state/memory-backend.ts'
import { everyonesMetaRecords, ownMetaRecords, sharedMetaRecords } from './meta-records.ts'

function directoryOf(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-meta-'))
  context.after(() => {
    rmSync(directory, { recursive: true })
  })
  return directory
}

test('what is kept in a data directory is there for the next who opens it, deletions too', async (context) => {
  const directory = directoryOf(context)
  const meta = ownMetaRecords(join(directory, 'new'))
  assert.deepEqual(await meta.load(), [])
  await Promise.all([
    meta.append([{ key: 'a', value: '1' }]),
    meta.append([{ key: 'b', value: '2' }]),
  ])
  await meta.append([{ key: 'a', value: null }])
  assert.deepEqual(await ownMetaRecords(join(directory, 'new')).load(), [{ key: 'b', value: '2' }])
})

test('whoever has opened it in this process, no record is lost', async (context) => {
  const directory = directoryOf(context)
  const writers = Array.from({ length: 20 }, () => ownMetaRecords(directory))
  await Promise.all(writers.map((meta, at) => meta.append([{ key: `${at}`, value: '1' }])))
  assert.equal((await ownMetaRecords(directory).load()).length, writers.length)
})

test('a file that cannot be read is refused, not overwritten', async (context) => {
  const directory = directoryOf(context)
  writeFileSync(join(directory, 'meta.json'), '{ "vers')
  const meta = ownMetaRecords(directory)
  await assert.rejects(meta.append([{ key: 'a', value: '1' }]), { code: 'DATA_DIR_CORRUPT' })
  writeFileSync(join(directory, 'meta.json'), '{ "version": 2, "records": {} }')
  await assert.rejects(meta.load(), { code: 'DATA_DIR_NEWER' })
})

test('records on a shared log are read by all, and who only reads makes no topic', async () => {
  const { log, close } = await openMemoryStorage({ clock: new ManualClock() })
  const admin = {
    topicNames: async () => (await log.describeTopics()).map(({ name }) => name),
  }
  const open = () => sharedMetaRecords(log, admin, new ManualClock(), 'app')
  assert.deepEqual(await open().load(), [])
  assert.deepEqual(await admin.topicNames(), [])
  await open().append([{ key: 'a', value: '1' }])
  await open().append([{ key: 'a', value: '2' }])
  const last = new Map((await open().load()).map(({ key, value }) => [key, value]))
  assert.deepEqual([...last], [['a', '2']])
  await close()
})

test('of all applications each is read, and a stranger’s topic of such a name is nobody’s', async () => {
  const { log, close } = await openMemoryStorage({ clock: new ManualClock() })
  const admin = {
    topicNames: async () => (await log.describeTopics()).map(({ name }) => name),
  }
  for (const application of ['one', 'two']) {
    const meta = sharedMetaRecords(log, admin, new ManualClock(), application)
    await meta.append([{ key: 'of', value: application }])
  }
  const strange = topicName('strange-meta')
  await log.createTopics([
    { name: strange, partitionCount: 3, cleanupPolicy: 'delete', retentionMs: null },
  ])
  const metas = await everyonesMetaRecords(log, admin, new ManualClock())
  const found: Record<string, unknown> = {}
  for (const [application, meta] of metas) found[application] = await meta.load()
  assert.deepEqual(found, {
    one: [{ key: 'of', value: 'one' }],
    two: [{ key: 'of', value: 'two' }],
    strange: [],
  })
  await close()
})
