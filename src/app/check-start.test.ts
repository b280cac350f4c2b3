import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { ManualClock } from '../core/clock.ts'
import type { TopicDescription, TopicSpec } from '../log/log.ts'
import { MemoryStorage } from '../log/memory/memory-storage.ts'
import { StoredLog } from '../log/stored-log.ts'
import counting, { counts, words } from '../runtime/test-support/counting.ts'
import { checkStart } from './check-start.ts'
import { loadConfiguration } from './configuration.ts'
import type { Foundation } from './foundation.ts'
import { manifestOf } from './manifest.ts'
import { writeManifests } from './manifest-records.ts'
import { ownMetaRecords } from './meta-records.ts'

const clock = new ManualClock()

/** A log on which others have made a topic. */
async function foundationWith(context: TestContext, ...specs: readonly TopicSpec[]) {
  const dataDir = await mkdtemp(join(tmpdir(), 'tidemark-check-'))
  const log = await StoredLog.open(new MemoryStorage(), { clock })
  context.after(async () => {
    await log.close()
    await rm(dataDir, { recursive: true })
  })
  await log.createTopics(specs)
  const topicNames = async () => (await log.describeTopics()).map(({ name }) => name)
  const parts = { log, admin: { topicNames }, member: null, meta: ownMetaRecords(dataDir) }
  const foundation = parts as unknown as Foundation
  const configuration = loadConfiguration({ flags: {}, environment: {}, directory: dataDir })
  const start = () => checkStart(configuration, foundation, [counting], clock)
  return { log, start, meta: parts.meta }
}

function spec({ name }: { readonly name: TopicSpec['name'] }, more: Partial<TopicSpec>): TopicSpec {
  return { name, partitionCount: 4, cleanupPolicy: 'delete', retentionMs: null, ...more }
}

test('a start where nothing is yet goes on, and has made nothing', async (context) => {
  const { log, start } = await foundationWith(context)
  await start()
  assert.deepEqual(await log.describeTopics(), [])
})

test('a topic that does not fit refuses the start before another is made', async (context) => {
  const { log, start } = await foundationWith(context, spec(words, { partitionCount: 3 }))
  await assert.rejects(start(), { code: 'TOPIC_MISMATCH', message: new RegExp(words.name) })
  assert.deepEqual(
    (await log.describeTopics()).map(({ name }) => name),
    [words.name],
  )
})

test('a fact topic that is compacted and deleted loses rows, and is refused', async (context) => {
  const { log, start } = await foundationWith(context, spec(counts, { cleanupPolicy: 'compact' }))
  await start()
  const describe = log.describeTopics.bind(log)
  log.describeTopics = async (names) =>
    (await describe(names)).map((found): TopicDescription => ({ ...found, deletesToo: true }))
  await assert.rejects(start(), {
    code: 'TOPIC_MISMATCH',
    message: /cleanup\.policy compact,delete, which loses the last record.*kafka-configs/,
  })
})

test('a topology that is new may not take the group of one that another instance runs', async (context) => {
  const { log, start, meta } = await foundationWith(context)
  const other = manifestOf(counting, { defaultPartitionCount: 4, withChangelogs: false })
  await writeManifests(meta, [{ ...other, topology: `${counting.name}-clickhouse` }])
  await assert.rejects(start(), {
    code: 'TOPOLOGY_INVALID',
    message: /^group "counting-clickhouse" would be .*: rename one of the topologies$/,
  })
  assert.deepEqual(await log.describeTopics(), [])
})
