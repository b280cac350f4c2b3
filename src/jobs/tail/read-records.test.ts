import assert from 'node:assert/strict'
import { test } from 'node:test'
import { offset, partition, topicName, type ProducerRecord } from '../../core/record.ts'
import { encodeTuple } from '../../core/tuple.ts'
import { openIngestFixture, type IngestFixture } from '../../sources/ingest-fixture.test-support.ts'
import { readRecords, type RecordsPage, type RecordsRequest } from './read-records.ts'
import { RecordReader, type ShownRecord } from './shown-record.ts'

const atMs = Date.UTC(2026, 0, 5)
const foreign = topicName('foreign')

async function open() {
  const fixture = await openIngestFixture()
  const { log } = fixture
  const spec = { cleanupPolicy: 'delete', retentionMs: null, partitionCount: 1 } as const
  await log.createTopics([{ name: foreign, ...spec }])
  const source = { log, reader: new RecordReader(fixture.registry) }
  const read = (topic: string, more: Partial<RecordsRequest> = {}) =>
    readRecords(source, { topic, from: 'beginning', positions: {}, key: null, waitMs: 0, ...more })
  return { fixture, log, read, send: (...given: Partial<ProducerRecord>[]) => send(fixture, given) }
}

async function send({ log }: IngestFixture, given: readonly Partial<ProducerRecord>[]) {
  const records = given.map((record) => ({ key: null, value: null, timestampMs: atMs, ...record }))
  await log.append([{ topic: foreign, partition: partition(0), records }])
}

function score(student: string, value: number) {
  const json = { exam: 1, studentId: student, score: value, event_id: `${student}-${value}` }
  return { content: { form: 'json', json }, timestampMs: atMs } as const
}

const byOffset = ({ records }: RecordsPage) => records.map(({ value }) => value)
const scores = (records: readonly ShownRecord[]) =>
  records.map(({ value }) => (value as { score: number }).score).sort()

test('a value is read with the schema that it was written with, and its key as it is', async () => {
  const { fixture, read } = await open()
  const options = { onError: 'refuse', source: 'ingest' } as const
  await fixture.ingest.ingest('exam_score', [score('ann', 71)], options)
  const [record] = (await read('exam_score')).records
  assert.equal(record?.key, 'ann-71')
  assert.equal(record.timestamp, '2026-01-05T00:00:00.000Z')
  assert.equal((record.value as { studentId: string }).studentId, 'ann')
  assert.deepEqual(scores([record]), [71])
})

test('records of others are shown, too: text, tombstones, bytes, headers, and what cannot be read with its reason', async () => {
  const { read, send } = await open()
  await send(
    { key: Buffer.from('plain'), value: Buffer.from('{"a":1}') },
    { key: encodeTuple(['ann', 7]), value: null },
    { key: Buffer.from([0xff]), value: Buffer.from([0xfe, 0xff]) },
    { value: Buffer.from([0, 0, 0, 9, 9, 1]), headers: [['from', Buffer.from('elsewhere')]] },
  )
  const { records } = await read('foreign')
  const common = { topic: 'foreign', partition: 0, timestamp: '2026-01-05T00:00:00.000Z' }
  assert.deepEqual(records, [
    { ...common, offset: 0, key: 'plain', value: '{"a":1}' },
    { ...common, offset: 1, key: ['ann', 7], value: null },
    { ...common, offset: 2, key: null, key_base64: '/w==', value: null, value_base64: '/v8=' },
    {
      ...common,
      offset: 3,
      key: null,
      value: null,
      value_base64: 'AAAACQkB',
      fault: 'schema 2313 is not in the registry',
      headers: { from: 'elsewhere' },
    },
  ])
})

