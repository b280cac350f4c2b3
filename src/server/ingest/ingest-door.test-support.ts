/** For tests: the ingest door over a real log and registry, one for each test, and a client that posts to it. */
import { afterEach, beforeEach } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import {
  fixtureRecordBytesMax,
  openIngestFixture,
  type IngestFixture,
} from '../../sources/ingest-fixture.test-support.ts'
import { listen, type Listener } from '../listen.ts'
import { ingestApp, type BackPressure, type IngestAppOptions } from './ingest-app.ts'

export const json = 'application/vnd.kafka.json.v2+json'
export const ndjson = 'application/x-ndjson'

export interface Body {
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

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Body
}

export interface IngestDoor {
  readonly fixture: IngestFixture
  readonly listener: Listener
  /** What the door hears of the sink. */
  pressure: BackPressure | null
  reopen(limits: IngestAppOptions['limits']): Promise<void>
  post(path: string, body: unknown, type?: string): Promise<Answer>
}

/** Opened before each test of the file that calls this, and closed after it. */
export function ingestDoor(): IngestDoor {
  let fixture: IngestFixture
  let listener: Listener
  const open = async (limits: IngestAppOptions['limits'] = {}): Promise<void> => {
    const { ingest, registry, log } = fixture
    listener = await listen(
      ingestApp({
        ingest,
        registry,
        log,
        clock: systemClock,
        limits: { recordBytesMax: fixtureRecordBytesMax, ...limits },
        backPressure: () => door.pressure,
      }),
      { name: 'ingest', host: '127.0.0.1', port: 0 },
    )
  }
  const door: IngestDoor = {
    get fixture() {
      return fixture
    },
    get listener() {
      return listener
    },
    pressure: null,
    reopen: async (limits) => {
      await listener.close(0)
      await open(limits)
    },
    post: (path, body, type = json) => post(listener.url + path, body, type),
  }
  beforeEach(async () => {
    fixture = await openIngestFixture()
    door.pressure = null
    await open()
  })
  afterEach(async () => {
    await listener.close(0)
    await fixture.log.close()
  })
  return door
}

async function post(url: string, body: unknown, type: string): Promise<Answer> {
  const response = await fetch(url, {
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

export function answerOf(student: string, index = 0): Record<string, unknown> {
  return {
    answer_id: `${student}-${index}`,
    student_id: student,
    question_id: 'q1',
    test_id: 't1',
    submitted_option: 'b',
    timestamp: 1_600_000_000_000 + index,
  }
}

export function ofValues(...values: unknown[]): { records: { value: unknown }[] } {
  return { records: values.map((value) => ({ value })) }
}
