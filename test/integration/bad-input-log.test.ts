/** What a foreign producer left in the log and nobody can use: kept byte by byte, and passed by. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import avsc from 'avsc'
import { partitionForKey } from '../../src/core/partitioner.ts'
import { encodeTuple } from '../../src/core/tuple.ts'
import { loadSchema } from '../../src/schema/schema-files.ts'
import { answerEvent, startMs, TestInstance } from './doors-support/test-instance.ts'

let instance: TestInstance
let answersId: number
let teachersId: number
const teacher: Record<string, unknown> = { teacher_id: 'x' }
const answersType = avsc.Type.forSchema(loadSchema('answers') as avsc.Schema)
const partitionCount = 4

before(async () => {
  instance = await TestInstance.open({ partitions: partitionCount })
  const idOf = async (topic: string): Promise<number> =>
    (await instance.registry(`/subjects/${topic}-value/versions/latest`)).body.id
  answersId = await idOf('answers')
  teachersId = await idOf('teachers')
  const { fields } = loadSchema('teachers') as { fields: { name: string; default?: unknown }[] }
  for (const { name, default: fallback } of fields) teacher[name] ??= fallback ?? 'x'
})
after(() => instance.stop())

function framed(id: number, avroBytes: Buffer, magic = 0): Buffer {
  const header = Buffer.alloc(5)
  header[0] = magic
  header.writeUInt32BE(id, 1)
  return Buffer.concat([header, avroBytes])
}

function goodAnswer(student: string, index = 0): { key: Buffer; value: Buffer; partition: number } {
  const key = encodeTuple(['t1', student])
  const value = framed(answersId, answersType.toBuffer(answerEvent(student, index)))
  return { key, value, partition: partitionForKey(key, partitionCount) }
}

interface Case {
  readonly name: string
  readonly value: () => Buffer
  readonly check: string
  readonly reason: RegExp
}

const plain = (event: Record<string, unknown>) => answersType.toBuffer(event)
const cases: readonly Case[] = [
  {
    name: 'a truncated value',
    value: () => framed(answersId, plain(answerEvent('cut')).subarray(0, 9)),
    check: 'AVRO_CORRUPT',
    reason: /answers: not a value of schema \d+: .*14 bytes/,
  },
  {
    name: 'bytes after the value',
    value: () => framed(answersId, Buffer.concat([plain(answerEvent('long')), Buffer.from('xyz')])),
    check: 'AVRO_CORRUPT',
    reason: /answers: not a value of schema \d+: 3 bytes too many from byte \d+ on/,
  },
  {
    name: 'a wrong magic byte',
    value: () => framed(answersId, plain(answerEvent('magic')), 7),
    check: 'FRAME_INVALID',
    reason: /answers: the first byte is 7, where a framed Avro value has 0/,
  },
  {
    name: 'less than a frame',
    value: () => Buffer.from([0, 0, 1]),
    check: 'FRAME_INVALID',
    reason: /answers: 3 bytes are too short for a frame of 5 bytes/,
  },
  {
    name: 'JSON where Avro is expected',
    value: () => Buffer.from(JSON.stringify(answerEvent('json'))),
    check: 'FRAME_INVALID',
    reason: /answers: the first byte is 123/,
  },
  {
    name: 'an unknown schema id',
    value: () => framed(4_000_000, plain(answerEvent('unknown'))),
    check: 'SCHEMA_ID_UNKNOWN',
    reason: /answers: schema 4000000 is not in the registry/,
  },
  {
    name: 'a value of another topic’s schema',
    value: () => {
      const type = avsc.Type.forSchema(loadSchema('teachers') as avsc.Schema)
      return framed(teachersId, type.toBuffer({ ...teacher }))
    },
    check: 'SCHEMA_REFUSED',
    reason:
      /answers: values of schema \d+ cannot be read with this schema: record .*Answer is not .*Teacher/,
  },
  {
    name: 'an empty key field',
    value: () => framed(answersId, plain(answerEvent(''))),
    check: 'KEY_MISSING',
    reason: /no key of answers/,
  },
]
for (const { name, value, check, reason } of cases) {
  test(`${name}: quarantined where it lies, and the good record behind it is processed`, async () => {
    const student = `behind ${name}`
    const good = goodAnswer(student)
    const key = Buffer.from(`key of ${name}`)
    const bytes = value()
    const before = await instance.status()
    const offset = await instance.appendForeign(
      'answers',
      good.partition,
      { key, value: bytes, timestampMs: startMs + 5, headers: [['h', Buffer.from([0, 255])]] },
      { ...good, timestampMs: 0 },
    )
    const id = `answers-${good.partition}-${offset}`
    const row = (await instance.quarantine()).find((each) => each.id === id)
    assert.ok(row, `no row ${id}`)
    assert.deepEqual(
      { ...row, reason: '' },
      {
        id,
        topic: 'answers',
        partition: good.partition,
        offset,
        check,
        level: 'Critical',
        reason: '',
        source: 'runtime',
        location: null,
        record_format: 'avro',
        record_key: key.toString('hex').toUpperCase(),
        record_value: bytes.toString('hex').toUpperCase(),
        status: 'quarantined',
      },
    )
    assert.match(row.reason, reason)
    const [headers] = await instance.rows<{ record_headers: string; at: string }>(
      `SELECT record_headers, toString(record_timestamp) AS at FROM tidemark.quarantine WHERE id = '${id}'`,
    )
    assert.deepEqual(JSON.parse(headers!.record_headers), [['h', 'AP8=']])
    assert.equal(Date.parse(`${headers!.at.replace(' ', 'T')}Z`), startMs + 5)
    const facts = await instance.rows(
      `SELECT student_id FROM mcq.question_interaction_fact WHERE student_id = '${student}'`,
    )
    assert.equal(facts.length, 1)
    const after = await instance.status()
    assert.equal(after.quarantined, before.quarantined + 1)
    assert.equal(after.trouble, null)
    assert.match(
      await instance.metrics(),
      /tidemark_records_quarantined_total\{topology="mcq"\} \d/,
    )
  })
}

test('a delete without a key is refused by the log; one with bytes that are no key is quarantined', async () => {
  await assert.rejects(instance.appendForeign('students', 0, { value: null }), {
    code: 'KEY_MISSING',
  })
  const offset = await instance.appendForeign('students', 0, { key: Buffer.from('ann') })
  const rows = await instance.quarantine()
  const row = rows.find(({ id }) => id === `students-0-${offset}`)
  assert.deepEqual([row?.check, row?.record_value], ['FRAME_INVALID', null])
  assert.match(row?.reason ?? '', /key/)
})

test('a broken record of a broadcast topic is counted once, however many tasks read it', async () => {
  const before = (await instance.status()).quarantined
  const offset = await instance.appendForeign('questions', 1, {
    key: encodeTuple(['q1']),
    value: Buffer.from('not framed'),
  })
  const rows = await instance.quarantine()
  assert.equal(rows.filter(({ id }) => id === `questions-1-${offset}`).length, 1)
  assert.equal((await instance.status()).quarantined, before + 1)
})

test('a broken record of the greatest size that is taken does not stop the instance', async () => {
  const { recordBytesMax } = { recordBytesMax: 1024 * 1024 }
  const good = goodAnswer('behind the greatest')
  const header = Buffer.alloc(1000, 1)
  const value = Buffer.alloc(recordBytesMax - header.length - 1, 0x5a)
  const offset = await instance.appendForeign(
    'answers',
    good.partition,
    { value, headers: [['h', header]] },
    { ...good, timestampMs: 0 },
  )
  const rows = await instance.quarantine()
  const row = rows.find(({ id }) => id === `answers-${good.partition}-${offset}`)
  assert.equal(row?.record_value, value.toString('hex').toUpperCase())
  const { id } = row
  const { redriven, refused } = await instance.redrive({
    ids: [id],
    value: answerEvent('mended greatest'),
  })
  assert.deepEqual([redriven, refused], [[id], []])
})

test('a record beyond the limit is refused to its producer by name, and the log goes on', async () => {
  const end = await instance.logEnd('answers')
  await assert.rejects(
    instance.appendForeign('answers', 0, { value: Buffer.alloc(10 * 1024 * 1024) }),
    (thrown: { code: string; message: string }) =>
      thrown.code === 'RECORD_TOO_LARGE' &&
      /answers.*10485760.*recordBytesMax/.test(thrown.message),
  )
  assert.equal(await instance.logEnd('answers'), end)
})

test('one record that fails two checks has one row with both reasons, and is counted once', async () => {
  const type = avsc.Type.forSchema(loadSchema('exam_score') as avsc.Schema)
  const schema = await instance.registry('/subjects/exam_score-value/versions/latest')
  const event = {
    exam: -4,
    studentId: 'two',
    score: { double: -1 },
    event_id: 'two-checks',
    timestamp: null,
  }
  const own = partitionForKey(encodeTuple([event.event_id]), partitionCount)
  const value = framed(schema.body.id, type.toBuffer({ ...event, score: -1, event_type: 'score' }))
  const before = (await instance.status()).quarantined
  const offset = await instance.appendForeign('exam_score', own, { value, timestampMs: startMs })
  const row = (await instance.quarantine()).find(({ id }) => id === `exam_score-${own}-${offset}`)
  assert.equal(row?.check, 'exam_number_not_negative, score_not_negative')
  assert.equal(row.reason, 'exam is -4; expected 0 or more; score is -1; expected 0 or more')
  assert.equal(row.level, 'Error')
  assert.equal((await instance.status()).quarantined, before + 1)
})
