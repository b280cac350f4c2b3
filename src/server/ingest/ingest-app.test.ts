/** Every way in over real HTTP, as a producer would use it. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { afterEach, beforeEach, test } from 'node:test'
import { partitionForKey } from '../../core/partitioner.ts'
import { encodeTuple } from '../../core/tuple.ts'
import { systemClock } from '../../core/clock.ts'
import {
  fixturePartitionCount,
  fixtureRecordBytesMax,
  openIngestFixture,
  type IngestFixture,
} from '../../sources/ingest-fixture.test-support.ts'
import { listen, type Listener } from '../listen.ts'
import { ingestApp, type BackPressure, type IngestAppOptions } from './ingest-app.ts'

const json = 'application/vnd.kafka.json.v2+json'
const ndjson = 'application/x-ndjson'

let fixture: IngestFixture
let listener: Listener
let pressure: BackPressure | null = null

async function open(limits: IngestAppOptions['limits'] = {}): Promise<void> {
  const { ingest, registry, log } = fixture
  listener = await listen(
    ingestApp({
      ingest,
      registry,
      log,
      clock: systemClock,
      limits: { recordBytesMax: fixtureRecordBytesMax, ...limits },
      backPressure: () => pressure,
    }),
    { name: 'ingest', host: '127.0.0.1', port: 0 },
  )
}

beforeEach(async () => {
  fixture = await openIngestFixture()
  pressure = null
  await open()
})
afterEach(async () => {
  await listener.close(0)
  await fixture.log.close()
})

async function reopen(limits: IngestAppOptions['limits']): Promise<void> {
  await listener.close(0)
  await open(limits)
}

interface Body {
  readonly error_code: number
  readonly message: string
  readonly offsets: readonly {
    readonly partition: number
    readonly offset: number
    readonly error_code: number | null
    readonly error: string
    readonly quarantine_id?: string
  }[]
  readonly key_schema_id: number | null
  readonly value_schema_id: number
  readonly errors: readonly {
    readonly index?: number
    readonly line?: number
    readonly field: string
    readonly reason: string
    readonly error_code: number
  }[]
  readonly errors_total: number
  readonly taken: number
  readonly refused: number
  readonly quarantined: number
  readonly last_line_taken: number
}

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Body
}

async function post(path: string, body: unknown, type = json): Promise<Answer> {
  const response = await fetch(listener.url + path, {
    method: 'POST',
    headers: { 'content-type': type },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Body,
  }
}

function answerOf(student: string, index = 0): Record<string, unknown> {
  return {
    answer_id: `${student}-${index}`,
    student_id: student,
    question_id: 'q1',
    test_id: 't1',
    submitted_option: 'b',
    timestamp: 1_600_000_000_000 + index,
  }
}

function ofValues(...values: unknown[]): { records: { value: unknown }[] } {
  return { records: values.map((value) => ({ value })) }
}

test('JSON records are encoded with the topic’s schema, keyed and placed by their key', async () => {
  const { status, body } = await post('/topics/answers', ofValues(answerOf('a'), answerOf('b')))
  assert.equal(status, 200)
  const ids = await fixture.registry.version('answers-value', 'latest')
  assert.equal(body.value_schema_id, ids.id)
  assert.equal(body.key_schema_id, null)
  for (const [index, student] of ['a', 'b'].entries()) {
    const key = encodeTuple(['t1', student])
    const place = body.offsets[index]!
    assert.equal(place.partition, partitionForKey(key, fixturePartitionCount))
    assert.equal(place.error_code, null)
    const record = (await fixture.records('answers')).find(
      ({ partition, offset }) => partition === place.partition && offset === place.offset,
    )
    assert.deepEqual(record?.key, key)
    assert.equal(record.timestampMs, 1_600_000_000_000)
  }
})

test('a record’s own timestamp comes before its value’s time, and both before the clock', async () => {
  const session = { session_id: 's', student_id: 'a', test_id: 't' }
  await post('/topics/sessions', {
    records: [
      { value: { ...session, timestamp: 5 }, timestamp: 7 },
      { value: { ...session, timestamp: 5 } },
      { value: session },
    ],
  })
  const times = (await fixture.records('sessions')).map(({ timestampMs }) => timestampMs)
  assert.deepEqual(times, [7, 5, fixture.clock.nowMs()])
})

test('by default nothing of a batch with a bad record is taken, and each one is named', async () => {
  const { status, body } = await post(
    '/topics/answers',
    ofValues(
      answerOf('a'),
      { ...answerOf('b'), timestamp: 'noon' },
      { ...answerOf('c'), anwser_id: 1, answer_id: undefined },
      { ...answerOf('') },
    ),
  )
  assert.equal(status, 422)
  assert.equal(body.error_code, 42203)
  assert.equal(body.errors_total, 3)
  assert.deepEqual(
    body.errors.map(({ index, field, error_code }) => [index, field, error_code]),
    [
      [1, 'timestamp', 42203],
      [2, 'answer_id', 42203],
      [2, 'anwser_id', 42203],
      [3, 'student_id', 42207],
    ],
  )
  assert.match(body.errors[0]?.reason ?? '', /expected .*found "noon"/)
  assert.match(body.errors[2]?.reason ?? '', /did you mean "answer_id"\?/)
  assert.deepEqual(await fixture.records('answers'), [])
  assert.deepEqual(await fixture.quarantined(), [])
})

test('with on_error=quarantine the good are taken and the bad kept as they came', async () => {
  const bad = { ...answerOf('b'), timestamp: null }
  const path = '/topics/answers?on_error=quarantine'
  const { status, body } = await post(path, ofValues(answerOf('a'), bad, answerOf('c')))
  assert.equal(status, 200)
  assert.deepEqual(
    body.offsets.map(({ error_code }) => error_code),
    [null, 42203, null],
  )
  assert.match(body.offsets[1]?.error ?? '', /field "timestamp": expected .*found null/)
  assert.equal((await fixture.records('answers')).length, 2)
  const [entry] = await fixture.quarantined()
  assert.equal(entry?.id, body.offsets[1]?.quarantine_id)
  assert.equal(entry?.record_value?.toString(), JSON.stringify(bad))
  assert.equal(entry.source, 'ingest')
  assert.equal(entry.topic, 'answers')

  await post(path, ofValues(bad))
  assert.equal((await fixture.quarantined()).length, 1, 'the same record again is the same row')
})

test('what is kept are the bytes that were sent, not what they parse to', async () => {
  const value = '{ "answer_id": 12345678901234567890, "x" : "\\u00e9" }'
  await post('/topics/answers?on_error=quarantine', `{"records":[{"value":${value}}]}`)
  assert.equal((await fixture.quarantined())[0]?.record_value?.toString(), value)
})

test('with on_error=skip the good are taken and the bad only answered', async () => {
  const { status, body } = await post(
    '/topics/answers?on_error=skip',
    ofValues({ ...answerOf('b'), timestamp: null }, answerOf('c')),
  )
  assert.equal(status, 200)
  assert.equal(body.offsets[0]?.error_code, 42203)
  assert.equal(body.offsets[0].quarantine_id, undefined)
  assert.equal((await fixture.records('answers')).length, 1)
  assert.deepEqual(await fixture.quarantined(), [])
  assert.deepEqual(fixture.ingest.counters.of('answers'), {
    taken: 1,
    refused: 1,
    quarantined: 0,
    warnings: 0,
  })
})

test('a failed check refuses a record, a warning only counts it', async () => {
  const score = { exam: 1, studentId: 's', score: -1 }
  const refused = await post('/topics/exam_score', ofValues(score))
  assert.equal(refused.body.error_code, 42209)
  assert.match(refused.body.errors[0]?.reason ?? '', /score is -1/)
  assert.equal((await post('/topics/exam_score', ofValues({ ...score, score: null }))).status, 200)
  assert.equal(fixture.ingest.counters.of('exam_score').warnings, 1)
})

test('a given key must be the value’s own, in any of its forms', async () => {
  const value = answerOf('a')
  for (const key of [['t1', 'a'], { test_id: 't1', student_id: 'a' }, null]) {
    const { status } = await post('/topics/answers', { records: [{ key, value }] })
    assert.equal(status, 200, JSON.stringify(key))
  }
  const { status, body } = await post('/topics/answers', { records: [{ key: 'a', value }] })
  assert.equal(status, 422)
  assert.equal(body.error_code, 42207)
  assert.equal(body.errors[0]?.field, 'key')
  const student = { student_id: 'a' }
  const single = await post('/topics/students', { records: [{ key: 'a', value: student }] })
  assert.equal(single.status, 200)
})

test('a null value deletes from a compacted topic by its key, and is refused elsewhere', async () => {
  assert.equal((await post('/topics/students', ofValues(null))).body.error_code, 42207)
  const gone = await post('/topics/students', { records: [{ key: 'a', value: null }] })
  assert.equal(gone.status, 200)
  const [record] = await fixture.records('students')
  assert.deepEqual([record?.key, record?.value], [encodeTuple(['a']), null])
  const refused = await post('/topics/answers', { records: [{ key: ['t', 'a'], value: null }] })
  assert.equal(refused.body.error_code, 42203)
})

test('a partition is the key’s own, or refused', async () => {
  const own = partitionForKey(encodeTuple(['t1', 'a']), fixturePartitionCount)
  const other = (own + 1) % fixturePartitionCount
  const body = ofValues(answerOf('a'))
  assert.equal((await post(`/topics/answers/partitions/${own}`, body)).status, 200)
  const refused = await post(`/topics/answers/partitions/${other}`, body)
  assert.equal(refused.body.error_code, 42208)
  const unknown = await post('/topics/answers/partitions/99', body)
  assert.deepEqual([unknown.status, unknown.body.error_code], [404, 40402])
})

test('Avro records come in their producer’s schema, by text and by id', async () => {
  const schema = JSON.parse((await fixture.registry.version('answers-value', 'latest')).schema) as {
    fields: { name: string }[]
  }
  const older = {
    ...schema,
    fields: schema.fields.filter(({ name }) => name !== 'session_id'),
  }
  const value = { ...answerOf('a'), submitted_option: { string: 'c' } }
  const avro = 'application/vnd.kafka.avro.v2+json'
  const first = await post(
    '/topics/answers',
    { value_schema: JSON.stringify(older), ...ofValues(value) },
    avro,
  )
  assert.equal(first.status, 200, JSON.stringify(first.body))
  const again = { value_schema_id: first.body.value_schema_id, ...ofValues(value) }
  assert.equal((await post('/topics/answers', again, avro)).status, 200)
  const values = await fixture.values('answers')
  assert.deepEqual(
    values.map(({ submitted_option, session_id }) => [submitted_option, session_id]),
    [
      ['c', null],
      ['c', null],
    ],
  )
  const missing = await post('/topics/answers', ofValues(value), avro)
  assert.deepEqual([missing.status, missing.body.error_code], [422, 42202])
  const keyed = { value_schema: JSON.stringify(schema), records: [{ key: 'a', value }] }
  assert.equal((await post('/topics/answers', keyed, avro)).body.error_code, 42201)
  const broken = { value_schema: '{"type":"nonsense"}', ...ofValues(value) }
  assert.equal((await post('/topics/answers', broken, avro)).body.error_code, 42205)
  const refused = { ...again, ...ofValues({ ...value, timestamp: 'x' }) }
  const answered = await post('/topics/answers', refused, avro)
  assert.deepEqual([answered.status, answered.body.errors[0]?.field], [422, 'timestamp'])
})

test('binary records are the framed bytes of a foreign producer, kept byte by byte', async () => {
  const { codec } = fixture.ingest.topic('answers')
  const bytes = codec.encode(codec.fromJson(answerOf('a')))
  const binary = 'application/vnd.kafka.binary.v2+json'
  const cut = bytes.subarray(0, bytes.length - 2)
  const { status, body } = await post(
    '/topics/answers?on_error=quarantine',
    ofValues(bytes.toString('base64'), cut.toString('base64'), 'AAAAAgA='),
    binary,
  )
  assert.equal(status, 200)
  assert.deepEqual(
    body.offsets.map(({ error_code }) => error_code),
    [null, 42206, 42205],
  )
  assert.deepEqual((await fixture.records('answers'))[0]?.value, bytes)
  const kept = (await fixture.quarantined()).map(({ record_value }) =>
    record_value?.toString('hex'),
  )
  assert.deepEqual(kept.sort(), ['0000000200', cut.toString('hex')].sort())
})

test('lines are taken in batches, with a line number for each that is refused', async () => {
  const many = Array.from({ length: 12_000 }, (_, index) =>
    JSON.stringify(answerOf(`s${index % 7}`, index)),
  )
  const body = [`\ufeff${many[0]}`, '', ...many.slice(1), '{"answer_id":', 'x'.repeat(70_000)]
  const { status, body: answered } = await post(
    '/topics/answers?on_error=quarantine',
    `${body.join('\r\n')}\r\n`,
    ndjson,
  )
  assert.equal(status, 200)
  assert.equal(answered.taken, 12_000)
  assert.equal(answered.quarantined, 1)
  assert.equal(answered.refused, 1)
  assert.equal(answered.errors[0]?.line, 12_002)
  assert.equal(answered.errors[0].error_code, 42206)
  assert.equal(answered.errors[1]?.line, 12_003)
  assert.match(answered.errors[1].reason, /7000\d bytes, more than recordBytesMax/)
  assert.equal((await fixture.records('answers')).length, 12_000)
  assert.equal((await fixture.quarantined())[0]?.record_value?.toString(), '{"answer_id":')
})

test('a refused line ends the request, and the answer says what was taken before', async () => {
  const good = Array.from({ length: 5000 }, (_, index) => JSON.stringify(answerOf('a', index)))
  const lines = [...good, '{"answer_id":1}', JSON.stringify(answerOf('b'))]
  const { status, body } = await post('/topics/answers', lines.join('\n'), ndjson)
  assert.equal(status, 422)
  assert.equal(body.last_line_taken, 5000)
  assert.equal(body.errors[0]?.line, 5001)
  assert.equal((await fixture.records('answers')).length, 5000)
})

test('bytes that are no UTF-8 are refused and kept', async () => {
  const line = Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff]), Buffer.from('"}')])
  const response = await fetch(`${listener.url}/topics/answers?on_error=quarantine`, {
    method: 'POST',
    headers: { 'content-type': ndjson },
    body: line,
  })
  const body = (await response.json()) as Body
  assert.match(body.errors[0]?.reason ?? '', /not UTF-8/)
  assert.deepEqual((await fixture.quarantined())[0]?.record_value, line)
})

test('a record beyond the limit is refused with the limit and how to raise it', async () => {
  const large = { ...answerOf('a'), submitted_option: 'x'.repeat(fixtureRecordBytesMax) }
  const { status, body } = await post('/topics/answers', ofValues(large))
  assert.deepEqual([status, body.error_code], [413, 41301])
  assert.match(body.errors[0]?.reason ?? '', /recordBytesMax, 65536.*TIDEMARK_RECORD_BYTES_MAX/)
  const kept = await post('/topics/answers?on_error=quarantine', ofValues(large, answerOf('b')))
  assert.equal(kept.body.offsets[0]?.error_code, 41301)
  assert.equal(kept.body.offsets[0].quarantine_id, undefined)
  assert.equal((await fixture.records('answers')).length, 1)
})

test('a body beyond the limit is refused, announced or not', async () => {
  await reopen({ bodyBytesMax: 1000 })
  const body = ofValues(...Array.from({ length: 20 }, () => answerOf('a')))
  const { status, body: answered } = await post('/topics/answers', body)
  assert.deepEqual([status, answered.error_code], [413, 413])
  assert.match(answered.message, /bodyBytesMax, 1000 bytes.*TIDEMARK_BODY_BYTES_MAX/)
  const text = Buffer.from(JSON.stringify(body))
  const chunked = await fetch(`${listener.url}/topics/answers`, {
    method: 'POST',
    headers: { 'content-type': json },
    body: new ReadableStream({
      start: (controller) => {
        controller.enqueue(text)
        controller.close()
      },
    }),
    duplex: 'half',
  })
  assert.equal(chunked.status, 413)
  assert.deepEqual(await fixture.records('answers'), [])
})

test('too many records in one batch are refused', async () => {
  await reopen({ recordsMax: 2 })
  const { status, body } = await post(
    '/topics/answers',
    ofValues(answerOf('a'), answerOf('b'), answerOf('c')),
  )
  assert.equal(status, 413)
  assert.match(body.message, /3 records, more than recordsMax, 2/)
})

test('a client that breaks off leaves nothing behind', async () => {
  const socket = connect(listener.port, '127.0.0.1')
  await new Promise<void>((resolve) => socket.once('connect', resolve))
  socket.write(
    `POST /topics/answers HTTP/1.1\r\nhost: x\r\ncontent-type: ${json}\r\ncontent-length: 1000\r\n\r\n{"records":`,
  )
  socket.destroy()
  const { status } = await post('/topics/answers', ofValues(answerOf('a')))
  assert.equal(status, 200)
  assert.equal((await fixture.records('answers')).length, 1)
})

test('a client that falls silent is given up', async () => {
  await reopen({ bodyIdleMsMax: 20 })
  const socket = connect(listener.port, '127.0.0.1')
  socket.write(
    `POST /topics/answers HTTP/1.1\r\nhost: x\r\ncontent-type: ${json}\r\ncontent-length: 1000\r\n\r\n{"records":`,
  )
  const answered = await new Promise<string>((resolve) => {
    socket.once('data', (bytes) => resolve(bytes.toString()))
  })
  socket.destroy()
  assert.match(answered, /^HTTP\/1.1 408 /)
})

test('under back-pressure records are refused with the time to come again', async () => {
  pressure = { reason: 'the sink is behind', retryAfterMs: 2500 }
  const { status, headers, body } = await post('/topics/answers', ofValues(answerOf('a')))
  assert.deepEqual([status, headers.get('retry-after')], [429, '3'])
  assert.deepEqual(body, { error_code: 42901, message: 'the sink is behind' })
})

test('wrong requests get the REST proxy’s error codes', async () => {
  const good = ofValues(answerOf('a'))
  const cases: [Promise<Answer>, number, number, RegExp][] = [
    [post('/topics/anwsers', good), 404, 40401, /did you mean answers\?/],
    [post('/topics/answers', good, 'text/plain'), 415, 415, /content-type text\/plain/],
    [post('/topics/answers', '{'), 400, 400, /not JSON/],
    [post('/topics/answers', { records: [] }), 422, 422, /empty/],
    [post('/topics/answers', {}), 422, 422, /"records"/],
    [post('/topics/answers?on_error=what', good), 422, 422, /refuse, quarantine, skip/],
    [post('/topics/answers', { records: [{}] }), 422, 42203, /refused/],
    [
      post('/topics/answers', { records: [{ value: {}, timestamp: 'x' }] }),
      422,
      422,
      /records\[0\]\.timestamp/,
    ],
    [post('/nowhere', good), 404, 404, /nothing at/],
  ]
  for (const [request, status, code, message] of cases) {
    const { status: found, body } = await request
    assert.deepEqual([found, body.error_code], [status, code], body.message)
    assert.match(body.message, message)
  }
})

test('topics are listed and described', async () => {
  const get = async (path: string) => (await fetch(listener.url + path)).json()
  assert.ok(((await get('/topics')) as string[]).includes('answers'))
  const answers = (await get('/topics/answers')) as { name: string; partitions: unknown[] }
  assert.equal(answers.name, 'answers')
  assert.equal(answers.partitions.length, fixturePartitionCount)
  assert.deepEqual(await get('/'), { service: 'tidemark ingest', topics: '/topics' })
})
