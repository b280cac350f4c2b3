import assert from 'node:assert/strict'
import { test } from 'node:test'
import { partition, topicName } from '../../core/record.ts'
import type { RecordsPage } from '../../jobs/tail/read-records.ts'
import { RecordReader } from '../../jobs/tail/shown-record.ts'
import { openIngestFixture } from '../../sources/ingest-fixture.test-support.ts'
import { recordsApp, recordsPath } from './records-app.ts'

const request = { topic: 'some.topic', from: 'beginning', positions: {}, key: null } as const

async function open() {
  const { log, registry } = await openIngestFixture()
  const topic = topicName('some.topic')
  await log.createTopics([
    { name: topic, partitionCount: 2, cleanupPolicy: 'delete', retentionMs: null },
  ])
  for (const [key, value] of ['a&b=c', 'a', 'b'].entries()) {
    const records = [{ key: Buffer.from(value), value: Buffer.from(value), timestampMs: key }]
    await log.append([{ topic, partition: partition(key % 2), records }])
  }
  return recordsApp({ log, reader: new RecordReader(registry) })
}

test('a page is asked for with its address, and the next one with the positions of the last', async () => {
  const app = await open()
  const ask = async (path: string) => (await (await app.request(path)).json()) as RecordsPage
  const page = await ask(recordsPath({ ...request, waitMs: 0 }))
  assert.deepEqual(page.records.map(({ value }) => value).sort(), ['a', 'a&b=c', 'b'])
  assert.deepEqual(page.positions, { 0: 2, 1: 1 })
  const next = await ask(recordsPath({ ...request, positions: page.positions, waitMs: 0 }))
  assert.deepEqual(next.records, [])
  const ofKey = await ask(recordsPath({ ...request, key: 'a&b=c', waitMs: 0 }))
  assert.deepEqual(
    ofKey.records.map(({ key }) => key),
    ['a&b=c'],
  )
})

test('what is wrong with a request is said, and a topic that is not there is not found', async () => {
  const app = await open()
  const wrong: readonly (readonly [path: string, status: number, told: RegExp])[] = [
    ['/api/topics/some.topic/records?from=middle', 400, /from must be beginning or end/],
    ['/api/topics/some.topic/records?wait_ms=soon', 400, /wait_ms must be a whole number/],
    ['/api/topics/some.topic/records?positions=0', 400, /PARTITION:OFFSET/],
    ['/api/topics/some.topic/records?offset=0', 400, /offset is not known; known are from/],
    ['/api/topics/no%20topic/records', 400, /no topic/],
    ['/api/topics/nothing/records', 404, /there is no topic nothing/],
  ]
  for (const [path, status, told] of wrong) {
    const response = await app.request(path)
    assert.equal(response.status, status, path)
    assert.match(((await response.json()) as { error: string }).error, told)
  }
})
