/**
 * ClickHouse's HTTP interface over the engine in this process, for curl, any ClickHouse client and Grafana. Read
 * only: what a statement may be is decided in `sinks/clickhouse/statement-guard.ts` and by the engine.
 * https://clickhouse.com/docs/interfaces/http
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { pipeline, Readable } from 'node:stream'
import { Hono } from 'hono'
import type { Context } from 'hono'
import type { ClickHouse, ReadResult, ReadSummary } from '../../sinks/clickhouse/clickhouse.ts'
import { ClickHouseFailure, clickHouseFailure } from '../../sinks/clickhouse/failure.ts'
import { principalOf } from '../access/access.ts'
import { addressOf } from '../audit/audited.ts'
import { compressedFrames } from './compressed-frames.ts'
import { responseEncoding } from './compression.ts'
import { contentTypeOf } from './content-type.ts'
import { failureText } from './failure-text.ts'
import { httpStatusOf } from './http-status.ts'
import { nativeBlocks } from './native-blocks.ts'
import { isSet, readQuery } from './query-request.ts'
import { querySettings } from './settings.ts'

export interface ClickHouseAppOptions {
  /** Of one statement, in the URL or the body. */
  readonly queryBytesMax?: number
  /** Of a result that has to be held as a whole (JSON and the like); rows in lines are streamed without end. */
  readonly resultBytesMax?: number
  /** Told of each statement as its answer begins, or once it is refused. */
  readonly onStatement?: (statement: AskedStatement) => void
}

export interface AskedStatement {
  readonly user: string
  readonly address: string | null
  /** Null where the request was refused before it was read. */
  readonly sql: string | null
  /** ClickHouse's name of the failure; null where it is answered. */
  readonly failure: string | null
}

const defaults = {
  queryBytesMax: 1024 * 1024,
  resultBytesMax: 64 * 1024 * 1024,
  onStatement: () => {},
} as const satisfies Required<ClickHouseAppOptions>

export function clickhouseApp(clickhouse: ClickHouse, options: ClickHouseAppOptions): Hono {
  const limits = { ...defaults, ...options }
  const app = new Hono()
  for (const path of ['/ping', '/replicas_status'])
    app.get(path, (context) => context.text('Ok.\n'))
  const handle = (context: Context) => answer(clickhouse, limits, context)
  app.on(['GET', 'POST'], ['/', '/query'], handle)
  app.notFound((context) => {
    const known =
      'Use / or /ping for health checks.\nSend queries from your program with POST method or GET /?query=...'
    return context.text(`There is no handle ${context.req.path}\n\n${known}\n`, 404)
  })
  return app
}

async function answer(
  clickhouse: ClickHouse,
  limits: Required<ClickHouseAppOptions>,
  context: Context,
): Promise<Response> {
  const request = context.req.raw
  const queryId = new URL(request.url).searchParams.get('query_id') ?? ''
  const id = /^[\w.:-]{1,100}$/.test(queryId) ? queryId : randomUUID()
  const principal = principalOf(context)
  const user = principal?.name ?? 'default'
  let asked: string | null = null
  const tell = (failure: string | null) => {
    limits.onStatement({ user, address: addressOf(context), sql: asked, failure })
  }
  try {
    if (request.method === 'HEAD') return new Response(null, { headers: commonHeaders(id) })
    const { sql, search } = await readQuery(request, limits.queryBytesMax)
    asked = sql
    if (sql.trim() === '') {
      if (request.method !== 'POST') return context.text('Ok.\n')
      throw new ClickHouseFailure(62, 'SYNTAX_ERROR', 'Syntax error: Empty query')
    }
    const database = search.get('database') ?? request.headers.get('x-clickhouse-database') ?? ''
    const { settings, parameters } = querySettings(search)
    const result = await clickhouse.read({
      sql,
      format: defaultFormat(request.headers, search),
      ...(database === '' ? {} : { database }),
      databases: principal?.databases ?? null,
      settings,
      parameters,
      resultBytesMax: limits.resultBytesMax,
      signal: request.signal,
    })
    tell(null)
    return respond(request.headers, search, result, id)
  } catch (thrown) {
    const failure = clickHouseFailure(thrown)
    tell(failure.type)
    return refuse(failure, id)
  }
}

const formatName = /^\w{1,60}$/

function defaultFormat(headers: Headers, search: URLSearchParams): string {
  const format =
    headers.get('x-clickhouse-format') ?? search.get('default_format') ?? 'TabSeparated'
  if (!formatName.test(format)) {
    throw new ClickHouseFailure(73, 'UNKNOWN_FORMAT', `Unknown format ${format}`)
  }
  return format
}

function respond(
  asked: Headers,
  search: URLSearchParams,
  result: ReadResult,
  id: string,
): Response {
  const headers = commonHeaders(id)
  headers.set('Content-Type', contentTypeOf(result.format))
  headers.set('X-ClickHouse-Format', result.format)
  headers.set('X-ClickHouse-Timezone', 'UTC')
  if (result.summary !== null) headers.set('X-ClickHouse-Summary', summaryText(result.summary))
  const tag = randomBytes(8).toString('hex')
  headers.set('X-ClickHouse-Exception-Tag', tag)
  let body = result.body
  const revision = Number(search.get('client_protocol_version') ?? '0')
  if (result.format === 'Native' && revision > 0) body = nativeBlocks(body, revision)
  body = withException(body, tag)
  if (isSet(search.get('compress'))) body = compressedFrames(body)
  let stream: Readable = Readable.from(body, { objectMode: false })
  const encoding = isSet(search.get('enable_http_compression'))
    ? responseEncoding(asked.get('accept-encoding'))
    : null
  if (encoding !== null) {
    headers.set('Content-Encoding', encoding.name)
    const encoder = encoding.create()
    // Either side that ends early ends the other; what was wrong is in the body already.
    pipeline(stream, encoder, () => {})
    stream = encoder
  }
  return new Response(Readable.toWeb(stream) as ReadableStream<Uint8Array>, { headers })
}

function refuse(failure: ClickHouseFailure, id: string): Response {
  const headers = commonHeaders(id)
  headers.set('Content-Type', 'text/plain; charset=UTF-8')
  headers.set('X-ClickHouse-Exception-Code', String(failure.code))
  // The rest of a body that is too large is not read, so the connection cannot be used again.
  if (failure.code === 66) headers.set('Connection', 'close')
  return new Response(failureText(failure), { status: httpStatusOf(failure.code), headers })
}

/** A statement that fails when part of its result is gone already: ClickHouse says so at the end of the body, between
 * marks that its clients know by the header's tag, and people can read. */
async function* withException(
  body: AsyncIterable<Uint8Array>,
  tag: string,
): AsyncGenerator<Uint8Array> {
  try {
    yield* body
  } catch (thrown) {
    const text = failureText(clickHouseFailure(thrown))
    const size = Buffer.byteLength(text)
    const mark = '__exception__'
    yield Buffer.from(`\r\n${mark}\r\n${tag}\r\n${text}${size} ${tag}\r\n${mark}\r\n`)
  }
}

function commonHeaders(id: string): Headers {
  return new Headers({
    'X-ClickHouse-Server-Display-Name': hostname(),
    'X-ClickHouse-Query-Id': id,
  })
}

function summaryText(summary: ReadSummary): string {
  return JSON.stringify({
    read_rows: String(summary.readRows),
    read_bytes: String(summary.readBytes),
    written_rows: '0',
    written_bytes: '0',
    total_rows_to_read: '0',
    result_rows: '0',
    result_bytes: String(summary.resultBytes),
    elapsed_ns: String(summary.elapsedNanoseconds),
  })
}
