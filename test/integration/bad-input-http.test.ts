/** Bad records at the HTTP door of a whole instance: refused by name, or kept byte by byte, never half taken. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import avsc from 'avsc'
import { loadSchema } from '../../src/schema/schema-files.ts'
import {
  answerEvent,
  binary,
  json,
  lines,
  ofBytes,
  ofValues,
  TestInstance,
} from './doors-support/test-instance.ts'

const mebibyte = 1024 * 1024
const answersType = avsc.Type.forSchema(loadSchema('answers') as avsc.Schema)
let instance: TestInstance
let answersId: number

before(async () => {
  instance = await TestInstance.open()
  answersId = (await instance.registry('/subjects/answers-value/versions/latest')).body.id
})
after(() => instance.stop())

function framed(id: number, event: Record<string, unknown>, magic = 0): Buffer {
  const header = Buffer.alloc(5)
  header[0] = magic
  header.writeUInt32BE(id, 1)
  return Buffer.concat([header, answersType.toBuffer(event)])
}

interface Case {
  readonly name: string
  readonly type: string
  /** The value of the bad record, as its form wants it. */
  readonly bad: () => unknown
  readonly status: number
  readonly number: number
  readonly field: string
  readonly reason: RegExp
  readonly check: string
  readonly level: string
}

const refusedBySchema = { status: 422, number: 42203, check: 'schema_refused', level: 'Error' }
const unreadable = { status: 422, number: 42206, level: 'Critical', field: '' }

const cases: readonly Case[] = [
  {
    ...refusedBySchema,
    name: 'a wrong type',
    type: json,
    bad: () => ({ ...answerEvent('a'), timestamp: 'noon' }),
    field: 'timestamp',
    reason: /expected .*(whole number|long|time).*, found "noon"/,
  },
  {
    ...refusedBySchema,
    name: 'a missing field',
    type: json,
    bad: () => ({ ...answerEvent('a'), answer_id: undefined }),
    field: 'answer_id',
    reason: /expected string, found nothing/,
  },
  {
    ...refusedBySchema,
    name: 'a field that the schema does not have',
    type: json,
    bad: () => ({ ...answerEvent('a'), submited_option: 'c' }),
    field: 'submited_option',
    reason: /did you mean "submitted_option"\?/,
  },
  {
    ...refusedBySchema,
    name: 'a null in the key',
    type: json,
    bad: () => ({ ...answerEvent('a'), student_id: null }),
    field: 'student_id',
    reason: /expected .*, found null/,
  },
  {
    name: 'an empty key',
    type: json,
    bad: () => answerEvent(''),
    status: 422,
    number: 42207,
    field: 'student_id',
    reason: /empty, and the key of topic answers needs it/,
    check: 'key_missing',
    level: 'Error',
  },
  {
    ...unreadable,
    name: 'truncated Avro',
    type: binary,
    bad: () => framed(answersId, answerEvent('a')).subarray(0, 12),
    reason: /not a value of schema \d+: .*; its producer cut it, or wrote it with another schema/,
    check: 'avro_corrupt',
  },
  {
    ...unreadable,
    name: 'bytes behind the Avro value',
    type: binary,
    bad: () => Buffer.concat([framed(answersId, answerEvent('a')), Buffer.from([1, 2])]),
    reason: /2 bytes too many from byte \d+ on/,
    check: 'avro_corrupt',
  },
  {
    ...unreadable,
    name: 'a wrong magic byte',
    type: binary,
    bad: () => framed(answersId, answerEvent('a'), 9),
    reason: /the first byte is 9, where a framed Avro value has 0; send Avro in Confluent framing/,
    check: 'frame_invalid',
  },
  {
    ...unreadable,
    name: 'an unknown schema id',
    type: binary,
    bad: () => framed(3_000_000, answerEvent('a')),
    number: 42205,
    reason: /schema 3000000 is not in the registry; .*register/,
    check: 'schema_id_unknown',
  },
  {
    ...unreadable,
    name: 'a line that is not JSON',
    type: lines,
    bad: () => '{"answer_id": "a", ',
    reason: /not JSON: .*/,
    check: 'json_invalid',
  },
]

function bodyOf(type: string, good: Record<string, unknown>, bad: unknown): unknown {
  if (type === json) return ofValues(good, bad)
  if (type === binary) return ofBytes(framed(answersId, good), bad as Buffer)
  return `${JSON.stringify(good)}\n${bad as string}\n`
}

function originalOf(type: string, bad: unknown): Buffer {
  if (type === json) return Buffer.from(JSON.stringify(bad))
  return Buffer.from(bad as Buffer)
}

