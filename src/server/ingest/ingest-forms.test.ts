/** What a body may hold beside JSON records: Avro, a foreign producer's bytes, lines. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answerOf, ingestDoor, ndjson, ofValues, type Body } from './ingest-door.test-support.ts'

const door = ingestDoor()

test('Avro records come in their producer’s schema, by text and by id', async () => {
  const schema = JSON.parse(
    (await door.fixture.registry.version('answers-value', 'latest')).schema,
  ) as {
    fields: { name: string }[]
  }
  const older = {
    ...schema,
    fields: schema.fields.filter(({ name }) => name !== 'session_id'),
  }
  const value = { ...answerOf('a'), submitted_option: { string: 'c' } }
  const avro = 'application/vnd.kafka.avro.v2+json'
  const first = await door.post(
    '/topics/answers',
    { value_schema: JSON.stringify(older), ...ofValues(value) },
    avro,
  )
  assert.equal(first.status, 200, JSON.stringify(first.body))
  const again = { value_schema_id: first.body.value_schema_id, ...ofValues(value) }
  assert.equal((await door.post('/topics/answers', again, avro)).status, 200)
  const values = await door.fixture.values('answers')
  assert.deepEqual(
    values.map(({ submitted_option, session_id }) => [submitted_option, session_id]),
    [
      ['c', null],
      ['c', null],
    ],
  )
  const missing = await door.post('/topics/answers', ofValues(value), avro)
  assert.deepEqual([missing.status, missing.body.error_code], [422, 42202])
  const keyed = { value_schema: JSON.stringify(schema), records: [{ key: 'a', value }] }
  assert.equal((await door.post('/topics/answers', keyed, avro)).body.error_code, 42201)
  const broken = { value_schema: '{"type":"nonsense"}', ...ofValues(value) }
  assert.equal((await door.post('/topics/answers', broken, avro)).body.error_code, 42205)
  const refused = { ...again, ...ofValues({ ...value, timestamp: 'x' }) }
  const answered = await door.post('/topics/answers', refused, avro)
  assert.deepEqual([answered.status, answered.body.errors[0]?.field], [422, 'timestamp'])
})

test('binary records are the framed bytes of a foreign producer, kept byte by byte', async () => {
  const { codec } = door.fixture.ingest.topic('answers')
  const bytes = codec.encode(codec.fromJson(answerOf('a')))
  const binary = 'application/vnd.kafka.binary.v2+json'
  const cut = bytes.subarray(0, bytes.length - 2)
  const { status, body } = await door.post(
    '/topics/answers?on_error=quarantine',
    ofValues(bytes.toString('base64'), cut.toString('base64'), 'AAAAAgA='),
    binary,
  )
  assert.equal(status, 200)
  assert.deepEqual(
    body.offsets.map(({ error_code }) => error_code),
    [null, 42206, 42205],
  )
  assert.deepEqual((await door.fixture.records('answers'))[0]?.value, bytes)
  const kept = (await door.fixture.quarantined()).map(({ record_value }) =>
    record_value?.toString('hex'),
  )
  assert.deepEqual(kept.sort(), ['0000000200', cut.toString('hex')].sort())
})

test('lines are taken in batches, with a line number for each that is refused', async () => {
  const many = Array.from({ length: 12_000 }, (_, index) =>
    JSON.stringify(answerOf(`s${index % 7}`, index)),
  )
  const body = [`\ufeff${many[0]}`, '', ...many.slice(1), '{"answer_id":', 'x'.repeat(70_000)]
  const { status, body: answered } = await door.post(
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
  assert.equal((await door.fixture.records('answers')).length, 12_000)
  assert.equal((await door.fixture.quarantined())[0]?.record_value?.toString(), '{"answer_id":')
})

test('a refused line ends the request, and the answer says what was taken before', async () => {
  const good = Array.from({ length: 5000 }, (_, index) => JSON.stringify(answerOf('a', index)))
  const lines = [...good, '{"answer_id":1}', JSON.stringify(answerOf('b'))]
  const { status, body } = await door.post('/topics/answers', lines.join('\n'), ndjson)
  assert.equal(status, 422)
  assert.equal(body.last_line_taken, 5000)
  assert.equal(body.errors[0]?.line, 5001)
  assert.equal((await door.fixture.records('answers')).length, 5000)
})

test('bytes that are no UTF-8 are refused and kept', async () => {
  const line = Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff]), Buffer.from('"}')])
  const response = await fetch(`${door.listener.url}/topics/answers?on_error=quarantine`, {
    method: 'POST',
    headers: { 'content-type': ndjson },
    body: line,
  })
  const body = (await response.json()) as Body
  assert.match(body.errors[0]?.reason ?? '', /not UTF-8/)
  assert.deepEqual((await door.fixture.quarantined())[0]?.record_value, line)
})
