/** Quarantine, mended and sent again: the facts are those of an instance where all was right at first. */
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import avsc from 'avsc'
import { loadSchema } from '../../src/schema/schema-files.ts'
import {
  answerEvent,
  binary,
  lines,
  ofBytes,
  ofValues,
  startMs,
  TestInstance,
} from './doors-support/test-instance.ts'

/** The events of a small platform, in the order in which they are sent. */
const events: readonly (readonly [topic: string, value: Record<string, unknown>])[] = [
  ['questions', { question_id: 'q0', test_id: 't1', correct_option: 'b' }],
  ['questions', { question_id: 'q1', test_id: 't1', correct_option: 'c' }],
  ['students', { student_id: 'ann', student_name: 'Ann' }],
  ['sessions', { session_id: 's1', student_id: 'ann', test_id: 't1', timestamp: startMs - 60_000 }],
  ['answers', answerEvent('ann', 0)],
  ['answers', answerEvent('ann', 1)],
  [
    'answers',
    {
      ...answerEvent('ann', 1),
      answer_id: 'ann-1b',
      submitted_option: 'c',
      timestamp: startMs + 5000,
    },
  ],
  ['answers', answerEvent('bob', 0)],
  [
    'submissions',
    {
      student_id: 'ann',
      test_id: 't1',
      submit_time: startMs + 9000,
      completion_status: 'completed',
    },
  ],
  ['exam_score', { exam: 3, studentId: 'ann', score: 0.75, timestamp: startMs }],
  ['exam_score', { exam: 3, studentId: 'bob', score: 0.25, timestamp: startMs + 1 }],
]

type Facts = Readonly<Record<string, readonly unknown[]>>

/** What failed was seen to fail, whatever became of it later: the list of failed checks is no fact of the mended event. */
const checkResults = 'exam_scores.data_quality_checks_results'
const schemaIds = new Map<string, number>()
let rightFacts: Facts

before(async () => {
  // A process has one ClickHouse engine at a time.
  const right = await TestInstance.open()
  for (const [topic, value] of events) await take(right, topic, value)
  rightFacts = await right.facts()
  for (const topic of ['answers', 'exam_score', 'sessions']) {
    schemaIds.set(topic, (await right.registry(`/subjects/${topic}-value/versions/latest`)).body.id)
  }
  assert.ok(Object.values(rightFacts).filter((rows) => rows.length > 0).length >= 8)
  await right.stop()
})

async function take(instance: TestInstance, topic: string, value: unknown): Promise<void> {
  // Reference data brings no time of its own: the record's counts.
  const records = [{ value, timestamp: startMs }]
  const { status, body } = await instance.post(`/topics/${topic}`, { records })
  assert.equal(status, 200, JSON.stringify(body))
}

function framed(topic: string, event: Record<string, unknown>, id = schemaIds.get(topic)!): Buffer {
  const header = Buffer.alloc(5)
  header.writeUInt32BE(id, 1)
  const type = avsc.Type.forSchema(loadSchema(topic) as avsc.Schema, { wrapUnions: false })
  const { fields } = loadSchema(topic) as { fields: { name: string; default?: unknown }[] }
  const whole = Object.fromEntries(
    fields.map(({ name, default: fallback }) => [name, event[name] ?? fallback]),
  )
  return Buffer.concat([header, type.toBuffer(whole)])
}

function assertRight(facts: Facts, failedChecks: number): void {
  assert.equal(facts[checkResults]?.length, failedChecks)
  assert.deepEqual({ ...facts, [checkResults]: [] }, { ...rightFacts, [checkResults]: [] })
}

/** All events but the one that `isBad` names, which goes in as `send` has it; then `mend`. */
async function mended(
  isBad: number,
  send: (instance: TestInstance, value: Record<string, unknown>) => Promise<void>,
  mend: (instance: TestInstance, id: string) => Promise<void>,
  failedChecks = 0,
): Promise<void> {
  const instance = await TestInstance.open()
  try {
    for (const [index, [topic, value]] of events.entries()) {
      if (index === isBad) await send(instance, value)
      else await take(instance, topic, value)
    }
    const rows = await instance.quarantine()
    assert.equal(rows.length, 1)
    const { id } = rows[0]!
    assert.notDeepEqual(await instance.facts(), rightFacts, 'the bad record must be missed')

    await mend(instance, id)
    assertRight(await instance.facts(), failedChecks)
    assert.deepEqual(
      (await instance.quarantine()).map((row) => [row.id, row.status]),
      [[id, 'redriven']],
    )

    const counts = await instance.rows(
      'SELECT redriven_at > 0 AS redriven FROM tidemark.quarantine',
    )
    assert.deepEqual(counts, [{ redriven: 1 }])
    const again = await instance.redrive({ ids: [id] })
    assert.deepEqual(again.redriven, [])
    assert.match(again.refused[0]?.reason ?? '', /sent again before/)
    assert.deepEqual(await instance.redrive({}), { redriven: [], refused: [] })
    assertRight(await instance.facts(), failedChecks)
  } finally {
    await instance.stop()
  }
}

