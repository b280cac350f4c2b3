/**
 * A ClickHouse server, over its HTTP interface.
 *
 * Inserts go synchronously and compressed: `async_insert` would answer before, or fail after, other people's rows in
 * the same buffer, and its gathering is done here already. Deduplication of blocks (`insert_deduplicate`) is left as
 * it is: it only saves work, because rows are versioned (law 3).
 */
import { Readable } from 'node:stream'
import { ClickHouseLogLevel, createClient } from '@clickhouse/client'
import type { ClickHouseClient, DataFormat } from '@clickhouse/client'
import { assert } from '../../core/assert.ts'
import { TidemarkError } from '../../core/errors.ts'
import type { TableName } from '../sink.ts'
import type { ClickHouse, ReadRequest, ReadResult } from './clickhouse.ts'
import { clusterLayout } from './cluster-ddl.ts'
import type { ClusterLayout } from './cluster-ddl.ts'
import { qualifiedName } from './fact-table-ddl.ts'
import { clickHouseFailure, sinkError, statementError } from './failure.ts'
import { agentOf } from './http-answer.ts'

export interface ServerOptions {
  readonly url: string
  readonly username?: string
  readonly password?: string
  /** How long one request may take. */
  readonly requestTimeoutMs?: number
  /** More than one server: `ON CLUSTER`, replicated engines. */
  readonly cluster?: Partial<ClusterLayout>
  /** Replicas that have an insert before it is answered (`insert_quorum`); `auto` is more than half. Default 0: one. */
  readonly insertQuorum?: number | 'auto'
  /** Of inserts. Absent: gzip at its fastest level, which costs less than the bytes it saves on most networks. */
  readonly compression?: 'gzip' | 'none'
}

/** Of every statement of ours: what a server's own profile may say otherwise. */
const writerSettings = {
  async_insert: 0,
  // An answer begins when the statement is done, so that its status is the statement's.
  wait_end_of_query: 1,
  session_timezone: 'UTC',
} as const

/** A statement on a cluster fails where one server fails, and is waited for. */
const clusterSettings = { distributed_ddl_output_mode: 'throw' } as const

export async function openServer(options: ServerOptions): Promise<ClickHouse> {
  const common = {
    url: options.url,
    application: 'tidemark',
    // What fails is thrown, and said by whoever knows what it means.
    log: { level: ClickHouseLogLevel.OFF },
    request_timeout: options.requestTimeoutMs ?? 60_000,
    // Servers close idle connections after 10 s (Cloud) or 3 s (default of keep_alive_timeout); one second is below.
    keep_alive: { enabled: true, idle_socket_ttl: 1_000 },
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
  }
  const writer = createClient({
    ...common,
    http_agent: agentOf(options.url),
    compression: { request: options.compression !== 'none', response: false },
    clickhouse_settings:
      options.cluster === undefined ? writerSettings : { ...writerSettings, ...clusterSettings },
  })
  const reader = createClient({
    ...common,
    http_agent: agentOf(options.url),
    clickhouse_settings: { readonly: '1' },
  })
  const server = new ServerClickHouse(
    writer,
    reader,
    clusterLayout(options.cluster ?? {}),
    String(options.insertQuorum ?? 0),
  )
  try {
    await greet(writer, options.url)
    return server
  } catch (thrown) {
    await server.close()
    throw thrown
  }
}

/** @throws TidemarkError SINK_UNAVAILABLE where nobody answers, SINK_REFUSED where the user or database is refused */
async function greet(writer: ClickHouseClient, url: string): Promise<void> {
  const where = new URL(url).host
  const answer = await writer.ping()
  if (!answer.success) {
    const message = `no ClickHouse at ${where}: ${clickHouseFailure(answer.error).message}`
    throw new TidemarkError('SINK_UNAVAILABLE', message, {
      details: { retryAfterMs: 1_000 },
      cause: answer.error,
    })
  }
  try {
    await (await writer.query({ query: 'SELECT 1', format: 'JSONEachRow' })).json()
  } catch (thrown) {
    throw statementError(thrown, `ClickHouse at ${where}`)
  }
}

class ServerClickHouse implements ClickHouse {
  readonly kind = 'server'
  readonly layout: ClusterLayout | null
  readonly writer: ClickHouseClient
  readonly reader: ClickHouseClient
  readonly #insertQuorum: string

  constructor(
    writer: ClickHouseClient,
    reader: ClickHouseClient,
    layout: ClusterLayout | null,
    insertQuorum: string,
  ) {
    this.#insertQuorum = insertQuorum
    this.writer = writer
    this.reader = reader
    this.layout = layout
  }

  async insert(
    table: TableName,
    columns: readonly string[],
    payload: Buffer,
    signal?: AbortSignal,
  ): Promise<void> {
    const [first, ...rest] = columns
    if (first === undefined || payload.length === 0) return
    try {
      await this.writer.insert({
        table: qualifiedName(table),
        columns: [first, ...rest],
        values: Readable.from([payload], { objectMode: false }),
        format: 'TabSeparated',
        ...(this.#insertQuorum === '0'
          ? {}
          : { clickhouse_settings: { insert_quorum: this.#insertQuorum } }),
        ...(signal === undefined ? {} : { abort_signal: signal }),
      })
    } catch (thrown) {
      throw sinkError(thrown, table)
    }
  }

  async read(request: ReadRequest): Promise<ReadResult> {
    // Its own users and grants decide who reads what there.
    assert((request.databases ?? null) === null, 'a server is read without a limit of ours')
    try {
      const result = await this.reader.exec({
        query: request.sql,
        query_params: request.parameters,
        clickhouse_settings: {
          ...request.settings,
          ...(request.database === undefined ? {} : { database: request.database }),
          default_format: request.format as DataFormat,
          max_result_bytes: String(request.resultBytesMax),
          readonly: '1',
        },
        ...(request.signal === undefined ? {} : { abort_signal: request.signal }),
      })
      const named = result.response_headers['x-clickhouse-format']
      return {
        format: typeof named === 'string' ? named : request.format,
        body: result.stream,
        summary: null,
      }
    } catch (thrown) {
      throw clickHouseFailure(thrown)
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.writer.close(), this.reader.close()])
  }
}
