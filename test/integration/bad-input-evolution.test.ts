/** Producers of several schema versions at the same time, over every Avro door; and schemas that do not fit. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { COMPATIBILITY, SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry'
import { loadSchema } from '../../src/schema/schema-files.ts'
import { listen, type Listener } from '../../src/server/listen.ts'
import { avro, binary, ofBytes, startMs, TestInstance } from './doors-support/test-instance.ts'

let instance: TestInstance
let listener: Listener
let client: SchemaRegistry

before(async () => {
  instance = await TestInstance.open()
  listener = await listen(instance.instance.apps.registry, {
    name: 'registry',
    host: '127.0.0.1',
    port: 0,
  })
  client = new SchemaRegistry({ host: listener.url })
})
after(async () => {
  await listener.close(0)
  await instance.stop()
})

interface Field {
  readonly name: string
  readonly type: unknown
  readonly default?: unknown
}
interface RecordSchema {
  readonly fields: readonly Field[]
}

const current = loadSchema('exam_score') as RecordSchema
/** Before there were ids and times; exams were an int. */
const first: RecordSchema = {
  ...current,
  fields: [
    { name: 'exam', type: 'int' },
    { name: 'studentId', type: 'string' },
    { name: 'score', type: ['null', 'double'], default: null },
    current.fields.find(({ name }) => name === 'timestamp')!,
  ],
}
/** A newer producer than we are: it tells where an exam was taken. */
const second: RecordSchema = {
  ...current,
  fields: [...current.fields, { name: 'room', type: ['null', 'string'], default: null }],
}
const studentsPerProducer = 50

test('an incompatible schema is refused with the difference, by registry, client and ingest', async () => {
  const broken = {
    ...current,
    fields: current.fields.map((field) =>
      field.name === 'studentId' ? { ...field, type: 'long' } : field,
    ),
  }
  const difference = /field "studentId": long cannot be read from string/
  const subject = 'exam_score-value'
  const direct = await instance.registry(`/subjects/${subject}/versions`, {
    schema: JSON.stringify(broken),
  })
  assert.equal(direct.status, 409)
  assert.equal(direct.body.error_code, 409)
  assert.match(direct.body.message, difference)
  await assert.rejects(
    client.register({ type: SchemaType.AVRO, schema: JSON.stringify(broken) }, { subject }),
    difference,
  )
  const end = await instance.logEnd('exam_score')
  const records = [{ value: { exam: 1, studentId: 5, score: null } }]
  const produced = await instance.post(
    '/topics/exam_score',
    { value_schema: JSON.stringify(broken), records },
    avro,
  )
  assert.deepEqual([produced.status, produced.body.error_code], [409, 409])
  assert.match(produced.body.message, difference)
  assert.equal(await instance.logEnd('exam_score'), end)
  const versions = await instance.registry(`/subjects/${subject}/versions`)
  assert.deepEqual(versions.body, [1], 'nothing was registered')
})

test('producers on three versions at the same time give right facts', async () => {
  // An int schema after a long one can be read by us, and could not read us: FORWARD, not BACKWARD.
  const subject = 'exam_score-value'
  const refused = await instance.registry(
    `/compatibility/subjects/${subject}/versions/latest?verbose=true`,
    {
      schema: JSON.stringify(first),
    },
  )
  assert.equal(refused.body.is_compatible, false)
  assert.match(refused.body.messages.join(), /field "exam": int cannot be read from long/)
  const put = await instance.instance.apps.registry.request(`/config/${subject}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify({ compatibility: 'FORWARD' }),
  })
  assert.equal(put.status, 200)
  const register = async (schema: RecordSchema) =>
    (
      await client.register(
        { type: SchemaType.AVRO, schema: JSON.stringify(schema) },
        { subject, compatibility: COMPATIBILITY.FORWARD },
      )
    ).id
  const ids = { second: await register(second), first: await register(first) }
  assert.notEqual(ids.first, ids.second)

  const expected: { student_id: string; exam_id: number; score: number | null }[] = []
  const sends: (() => Promise<void>)[] = []
  for (let index = 0; index < studentsPerProducer; index++) {
    const eventOf = (kind: string) => {
      const studentId = `${kind}-${index}`
      const score = index % 7 === 0 ? null : index / 64
      expected.push({ student_id: studentId, exam_id: index % 5, score })
      return { exam: index % 5, studentId, score, timestamp: startMs + index }
    }
    const ofClient = async (id: number, event: object) => {
      const { status, body } = await instance.post(
        '/topics/exam_score',
        ofBytes(await client.encode(id, event)),
        binary,
      )
      assert.equal(status, 200, JSON.stringify(body))
    }
    const whole = { event_id: null, event_type: 'score', room: 'A1' }
    const oldEvent = eventOf('binary-first')
    const newEvent = { ...eventOf('binary-second'), ...whole }
    sends.push(
      () => ofClient(ids.first, oldEvent),
      () => ofClient(ids.second, newEvent),
    )
    const ofAvro = async (schema: object, value: { score: number | null; timestamp: number }) => {
      const score = value.score === null ? null : { double: value.score }
      const timestamp = { long: value.timestamp }
      const records = [{ value: { ...value, score, timestamp } }]
      const { status, body } = await instance.post(
        '/topics/exam_score',
        { ...schema, records },
        avro,
      )
      assert.equal(status, 200, JSON.stringify(body))
    }
    const oldAvro = eventOf('avro-first')
    const newAvro = { ...eventOf('avro-second'), ...whole, room: { string: 'B2' } }
    sends.push(
      () => ofAvro({ value_schema: JSON.stringify(first) }, oldAvro),
      () => ofAvro({ value_schema_id: ids.second }, newAvro),
    )
    const plain = eventOf('json')
    sends.push(async () => {
      const { status } = await instance.post('/topics/exam_score', { records: [{ value: plain }] })
      assert.equal(status, 200)
    })
  }
  await Promise.all(sends.map((send) => send()))
  await instance.idle()
  const rows = await instance.rows(
    `SELECT student_id, toInt32(exam_id) AS exam_id, score FROM exam_scores.events ORDER BY student_id`,
  )
  const byStudent = (a: { student_id: string }, b: { student_id: string }) =>
    a.student_id < b.student_id ? -1 : 1
  assert.deepEqual(rows, expected.sort(byStudent))
  assert.deepEqual(await instance.quarantine(), [])
})

test('a number beyond 32 bits stays whole', async () => {
  const timestamp = 4_102_444_800_000
  const { status } = await instance.post('/topics/exam_score', {
    records: [{ value: { exam: 9_007_199_254, studentId: 'large', score: 1, timestamp } }],
  })
  assert.equal(status, 200)
  await instance.idle()
  const rows = await instance.rows(
    `SELECT toString(exam_id) AS exam FROM exam_scores.events WHERE student_id = 'large'`,
  )
  assert.deepEqual(rows, [{ exam: '9007199254' }])
})