for (const each of cases) {
  const { name, type, field, reason } = each

  test(`${name}: by default nothing of its batch is taken, and the answer says which, where and why`, async () => {
    const [end, before] = [await instance.logEnd('answers'), await instance.status()]
    const good = answerEvent(`refused with ${name}`)
    const { status, body } = await instance.post(
      '/topics/answers',
      bodyOf(type, good, each.bad()),
      type,
    )
    assert.equal(status, each.status, JSON.stringify(body))
    assert.equal(body.error_code, each.number)
    assert.match(body.message, /topic answers: .*nothing was taken.*mend.*on_error=quarantine/)
    assert.equal(body.errors.length, 1)
    assert.equal(body.errors[0].field, field)
    assert.match(body.errors[0].reason, reason)
    if (type === lines) assert.equal(body.errors[0].line, 2)
    else assert.equal(body.errors[0].index, 1)
    assert.equal(await instance.logEnd('answers'), end)
    const after = await instance.status()
    assert.equal(after.refused, before.refused + 1)
    assert.equal(after.quarantined, before.quarantined)
  })

  test(`${name}: with on_error=quarantine the good is taken and the bad kept as it came`, async () => {
    const before = await instance.status()
    const student = `kept with ${name}`
    const bad = each.bad()
    const { status, body } = await instance.post(
      '/topics/answers?on_error=quarantine',
      bodyOf(type, answerEvent(student), bad),
      type,
    )
    assert.equal(status, 200, JSON.stringify(body))
    const [taken, kept] = body.offsets
    assert.equal(taken.error_code, null)
    assert.equal(kept.error_code, each.number)
    const row = (await instance.quarantine()).find(({ id }) => id === kept.quarantine_id)
    assert.ok(row, 'the answer names the row')
    assert.deepEqual(
      { ...row, id: '', reason: '' },
      {
        id: '',
        topic: 'answers',
        partition: null,
        offset: null,
        check: each.check,
        level: each.level,
        reason: '',
        source: 'ingest',
        location: null,
        record_format: type === binary ? 'avro' : 'json',
        record_key: null,
        record_value: originalOf(type, bad).toString('hex').toUpperCase(),
        status: 'quarantined',
      },
    )
    assert.match(row.reason, reason)
    if (field !== '') assert.match(row.reason, new RegExp(`field "${field}"`))
    const rows = await instance.rows(
      `SELECT 1 FROM mcq.question_interaction_fact WHERE student_id = '${student}'`,
    )
    assert.equal(rows.length, 1)
    const after = await instance.status()
    assert.equal(after.quarantined, before.quarantined + 1)
    assert.equal(after.refused, before.refused)
    const counted = /tidemark_ingest_records_total\{topic="answers",outcome="quarantined"\} (\d+)/
    assert.ok(Number(counted.exec(await instance.metrics())?.[1]) >= 1)
  })
}

test('a 10 MB record is answered 413 with its size, the limit and the setting, in each form', async () => {
  const end = await instance.logEnd('answers')
  const event = { ...answerEvent('large'), submitted_option: 'x'.repeat(10 * mebibyte) }
  const limit = new RegExp(
    `1048\\d{4,} bytes, more than recordBytesMax, ${mebibyte}; .*TIDEMARK_RECORD_BYTES_MAX`,
  )
  for (const [body, type] of [
    [ofValues(event), json],
    [ofBytes(framed(answersId, event)), binary],
    [`${JSON.stringify(event)}\n`, lines],
  ] as const) {
    for (const policy of ['refuse', 'quarantine', 'skip']) {
      const answer = await instance.post(`/topics/answers?on_error=${policy}`, body, type)
      const found = answer.body.errors?.[0] ?? answer.body.offsets[0]
      assert.match(found.reason ?? found.error, limit, `${type} ${policy}`)
      assert.equal(found.error_code, 41301)
      if (policy === 'refuse') assert.equal(answer.status, 413, `${type} ${policy}`)
      // What is too large to be kept was not taken: its sender still has it, and is told.
      assert.equal(found.quarantine_id, undefined)
    }
  }
  assert.equal(await instance.logEnd('answers'), end)
  assert.equal((await instance.status()).trouble, null)
})

test('a bad record just within the limit is kept whole', async () => {
  const event = { ...answerEvent('edge'), timestamp: 'x'.repeat(mebibyte - 300) }
  const original = Buffer.from(JSON.stringify(event))
  assert.ok(original.length < mebibyte)
  const { body } = await instance.post('/topics/answers?on_error=quarantine', ofValues(event))
  const row = (await instance.quarantine()).find(({ id }) => id === body.offsets[0].quarantine_id)
  assert.equal(row?.record_value, original.toString('hex').toUpperCase())
})

test('what is not UTF-8 is kept byte by byte', async () => {
  const line = Buffer.concat([
    Buffer.from('{"answer_id": "'),
    Buffer.from([0xff, 0xfe, 0]),
    Buffer.from('"}'),
  ])
  const { body } = await instance.post(
    '/topics/answers?on_error=quarantine',
    Buffer.concat([line, Buffer.from('\n')]),
    lines,
  )
  assert.match(body.errors[0].reason, /not JSON: the bytes are not UTF-8/)
  const row = (await instance.quarantine()).find(({ id }) => id === body.errors[0].quarantine_id)
  assert.equal(row?.record_value, line.toString('hex').toUpperCase())
})
