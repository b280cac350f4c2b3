/** A ClickHouse server, over its HTTP interface. */
import { Readable } from 'node:stream'
import { ClickHouseLogLevel, createClient } from '@clickhouse/client'
import type { ClickHouseClient, DataFormat } from '@clickhouse/client'
import { TidemarkError } from '../../core/errors.ts'
import type { TableName } from '../sink.ts'
import type { ClickHouse, ReadRequest, ReadResult } from './clickhouse.ts'
import { qualifiedName } from './fact-table-ddl.ts'
import { clickHouseFailure, sinkError } from './failure.ts'

export interface ServerOptions {
  readonly url: string
  readonly username?: string
  readonly password?: string
  /** How long one request may take. */
  readonly requestTimeoutMs?: number
}

export async function openServer(options: ServerOptions): Promise<ClickHouse> {
  const common = {
    url: options.url,
    application: 'tidemark',
    // What fails is thrown, and said by whoever knows what it means.
    log: { level: ClickHouseLogLevel.OFF },
    request_timeout: options.requestTimeoutMs ?? 60_000,
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
  }
  const writer = createClient(common)
  const reader = createClient({ ...common, clickhouse_settings: { readonly: '1' } })
  const server = new ServerClickHouse(writer, reader)
  const answer = await writer.ping()
  if (!answer.success) {
    await server.close()
    throw new TidemarkError('SINK_UNAVAILABLE', `no ClickHouse at ${options.url}`, {
      details: { retryAfterMs: 1_000 },
      cause: answer.error,
    })
  }
  return server
}

class ServerClickHouse implements ClickHouse {
  readonly kind = 'server'
  readonly writer: ClickHouseClient
  readonly reader: ClickHouseClient

  constructor(writer: ClickHouseClient, reader: ClickHouseClient) {
    this.writer = writer
    this.reader = reader
  }

  async insert(table: TableName, columns: readonly string[], payload: Buffer): Promise<void> {
    const [first, ...rest] = columns
    if (first === undefined || payload.length === 0) return
    try {
      await this.writer.insert({
        table: qualifiedName(table),
        columns: [first, ...rest],
        values: Readable.from([payload], { objectMode: false }),
        format: 'TabSeparated',
      })
    } catch (thrown) {
      throw sinkError(thrown, table)
    }
  }

  async read(request: ReadRequest): Promise<ReadResult> {
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
