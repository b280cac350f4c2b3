/** What a balancer or a gateway before ClickHouse answers, over HTTP, and ClickHouse itself while it has too much to do. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, beforeEach, describe, test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import { TidemarkError } from '../../core/errors.ts'
import type { ClickHouse } from './clickhouse.ts'
import { ClickHouseSink } from './clickhouse-sink.ts'
import { openServer } from './server.ts'

interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

const table = { database: 'd', table: 't' }
const rows = [{ a: '1' }]

/** As nginx makes it, with its own spelling. */
const nginxPage = (status: string) =>
  `<html>\r\n<head><title>${status}</title></head>\r\n<body>\r\n<center><h1>${status}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n`
const ofClickHouse = (code: number, text: string, type: string): Answer => ({
  status: 500,
  headers: { 'x-clickhouse-exception-code': String(code) },
  body: `Code: ${code}. DB::Exception: ${text}. (${type}) (version 25.8.2.29 (official build))\n`,
})

const passing: Readonly<Record<string, Answer>> = {
  'a gateway that has waited': { status: 504, body: nginxPage('504 Gateway Time-out') },
  'a gateway that says nothing': { status: 504 },
  'a gateway without a server': { status: 502, body: nginxPage('502 Bad Gateway') },
  'a gateway with its own numbers': { status: 524, body: 'error code: 524' },
  'a gateway that fails': { status: 500, body: nginxPage('500 Internal Server Error') },
  'a limit of requests': { status: 429, body: nginxPage('429 Too Many Requests') },
  'a limit of requests, in chunks': {
    status: 429,
    headers: { 'transfer-encoding': 'chunked' },
    body: 'slow down',
  },
  'a request that came too slowly': { status: 408 },
  'a request that came too early': { status: 425, body: 'Too Early' },
  'an overloaded ClickHouse': ofClickHouse(
    745,
    'CPU is overloaded, CPU is waiting for execution way more than executing',
    'SERVER_OVERLOADED',
  ),
  'a replica between two sessions': ofClickHouse(
    416,
    'Replica status changed while the insert was under way',
    'REPLICA_STATUS_CHANGED',
  ),
}

const final: Readonly<Record<string, Answer>> = {
  '401 Unauthorized': { status: 401 },
  '403 Forbidden': { status: 403, body: nginxPage('403 Forbidden') },
  '404 Not Found': { status: 404, body: 'no upstream of that name' },
  '413 Request Entity Too Large': {
    status: 413,
    body: nginxPage('413 Request Entity Too Large'),
  },
}

describe('a server whose requests meet a gateway', () => {
  let server: Server
  let clickhouse: ClickHouse
  const faults = { insert: [] as Answer[], question: [] as Answer[] }
  const asked = { insert: 0, question: 0 }

  before(async () => {
    server = createServer((request, response) => {
      const query = new URL(request.url ?? '/', 'http://clickhouse').searchParams.get('query')
      request.resume().once('end', () => {
        const what = query?.startsWith('INSERT') === true ? 'insert' : 'question'
        asked[what] += 1
        const fault = request.url === '/ping' ? undefined : faults[what].shift()
        if (fault !== undefined) send(response, fault)
        else response.end(what === 'insert' ? '' : '{"name":"a","type":"String"}\n')
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    clickhouse = await openServer({ url: `http://127.0.0.1:${port}` })
  })
  after(async () => {
    await clickhouse.close()
    server.closeAllConnections()
    server.close()
  })
  beforeEach(() => {
    for (const what of ['insert', 'question'] as const) {
      faults[what] = []
      asked[what] = 0
    }
  })

  const newSink = (attemptsMax = 2) =>
    new ClickHouseSink({
      clickhouse,
      clock: systemClock,
      migrationsDirectory: null,
      attemptsMax,
      retryFirstMs: 1,
      unavailableMaxMs: 20,
    })

  for (const [what, answer] of Object.entries(passing)) {
    test(`${what} is waited for`, async () => {
      faults.insert = [answer]
      await newSink().write([{ table, rows }])
      assert.equal(asked.insert, 2)
      faults.question = [answer]
      await assert.rejects(newSink().write([{ table, rows }]), { code: 'SINK_UNAVAILABLE' })
    })
  }

  for (const [status, answer] of Object.entries(final)) {
    test(`${status} is for a person to mend, and told`, async () => {
      faults.insert = [answer]
      await assert.rejects(newSink().write([{ table, rows }]), (thrown) => {
        assert.ok(thrown instanceof TidemarkError)
        assert.equal(thrown.code, 'SINK_REFUSED')
        assert.match(thrown.message, new RegExp(`HTTP ${answer.status} `))
        assert.doesNotMatch(thrown.message, /<|\n/)
        return true
      })
      assert.equal(asked.insert, 1)
    })
  }

  test('a gateway without a server is no ClickHouse at a start, told in a line', async () => {
    const page = { status: 502, body: nginxPage('502 Bad Gateway') }
    const bare = createServer((_request, response) => {
      send(response, page)
    })
    bare.listen(0, '127.0.0.1')
    await once(bare, 'listening')
    const { port } = bare.address() as AddressInfo
    try {
      await assert.rejects(openServer({ url: `http://127.0.0.1:${port}` }), {
        code: 'SINK_UNAVAILABLE',
        message: `no ClickHouse at 127.0.0.1:${port}: HTTP 502 Bad Gateway: 502 Bad Gateway 502 Bad Gateway nginx`,
      })
    } finally {
      bare.closeAllConnections()
      bare.close()
    }
  })

  test('who says when to come back is not asked before', async () => {
    faults.insert = [{ status: 429, headers: { 'retry-after': '7' } }]
    await assert.rejects(newSink(5).write([{ table, rows }]), (thrown) => {
      assert.ok(thrown instanceof TidemarkError)
      assert.equal(thrown.code, 'SINK_UNAVAILABLE')
      assert.equal(thrown.details['retryAfterMs'], 7_000)
      return true
    })
    assert.equal(asked.insert, 1)
  })

  test('nobody is waited for longer than a minute, nor by a date', async () => {
    const waits: unknown[] = []
    for (const said of ['86400', 'Sun, 22 Nov 2026 10:00:00 GMT']) {
      faults.insert = [{ status: 503, headers: { 'retry-after': said } }]
      await newSink(1)
        .write([{ table, rows }])
        .catch((thrown: unknown) => waits.push((thrown as TidemarkError).details['retryAfterMs']))
    }
    assert.equal(waits[0], 60_000)
    assert.ok(Number(waits[1]) <= 20, String(waits[1]))
  })
})

function send(response: ServerResponse, { status, headers, body = '' }: Answer): void {
  response.writeHead(status, { ...headers })
  response.end(body)
}
