/** Live events do not wait behind what an import brings: it goes in as quickly as it is processed. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadConfiguration } from '../../src/app/configuration.ts'
import { openInstance, type Instance } from '../../src/app/instance.ts'

const students = 40_000
const batch = 2_000
/** What is in hand before an import waits, and one batch. */
const waitingMax = 10_000 + batch

void test('an import goes in no quicker than its records are processed', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-import-pace-'))
  const flags = { dataDir: directory, workers: 1, topologies: ['mcq'], 'bulk.delayMaxMs': 1 }
  const instance = await openInstance(loadConfiguration({ flags, environment: {}, directory }), {
    listen: false,
  })
  try {
    let waitingMost = 0
    for (let first = 0; first < students; first += batch) {
      const records = Array.from({ length: batch }, (_, index) => ({
        content: { form: 'json', json: { student_id: `s${first + index}` } } as const,
      }))
      const options = { onError: 'refuse', source: 'file' } as const
      await instance.services.ingest.ingest('students', records, options)
      waitingMost = Math.max(waitingMost, await waitingOf(instance))
    }
    assert.ok(waitingMost <= waitingMax, `${waitingMost} of ${students} records waited`)
  } finally {
    await instance.stop()
    await rm(directory, { recursive: true, force: true })
  }
})

/** Records of students that are in the log and not processed. */
async function waitingOf({ services: { log } }: Instance): Promise<number> {
  const [topic] = (await log.describeTopics()).filter(({ name }) => name === 'students')
  assert.ok(topic)
  const places = topic.partitions.map(({ partition }) => ({ topic: topic.name, partition }))
  const committed = await log.committedOffsets('mcq', places)
  return topic.partitions.reduce(
    (sum, { lastStableOffset }, index) => sum + lastStableOffset - (committed[index]?.offset ?? 0),
    0,
  )
}
