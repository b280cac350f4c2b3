/** What a door does not take: each with its status, the limit and the setting that holds it, or what to send instead. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  answerEvent,
  avro,
  json,
  lines,
  ofValues,
  TestInstance,
} from './doors-support/test-instance.ts'

const mebibyte = 1024 * 1024
const bodyBytesMax = 24 * mebibyte
let instance: TestInstance

before(async () => {
  instance = await TestInstance.open({ bodyBytesMax })
})
after(() => instance.stop())

async function nothingTaken(run: () => Promise<void>): Promise<void> {
  const end = await instance.logEnd('answers')
  await run()
  assert.equal(await instance.logEnd('answers'), end)
}

function streamed(
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  headers: Record<string, string>,
): RequestInit {
  return { method: 'POST', headers, body: ReadableStream.from(chunks), duplex: 'half' }
}

test('a body beyond the limit is 413 with limit and setting, announced or not', () =>
  nothingTaken(async () => {
    const limit = new RegExp(`bodyBytesMax, ${bodyBytesMax} bytes; .*TIDEMARK_BODY_BYTES_MAX`)
    const large = { ...answerEvent('large'), submitted_option: 'x'.repeat(bodyBytesMax) }
    const announced = await instance.post('/topics/answers', ofValues(large))
    const chunk = new Uint8Array(mebibyte).fill(0x20)
    const response = await instance.instance.apps.ingest.request(
      '/topics/answers',
      streamed(new Array<Uint8Array>(25).fill(chunk), { 'content-type': json }),
    )
    const endless = { status: response.status, body: (await response.json()) as never }
    for (const { status, body } of [announced, endless] as { status: number; body: any }[]) {
      assert.deepEqual([status, body.error_code], [413, 413])
      assert.match(body.message, limit)
    }
  }))

test('too many records are 413 with the limit', () =>
  nothingTaken(async () => {
    const records = `{"value":{}},`.repeat(100_000) + '{"value":{}}'
    const { status, body } = await instance.post('/topics/answers', `{"records":[${records}]}`)
    assert.deepEqual([status, body.error_code], [413, 413])
    assert.match(body.message, /100001 records, more than recordsMax, 100000; send smaller batches/)
  }))

test('an unknown topic is 404 with the nearest name, or with all there are', async () => {
  const near = await instance.post('/topics/anwsers', ofValues(answerEvent('a')))
  assert.deepEqual([near.status, near.body.error_code], [404, 40401])
  assert.match(near.body.message, /topic anwsers is not known; did you mean answers\?/)
  const far = await instance.post('/topics/weather-reports', ofValues({}))
  assert.equal(far.status, 404)
  assert.match(far.body.message, /there are .*answers.*exam_score/)
  const internal = await instance.post('/topics/tidemark.quarantine', ofValues({}))
  assert.equal(internal.status, 404, 'our own topics take nothing from outside')
  const facts = await instance.post('/topics/mcq.question_interaction_fact', ofValues({}))
  assert.equal(facts.status, 404)
})

test('a wrong content type is 415 with the right ones', () =>
  nothingTaken(async () => {
    for (const type of ['text/plain', 'application/xml', 'multipart/form-data; boundary=x']) {
      const { status, body } = await instance.post('/topics/answers', '{}', type)
      assert.equal(status, 415)
      for (const right of [json, avro, lines]) assert.ok(body.message.includes(right), type)
      assert.ok(body.message.includes(type.split(';')[0]))
    }
    const response = await instance.instance.apps.ingest.request('/topics/answers', {
      method: 'POST',
      headers: { 'content-type': json, 'content-encoding': 'gzip' },
      body: '{}',
    })
    assert.equal(response.status, 415)
    assert.match(((await response.json()) as { message: string }).message, /gzip is not read/)
  }))

test('a body that is no request is 4xx with what was expected', () =>
  nothingTaken(async () => {
    const cases: readonly (readonly [body: unknown, status: number, message: RegExp])[] = [
      ['{"records": [', 400, /the body is not JSON/],
      ['[]', 422, /the body must be \{"records"/],
      ['null', 422, /the body must be \{"records"/],
      [{ records: {} }, 422, /the body must be \{"records"/],
      [{ records: [] }, 422, /"records" is empty/],
      [{ records: [5] }, 422, /records\[0\] must be an object/],
      [{ records: [{ value: {}, timestamp: 'x' }] }, 422, /records\[0\]\.timestamp must be/],
      [{ records: [{ value: {}, partition: -1 }] }, 422, /records\[0\]\.partition must be/],
    ]
    for (const [sent, expected, message] of cases) {
      const { status, body } = await instance.post('/topics/answers', sent)
      assert.equal(status, expected, JSON.stringify(sent))
      assert.match(body.message, message)
    }
    const policy = await instance.post('/topics/answers?on_error=ignore', ofValues({}))
    assert.equal(policy.status, 422)
    assert.match(policy.body.message, /on_error=ignore: one of refuse, quarantine, skip/)
  }))

test('while bodies fill their memory another is 429 with Retry-After, and is taken once they are done', async () => {
  // Bodies that have announced themselves and are still coming.
  const over = Promise.withResolvers<null>()
  const announced = String(bodyBytesMax)
  const slow = Array.from({ length: 6 }, () => {
    async function* chunks(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('{')
      await over.promise
      yield Buffer.from('}')
    }
    const init = streamed(chunks(), { 'content-type': json, 'content-length': announced })
    return Promise.resolve(instance.instance.apps.ingest.request('/topics/answers', init))
  })
  const refused = await Promise.race(slow)
  assert.equal(refused.status, 429)
  assert.ok(Number(refused.headers.get('retry-after')) >= 1)
  const { error_code, message } = (await refused.json()) as { error_code: number; message: string }
  assert.equal(error_code, 42901)
  assert.match(message, /bytes are being read; at most 134217728 at a time/)
  // A small one still has room.
  assert.equal((await instance.post('/topics/answers', ofValues(answerEvent('small')))).status, 200)
  over.resolve(null)
  const statuses = (await Promise.all(slow)).map(({ status }) => status)
  assert.deepEqual(statuses, [422, 422, 422, 422, 422, 429])
  const large = { ...answerEvent('later'), submitted_option: 'x'.repeat(1000) }
  assert.equal((await instance.post('/topics/answers', ofValues(large))).status, 200)
})

test('the registry and the console hold their bodies too', async () => {
  const schema = JSON.stringify({ type: 'string', doc: 'x'.repeat(2 * mebibyte) })
  const registered = await instance.registry('/subjects/large-value/versions', { schema })
  assert.equal(registered.status, 413)
  assert.match(registered.body.message, /1048576 bytes/)
  const response = await instance.instance.apps.console.request('/api/quarantine/redrive', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'content-length': String(2 * mebibyte) },
    body: JSON.stringify({ value: 'x'.repeat(2 * mebibyte) }),
  })
  assert.equal(response.status, 413)
  assert.match(((await response.json()) as { error: string }).error, /1048576 bytes/)
})

test('a redrive that is no request is 400 with what is wrong, and one value is not for many records', async () => {
  const cases: readonly (readonly [body: string, error: RegExp])[] = [
    ['nonsense', /JSON/],
    ['null', /the body must be an object/],
    ['{"id": ["x"]}', /id is not known; known are ids, topic, set, value/],
    ['{"ids": "x"}', /ids must be an array of texts/],
    ['{"topic": 5}', /topic must be a text/],
    ['{"set": [1]}', /set must be an object of fields/],
    ['{"value": {}}', /value is for one entry: name its id in ids/],
    ['{"value": {}, "ids": ["x", "y"]}', /value is for one entry/],
  ]
  const send = (body: string, type = 'application/json') =>
    instance.instance.apps.console.request('/api/quarantine/redrive', {
      method: 'POST',
      headers: { 'content-type': type },
      body,
    })
  for (const [body, expected] of cases) {
    const response = await send(body)
    assert.equal(response.status, 400, body)
    assert.match(((await response.json()) as { error: string }).error, expected, body)
  }
  assert.equal((await send('{}', 'text/plain')).status, 415)
})
