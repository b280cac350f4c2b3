import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openIngestFixture } from './ingest-fixture.test-support.ts'
import type { IngestRecord } from './ingest-port.ts'
import { LocalIngest } from './ingest-records.ts'

test('what comes from files waits for its pace before it goes in; what producers send does not', async () => {
  const { log, topics, clock, quarantine, values } = await openIngestFixture()
  const held = Promise.withResolvers<undefined>()
  const waited: string[] = []
  const wait = async (topic: string) => {
    waited.push(topic)
    await held.promise
  }
  const common = { topics, log, clock, quarantine, recordBytesMax: 1024 * 1024 }
  const ingest = new LocalIngest({ ...common, pace: { wait } })
  const student = (student_id: string): IngestRecord => ({
    content: { form: 'json', json: { student_id } },
  })
  const studentIds = async () => (await values('students')).map(({ student_id }) => student_id)

  const file = ingest.ingest('students', [student('file')], { onError: 'refuse', source: 'file' })
  for (const source of ['ingest', 'sse'] as const) {
    await ingest.ingest('students', [student(source)], { onError: 'refuse', source })
  }
  assert.deepEqual((await studentIds()).sort(), ['ingest', 'sse'])
  assert.deepEqual(waited, ['students'])
  held.resolve(undefined)
  assert.equal((await file).taken, 1)
  assert.deepEqual((await studentIds()).sort(), ['file', 'ingest', 'sse'])
  await log.close()
})
