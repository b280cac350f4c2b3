/** What the ingest door does not take: too much, too slow, at the wrong time, in the wrong form. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { fixtureRecordBytesMax } from '../../sources/ingest-fixture.test-support.ts'
import { answerOf, ingestDoor, json, ofValues, type Answer } from './ingest-door.test-support.ts'

const door = ingestDoor()

test('a record beyond the limit is refused with the limit and how to raise it', async () => {
  const large = { ...answerOf('a'), submitted_option: 'x'.repeat(fixtureRecordBytesMax) }
  const { status, body } = await door.post('/topics/answers', ofValues(large))
  assert.deepEqual([status, body.error_code], [413, 41301])
  assert.match(body.errors[0]?.reason ?? '', /recordBytesMax, 65536.*TIDEMARK_RECORD_BYTES_MAX/)
  const kept = await door.post(
    '/topics/answers?on_error=quarantine',
    ofValues(large, answerOf('b')),
  )
  assert.equal(kept.body.offsets[0]?.error_code, 41301)
  assert.equal(kept.body.offsets[0].quarantine_id, undefined)
  assert.equal((await door.fixture.records('answers')).length, 1)
})

test('a body beyond the limit is refused, announced or not', async () => {
  await door.reopen({ bodyBytesMax: 1000 })
  const body = ofValues(...Array.from({ length: 20 }, () => answerOf('a')))
  const { status, body: answered } = await door.post('/topics/answers', body)
  assert.deepEqual([status, answered.error_code], [413, 413])
  assert.match(answered.message, /bodyBytesMax, 1000 bytes.*TIDEMARK_BODY_BYTES_MAX/)
  const text = Buffer.from(JSON.stringify(body))
  const chunked = await fetch(`${door.listener.url}/topics/answers`, {
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
  assert.deepEqual(await door.fixture.records('answers'), [])
})

test('too many records in one batch are refused', async () => {
  await door.reopen({ recordsMax: 2 })
  const { status, body } = await door.post(
    '/topics/answers',
    ofValues(answerOf('a'), answerOf('b'), answerOf('c')),
  )
  assert.equal(status, 413)
  assert.match(body.message, /3 records, more than recordsMax, 2/)
})

test('a client that breaks off leaves nothing behind', async () => {
  const socket = connect(door.listener.port, '127.0.0.1')
  await new Promise<void>((resolve) => socket.once('connect', resolve))
  socket.write(
    `POST /topics/answers HTTP/1.1\r\nhost: x\r\ncontent-type: ${json}\r\ncontent-length: 1000\r\n\r\n{"records":`,
  )
  socket.destroy()
  const { status } = await door.post('/topics/answers', ofValues(answerOf('a')))
  assert.equal(status, 200)
  assert.equal((await door.fixture.records('answers')).length, 1)
})

test('a client that falls silent is given up', async () => {
  await door.reopen({ bodyIdleMsMax: 20 })
  const socket = connect(door.listener.port, '127.0.0.1')
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
  door.pressure = { reason: 'the sink is behind', retryAfterMs: 2500 }
  const { status, headers, body } = await door.post('/topics/answers', ofValues(answerOf('a')))
  assert.deepEqual([status, headers.get('retry-after')], [429, '3'])
  assert.deepEqual(body, { error_code: 42901, message: 'the sink is behind' })
})

test('wrong requests get the REST proxy’s error codes', async () => {
  const good = ofValues(answerOf('a'))
  const cases: [Promise<Answer>, number, number, RegExp][] = [
    [door.post('/topics/anwsers', good), 404, 40401, /did you mean answers\?/],
    [door.post('/topics/answers', good, 'text/plain'), 415, 415, /content-type text\/plain/],
    [door.post('/topics/answers', '{'), 400, 400, /not JSON/],
    [door.post('/topics/answers', { records: [] }), 422, 422, /empty/],
    [door.post('/topics/answers', {}), 422, 422, /"records"/],
    [door.post('/topics/answers?on_error=what', good), 422, 422, /refuse, quarantine, skip/],
    [door.post('/topics/answers', { records: [{}] }), 422, 42203, /refused/],
    [
      door.post('/topics/answers', { records: [{ value: {}, timestamp: 'x' }] }),
      422,
      422,
      /records\[0\]\.timestamp/,
    ],
    [door.post('/nowhere', good), 404, 404, /nothing at/],
  ]
  for (const [request, status, code, message] of cases) {
    const { status: found, body } = await request
    assert.deepEqual([found, body.error_code], [status, code], body.message)
    assert.match(body.message, message)
  }
})