test('a value that is cut is shown as bytes', async () => {
  const { fixture, read, send } = await open()
  const codec = fixture.topics.get('students')?.codec
  const value = codec?.encode({
    student_id: 'ann',
    student_name: 'Ann',
    email: null,
    created_at: 1,
  })
  assert.ok(value !== undefined)
  await send({ value: value.subarray(0, -3) }, { value })
  const { records } = await read('foreign')
  assert.match(records[0]?.fault ?? '', /^not a value of schema \d+/)
  assert.equal((records[1]?.value as { student_id: string }).student_id, 'ann')
})

test('page after page has every record once, and the end of one is the start of the next', async () => {
  const { read, send } = await open()
  const values = Array.from({ length: 700 }, (_, index) => `${index} ${'x'.repeat(1000)}`)
  for (const value of values) await send({ value: Buffer.from(value) })
  const found: unknown[] = []
  let page = await read('foreign')
  for (; page.records.length > 0; page = await read('foreign', page)) found.push(...byOffset(page))
  assert.deepEqual(found, values)
  assert.equal(page.behind, 0)
})

test('from the end only what comes later is shown', async () => {
  const { read, send } = await open()
  await send({ value: Buffer.from('before') })
  const first = await read('foreign', { from: 'end' })
  assert.deepEqual(first.records, [])
  await send({ value: Buffer.from('after') })
  assert.deepEqual(byOffset(await read('foreign', { ...first, from: 'end' })), ['after'])
})

test('what waits for a record gets it when it comes', async () => {
  const { read, send } = await open()
  const waiting = read('foreign', { waitMs: 60_000 })
  await send({ value: Buffer.from('late') })
  assert.deepEqual(byOffset(await waiting), ['late'])
})

test('a key picks its records, whatever form it has', async () => {
  const { read, send } = await open()
  await send(
    { key: Buffer.from('ann'), value: Buffer.from('1') },
    { key: encodeTuple(['ann']), value: Buffer.from('2') },
    { key: encodeTuple(['ann', 't1']), value: Buffer.from('3') },
    { key: encodeTuple([7]), value: Buffer.from('4') },
    { key: null, value: Buffer.from('5') },
  )
  const picked = async (key: string) => byOffset(await read('foreign', { key }))
  assert.deepEqual(await picked('ann'), ['1', '2'])
  assert.deepEqual(await picked('ann,t1'), ['3'])
  assert.deepEqual(await picked('["ann","t1"]'), ['3'])
  assert.deepEqual(await picked('7'), ['4'])
  const { records, positions, behind } = await read('foreign', { key: 'nobody' })
  assert.deepEqual({ records, positions, behind }, { records: [], positions: { 0: 5 }, behind: 0 })
})

test('records of a transaction are shown once it has committed, and never when it was aborted', async () => {
  const { log, read } = await open()
  const producer = await log.transactionalProducer('teller')
  const begin = (value: string) => {
    const transaction = producer.begin()
    const records = [{ key: null, value: Buffer.from(value), timestampMs: atMs }]
    transaction.send({ topic: foreign, partition: partition(0), records })
    return transaction
  }
  const transaction = begin('kept')
  assert.deepEqual(byOffset(await read('foreign')), [])
  await transaction.commit()
  await begin('aborted').abort()
  assert.deepEqual(byOffset(await read('foreign')), ['kept'])
})

test('offsets that the log removed before they were read are counted, and reading goes on behind them', async () => {
  const { log, read, send } = await open()
  for (const value of ['a', 'b', 'c']) await send({ value: Buffer.from(value) })
  const first = await read('foreign', { positions: { 0: 1 } })
  assert.deepEqual(byOffset(first), ['b', 'c'])
  await log.deleteRecords([{ topic: foreign, partition: partition(0), offset: offset(2) }])
  const page = await read('foreign', { positions: { 0: 1 } })
  assert.equal(page.removed, 1)
  assert.deepEqual(byOffset(page), ['c'])
})

test('a topic that is not there, or could not be, is named', async () => {
  const { read } = await open()
  await assert.rejects(read('nothing'), { code: 'TOPIC_UNKNOWN', message: /nothing/ })
  await assert.rejects(read('no topic'), { code: 'REQUEST_INVALID', message: /no topic/ })
})
