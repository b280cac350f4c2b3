/**
 * ClickHouse as the rest of the product sees it: the same handle over the engine inside this process (chdb) and
 * over a server. Whoever holds it can write; what is given to readers goes through `read`, which cannot.
 */
import type { ClickHouseClient } from '@clickhouse/client'
import type { TableName } from '../sink.ts'
import type { ClusterLayout } from './cluster-ddl.ts'

export interface ReadRequest {
  readonly sql: string
  /** Used where the statement names no FORMAT. */
  readonly format: string
  readonly database?: string
  /** The only ones that may be read; null: all. */
  readonly databases?: readonly string[] | null
  /** Settings for this statement alone. */
  readonly settings: Readonly<Record<string, string>>
  /** `{name:Type}` in the statement; the text is ClickHouse's escaped form, as in `param_name` over HTTP. */
  readonly parameters: Readonly<Record<string, string>>
  /** Materialized results above this are refused (code 396); streamed ones are bounded by their chunks. */
  readonly resultBytesMax: number
  readonly signal?: AbortSignal
}

export interface ReadResult {
  /** The format that the result is in. */
  readonly format: string
  readonly body: AsyncIterable<Uint8Array>
  /** Null where the result is still being computed. */
  readonly summary: ReadSummary | null
}

export interface ReadSummary {
  readonly readRows: number
  readonly readBytes: number
  readonly resultBytes: number
  readonly elapsedNanoseconds: number
}

export interface ClickHouse {
  readonly kind: 'embedded' | 'server'
  /** How statements that change tables are written for more than one server; null: as they are. */
  readonly layout: ClusterLayout | null
  /** Trusted: migrations and sinks. */
  readonly writer: ClickHouseClient
  /** Our own questions to the tables; the engine refuses every write on it. */
  readonly reader: ClickHouseClient

  /** Inserts rows in TabSeparated form; they are queryable when it resolves.
   * @param signal cuts a request to a server, which may have the rows all the same; the engine in this process ends what
   * it has begun
   * @throws TidemarkError SINK_UNAVAILABLE | SINK_REFUSED */
  insert(
    table: TableName,
    columns: readonly string[],
    payload: Buffer,
    signal?: AbortSignal,
  ): Promise<void>

  /** Runs one statement of a stranger: it reads our tables and nothing else, and changes nothing.
   * @throws ClickHouseFailure with ClickHouse's own code */
  read(request: ReadRequest): Promise<ReadResult>

  close(): Promise<void>
}
