/** A backfill where the log no longer has all events: what rests on those is not undone. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { runBackfill } from '../../src/app/backfill.ts'
import { loadConfiguration } from '../../src/app/configuration.ts'
import { openInstance } from '../../src/app/instance.ts'
import { topicName } from '../../src/core/record.ts'
import { readBackfillRequest } from '../../src/jobs/backfill/backfill-request.ts'

const directory = mkdtempSync(join(tmpdir(), 'tidemark-backfill-gone-'))
const configuration = loadConfiguration({
  flags: { dataDir: join(directory, 'data'), topologies: 'exam-scores', workers: 0 },
  environment: {},
  directory,
})
const topic = topicName('exam_score')
const eventCount = 60

after(() => {
  rmSync(directory, { recursive: true, force: true })
})

function backfill(request: object) {
  const listener = {
    signal: new AbortController().signal,
    onProgress: () => {},
    onWait: () => {},
  }
  const whole = { topology: 'exam-scores', tables: ['events'], ...request }
  return runBackfill(configuration, readBackfillRequest(whole), listener)
}

test('where the first events are gone, rows that only they explain stay, and nothing is done unasked', async () => {
  const instance = await openInstance(configuration, { listen: false })
  const { ingest, log } = instance.services
  const records = Array.from({ length: eventCount }, (_, at) => ({
    content: {
      form: 'json' as const,
      json: { exam: 1, studentId: `s${at}`, score: at, event_id: `e${at}` },
    },
  }))
  await ingest.ingest(topic, records, { onError: 'refuse', source: 'ingest' })
  while (!(await instance.whenIdle(10_000)));
  const [described] = await log.describeTopics([topic])
  const partitions = described?.partitions ?? []
  await log.deleteRecords(
    partitions.map((at) => ({ topic, partition: at.partition, offset: at.highWatermark })),
  )
  await instance.stop()

  const seen = await backfill({ dry_run: true })
  assert.equal(seen.events_gone.length, partitions.length)
  assert.equal(seen.tables[0]?.extra, eventCount)
  await assert.rejects(backfill({}), /no longer has the first events of exam_score-0 .*--dry-run/)
  const kept = await backfill({ retained_only: true })
  assert.deepEqual([kept.tables[0]?.put_right, kept.tables[0]?.extra], [0, eventCount])
  const again = await backfill({ dry_run: true })
  assert.equal(again.tables[0]?.extra, eventCount, 'all rows are still there')
})
