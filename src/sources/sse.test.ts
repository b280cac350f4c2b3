/** The feed against a real server on this machine that drops connections. */
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, test } from 'node:test'
import { systemClock } from '../core/clock.ts'
import { redrive } from '../quality/redrive.ts'
import { openIngestFixture, type IngestFixture } from './ingest-fixture.test-support.ts'
import { followFeed, type FeedOptions, type FeedState } from './sse.ts'

let fixture: IngestFixture
let server: Server
let url: string
let answers: ((request: IncomingMessage, response: ServerResponse) => void)[]
let lastIds: (string | undefined)[]

beforeEach(async () => {
  fixture = await openIngestFixture()
  answers = []
  lastIds = []
  server = createServer((request, response) => {
    lastIds.push(request.headers['last-event-id'] as string | undefined)
    const next = answers.shift()
    if (next === undefined) response.writeHead(204).end()
    else next(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/scores`
})
afterEach(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await fixture.log.close()
})

function feed(response: ServerResponse, text: string): void {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
  response.write(text)
}

function follow(more: Partial<FeedOptions> = {}) {
  return followFeed({
    url,
    topic: 'exam_score',
    ingest: fixture.ingest,
    clock: systemClock,
    signal: new AbortController().signal,
    random: () => 0,
    ...more,
  })
}

const score = (exam: number, id?: number) =>
  `event: score\n${id === undefined ? '' : `id: ${id}\n`}data: {"exam": ${exam},\ndata: "studentId": "foo", "score": 0.991}\n\n`

test('scores come in, and a dropped connection goes on from the last durable event', async () => {
  answers.push(
    (_, response) => {
      feed(response, `retry: 2\n\n${score(1, 11)}${score(2, 12)}event: score\ndata: {"exam": 9`)
      setImmediate(() => response.destroy())
    },
    (_, response) => response.writeHead(503).end(),
    (_, response) => {
      feed(response, score(2, 12) + score(3, 13))
      response.end()
    },
  )
  const ids: string[] = []
  const states: FeedState['kind'][] = []
  const totals = await follow({
    onLastEventId: (id) => ids.push(id),
    onState: ({ kind }) => states.push(kind),
  })
  assert.equal(totals.taken, 4)
  assert.equal(totals.connections, 2)
  assert.deepEqual(lastIds, [undefined, '12', '12', '13'])
  assert.deepEqual(ids, ['12', '13'])
  assert.equal(states.at(-1), 'ended')
  const { host } = new URL(url)
  const found = (await fixture.values('exam_score')).map(({ event_id }) => event_id)
  assert.deepEqual(
    [...new Set(found)].sort(),
    [11, 12, 13].map((id) => `${host}/${id}`),
  )
})

test('without ids the exam and the student are the identity', async () => {
  answers.push((_, response) => {
    feed(response, `retry: 1\n\n${score(1)}`)
    response.end()
  })
  await follow()
  const [value] = await fixture.values('exam_score')
  assert.equal(value?.['event_id'], null)
  assert.equal(value['event_type'], 'score')
})

test('a feed goes on where another process was told to', async () => {
  await follow({ lastEventId: '41' })
  assert.deepEqual(lastIds, ['41'])
})

test('invalid JSON goes to quarantine as it came, other events are counted', async () => {
  answers.push((_, response) => {
    feed(
      response,
      `retry: 1\n\nevent: score\nid: 5\ndata: {"exam": 3\n\nevent: ping\ndata: x\n\n${score(4)}`,
    )
    response.end()
  })
  const totals = await follow()
  assert.deepEqual([totals.taken, totals.quarantined, totals.ignored], [1, 1, 1])
  const [entry] = await fixture.quarantined()
  assert.equal(entry?.record_value?.toString(), '{"exam": 3')
  assert.deepEqual([entry.check, entry.level, entry.source], ['json_invalid', 'Critical', 'sse'])
  assert.equal(entry.location, `${url}#5`)
  const value = { exam: 3, studentId: 'foo', score: 1 }
  const { redriven } = await redrive([entry], { value }, { ...fixture, nowMs: 1 })
  assert.equal(redriven.length, 1)
  const mended = (await fixture.values('exam_score')).find(({ exam }) => exam === 3)
  assert.equal(mended?.['event_id'], `${new URL(url).host}/5`, 'it keeps the event’s identity')
})

test('a silent connection is opened again', async () => {
  answers.push(
    (_, response) => feed(response, 'retry: 1\n\n'),
    (_, response) => {
      feed(response, `retry: 1\n\n${score(1)}`)
      response.end()
    },
  )
  const totals = await follow({ silenceMsMax: 20 })
  assert.deepEqual([totals.taken, totals.connections], [1, 2])
})

test('waiting doubles up to its limit, with jitter, and starts anew after an event', async () => {
  const failing = (_: IncomingMessage, response: ServerResponse) => response.writeHead(500).end()
  answers.push(failing, failing, failing, (_, response) => {
    feed(response, `retry: 4\n\n${score(1)}`)
    response.end()
  })
  const delays: number[] = []
  const clock = {
    ...systemClock,
    after: (delayMs: number, wake: () => void) =>
      systemClock.after(delayMs < 60_000 ? 0 : delayMs, wake),
  }
  await follow({
    clock,
    onState: (state) => {
      if (state.kind === 'waiting') delays.push(state.delayMs)
    },
  })
  assert.deepEqual(delays, [500, 1000, 2000, 2])
})

test('what connecting again cannot help is an error', async () => {
  answers.push((_, response) => response.writeHead(404).end())
  await assert.rejects(follow(), /scores: the server answers 404/)
  answers.push((_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end())
  await assert.rejects(follow(), /no text\/event-stream, but text\/html/)
  await assert.rejects(async () => follow({ url: 'ftp://x' }), /not an http/)
})

test('the signal stops it, connected or waiting', async () => {
  const controller = new AbortController()
  answers.push((_, response) => feed(response, score(1)))
  const totals = await follow({
    signal: controller.signal,
    onProgress: () => controller.abort(),
  })
  assert.equal(totals.taken, 1)
  const waiting = new AbortController()
  answers.push((_, response) => response.writeHead(500).end())
  await follow({
    signal: waiting.signal,
    onState: ({ kind }) => {
      if (kind === 'waiting') setImmediate(() => waiting.abort())
    },
  })
})