const isSent = (outcome: { redriven: readonly string[] }, id: string) =>
  assert.deepEqual(outcome.redriven, [id], JSON.stringify(outcome))

test('a wrong field at the door, mended with set', () =>
  mended(
    6,
    async (instance, value) => {
      const bad = { ...value, timestamp: 'noon' }
      await instance.post('/topics/answers?on_error=quarantine', ofValues(bad))
    },
    async (instance, id) => {
      const refused = await instance.redrive({ ids: [id] })
      assert.deepEqual(refused.redriven, [])
      assert.match(refused.refused[0]?.reason ?? '', /field "timestamp": expected .*"noon"/)
      isSent(await instance.redrive({ ids: [id], set: { timestamp: startMs + 5000 } }), id)
    },
  ))

test('a missing key at the door, mended with set', () =>
  mended(
    3,
    async (instance, value) => {
      const bad = { ...value, student_id: '' }
      await instance.post('/topics/sessions?on_error=quarantine', ofValues(bad))
    },
    async (instance, id) =>
      isSent(await instance.redrive({ topic: 'sessions', set: { student_id: 'ann' } }), id),
  ))

test('a line that is no JSON, mended with a whole value', () =>
  mended(
    5,
    async (instance) => {
      await instance.post('/topics/answers?on_error=quarantine', '{"answer_id": "ann-1",\n', lines)
    },
    async (instance, id) => {
      const refused = await instance.redrive({ ids: [id], set: { answer_id: 'x' } })
      assert.match(refused.refused[0]?.reason ?? '', /JSON.*give a whole new value/)
      isSent(await instance.redrive({ ids: [id], value: answerEvent('ann', 1) }), id)
    },
  ))

test('truncated Avro in the log, mended with a whole value', () =>
  mended(
    4,
    async (instance, value) => {
      const bytes = framed('answers', value)
      await instance.appendForeign('answers', 2, { value: bytes.subarray(0, 20) })
    },
    async (instance, id) => {
      const refused = await instance.redrive({ ids: [id] })
      assert.match(refused.refused[0]?.reason ?? '', /not a value of schema \d+/)
      isSent(await instance.redrive({ ids: [id], value: answerEvent('ann', 0) }), id)
    },
  ))

test('an empty key in the log, mended with set', () =>
  mended(
    7,
    async (instance, value) => {
      const bytes = framed('answers', { ...value, student_id: '' })
      await instance.appendForeign('answers', 0, { value: bytes, timestampMs: startMs })
    },
    async (instance, id) =>
      isSent(await instance.redrive({ ids: [id], set: { student_id: 'bob' } }), id),
  ))

test('an unknown schema, sent again as it was after the schema is registered', () =>
  mended(
    9,
    async (instance, value) => {
      // The next schema that is registered gets the next id.
      const ids = (await instance.registry('/schemas')).body.map(({ id }: { id: number }) => id)
      const bytes = framed('exam_score', value, Math.max(...ids) + 1)
      const { status, body } = await instance.post('/topics/exam_score', ofBytes(bytes), binary)
      assert.equal(status, 422, JSON.stringify(body))
      await instance.appendForeign('exam_score', 1, { value: bytes, timestampMs: startMs })
    },
    async (instance, id) => {
      const refused = await instance.redrive({ ids: [id] })
      assert.match(refused.refused[0]?.reason ?? '', /schema \d+ is not in the registry/)
      const schema = loadSchema('exam_score') as { fields: { name: string; doc?: string }[] }
      const documented = {
        ...schema,
        fields: [
          ...schema.fields,
          { name: 'proctor', type: ['null', 'string'], default: null },
        ].filter(({ name }) => name !== 'proctor'),
        doc: 'As an older producer had it.',
      }
      const registered = await instance.registry('/subjects/exam_score-value/versions', {
        schema: JSON.stringify(documented),
      })
      assert.equal(registered.status, 200, JSON.stringify(registered.body))
      isSent(await instance.redrive({ ids: [id] }), id)
    },
  ))

test('a failed check in the topology, mended with set', () =>
  mended(
    10,
    async (instance, value) => {
      await take(instance, 'exam_score', { ...value, event_id: '3/bob', score: -0.25 })
    },
    async (instance, id) => {
      const refused = await instance.redrive({ ids: [id], set: { score: 'much' } })
      assert.match(refused.refused[0]?.reason ?? '', /field "score": expected .*"much"/)
      isSent(await instance.redrive({ ids: [id], set: { score: 0.25, event_id: null } }), id)
    },
    1,
  ))
