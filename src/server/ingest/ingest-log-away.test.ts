/** The ingest door over a log that stops answering: a real one in memory, whose appends are held back. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import type { Hono } from 'hono'
import { ManualClock, systemClock } from '../../core/clock.ts'
import type { Log } from '../../log/log.ts'
import { TimelyLog } from '../../log/timely-log.ts'
import {
  fixtureRecordBytesMax,
  openIngestFixture,
  type IngestFixture,
} from '../../sources/ingest-fixture.test-support.ts'
import { LocalIngest } from '../../sources/ingest-records.ts'
import { ingestApp } from './ingest-app.ts'
import { answerOf, json, ndjson, ofValues, type Body } from './ingest-door.test-support.ts'

const waitMaxMs = 10_000

let fixture: IngestFixture
let clock: ManualClock
let gate: Gate
let app: Hono

/** Lets appends through, or holds them until it is opened; how many have come. */
class Gate {
  #opened = Promise.withResolvers<undefined>()
  #arrived = Promise.withResolvers<undefined>()
  isOpen = true

  async pass(): Promise<void> {
    this.#arrived.resolve(undefined)
    if (!this.isOpen) await this.#opened.promise
  }

  shut(): void {
    this.isOpen = false
    this.#opened = Promise.withResolvers()
    this.#arrived = Promise.withResolvers()
  }

  open(): void {
    this.isOpen = true
    this.#opened.resolve(undefined)
  }

  get arrived(): Promise<undefined> {
    return this.#arrived.promise
  }
}

function gated(log: Log): Log {
  const held: Pick<Log, 'append' | 'describeTopics'> = {
    append: async (batches) => {
      await gate.pass()
      return log.append(batches)
    },
    describeTopics: async (names) => {
      await gate.pass()
      return log.describeTopics(names)
    },
  }
  return new Proxy(log, {
    get: (target, name) => {
      if (name in held) return held[name as keyof typeof held]
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

beforeEach(async () => {
  fixture = await openIngestFixture()
  clock = new ManualClock(1_700_000_000_000)
  gate = new Gate()
  const settingName = 'kafka.doorWaitMaxMs'
  const log = new TimelyLog(gated(fixture.log), { clock, waitMaxMs, settingName })
  const { topics, quarantine, registry } = fixture
  const recordBytesMax = fixtureRecordBytesMax
  const ingest = new LocalIngest({ topics, log, clock, quarantine, recordBytesMax })
  app = ingestApp({ ingest, registry, log, clock: systemClock, limits: { recordBytesMax } })
})

afterEach(() => fixture.log.close())

async function post(body: unknown, type = json) {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const headers = { 'content-type': type, 'content-length': String(Buffer.byteLength(text)) }
  const response = await app.request('/topics/answers', { method: 'POST', headers, body: text })
  return {
    status: response.status,
    retryAfter: response.headers.get('retry-after'),
    body: (await response.json()) as Body,
  }
}

const one = ofValues(answerOf('a'))

test('a log that does not answer is a 503 in time, with when to come again', async () => {
  gate.shut()
  const asked = post(one)
  await gate.arrived
  clock.advance(waitMaxMs - 1)
  assert.equal(await Promise.race([asked, Promise.resolve('waiting')]), 'waiting')
  clock.advance(1)
  const { status, retryAfter, body } = await asked
  assert.deepEqual([status, retryAfter, body.error_code], [503, '2', 50303])
  assert.match(body.message, /kafka\.doorWaitMaxMs, 10000 ms/)
  gate.open()
  assert.equal((await post(one)).status, 200)
  assert.equal((await fixture.records('answers')).length, 1)
})

test('an append that is late may still be written; meanwhile nothing more is taken, then all goes on', async () => {
  assert.equal((await post(one)).status, 200)
  gate.shut()
  const late = post(one)
  await gate.arrived
  clock.advance(waitMaxMs)
  const told = await late
  assert.equal(told.status, 503)
  assert.match(told.body.message, /may still be written: send them again/)
  const refused = await post(one)
  assert.deepEqual([refused.status, refused.retryAfter], [503, '2'])
  assert.match(refused.body.message, /waits for Kafka; nothing was taken/)
  assert.equal((await fixture.records('answers')).length, 1)
  gate.open()
  while ((await fixture.records('answers')).length < 2) await new Promise(setImmediate)
  assert.equal((await post(one)).status, 200)
  assert.equal((await fixture.records('answers')).length, 3)
})

test('of a body of lines the answer says up to which all are taken', async () => {
  const lines = Array.from({ length: 12_000 }, (_, index) => JSON.stringify(answerOf('a', index)))
  const { log } = fixture
  const append = log.append.bind(log)
  let appends = 0
  log.append = async (batches) => {
    if (++appends === 2) gate.shut()
    await gate.pass()
    return append(batches)
  }
  const asked = post(lines.join('\n'), ndjson)
  while (gate.isOpen) await new Promise(setImmediate)
  await gate.arrived
  clock.advance(waitMaxMs)
  const { status, body } = await asked
  assert.equal(status, 503)
  assert.match(body.message, /taken up to line 5000; go on after it/)
  assert.equal((await fixture.records('answers')).length, 5000)
  gate.open()
})

test('what a topic is like is a 503 in time, too', async () => {
  gate.shut()
  const asked = app.request('/topics/answers')
  await gate.arrived
  clock.advance(waitMaxMs)
  const response = await asked
  assert.equal(response.status, 503)
  assert.match(((await response.json()) as Body).message, /has not answered within/)
})
