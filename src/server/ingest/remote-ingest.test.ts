/** A source in one process, the instance in another: the same as in one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import { openIngestFixture } from '../../sources/ingest-fixture.test-support.ts'
import type { IngestRecord } from '../../sources/ingest-port.ts'
import { RemoteIngest } from '../../sources/remote-ingest.ts'
import { listen } from '../listen.ts'
import { ingestApp } from './ingest-app.ts'

const score = { exam: 1, studentId: 'a', score: 1 }
const records: readonly IngestRecord[] = [
  { content: { form: 'json', json: score }, timestampMs: 5, headers: [['h', Buffer.from([255])]] },
  { content: { form: 'text', bytes: Buffer.from('{"exam":') }, location: 'f:1' },
  { content: { form: 'text', bytes: Buffer.from([0x22, 0xff, 0x22]) }, location: 'f:2' },
  { content: { form: 'framed', bytes: Buffer.from([0, 0, 0, 0, 99, 1]) } },
  {
    content: {
      form: 'unreadable',
      code: 'SCHEMA_REFUSED',
      faults: [{ path: 'exam', reason: 'no' }],
    },
    original: {
      format: 'csv',
      value: Buffer.from([1, 254]),
      key: Buffer.from('k'),
      headers: [['c', Buffer.from('x')]],
    },
    location: 'f:3',
  },
  { content: { form: 'json', json: score }, key: { form: 'bytes', bytes: Buffer.from('other') } },
]

test('reports, taken records and quarantined bytes are those of a source in the same process', async () => {
  const options = { onError: 'quarantine', source: 'file' } as const
  const local = await openIngestFixture()
  const remote = await openIngestFixture()
  const listener = await listen(ingestApp({ ...remote, clock: systemClock }), {
    name: 'ingest',
    host: '127.0.0.1',
    port: 0,
  })
  const port = new RemoteIngest({ url: `${listener.url}/` })
  const expected = await local.ingest.ingest('exam_score', records, options)
  assert.equal(expected.quarantined, 5)
  const found = await port.ingest('exam_score', records, options)
  assert.deepEqual(found, JSON.parse(JSON.stringify(expected)))
  assert.deepEqual(await remote.records('exam_score'), await local.records('exam_score'))
  assert.deepEqual(await remote.quarantined(), await local.quarantined())
  await assert.rejects(port.ingest('nothing', records, options), /topic nothing is not known/)
  await listener.close(0)
  await assert.rejects(port.ingest('exam_score', records, options), /no answer from the ingest/)
  await local.log.close()
  await remote.log.close()
})
