/**
 * Rows of facts into ClickHouse: grouped by table, one insert each, into `<table>_versions` where ReplacingMergeTree
 * keeps the greatest version of a key (law 3). Writing a batch again changes nothing, so retries need no memory
 * of what an earlier attempt had done.
 *
 * Durability: an insert is synced before it resolves (`fsync_after_insert`, embedded; on a server it is the
 * server's setting). An offset committed after `write` therefore never points past rows that a power loss
 * takes. A table that is lost and made anew has another identity, and is filled from its fact topic.
 */
import type { Clock } from '../../core/clock.ts'
import { pause } from '../../core/clock.ts'
import { TidemarkError } from '../../core/errors.ts'
import { isTableLost, lostTableDetail } from '../lost-table.ts'
import type { Row, Sink, TableName, TableRows } from '../sink.ts'
import { BackOff } from './back-off.ts'
import type { ClickHouse } from './clickhouse.ts'
import { askedToWaitDetail, queryError, sinkError } from './failure.ts'
import { versionsTable } from './fact-table-ddl.ts'
import { makeDatabases } from './lost-objects.ts'
import { runMigrations } from './migrations.ts'
import { textLiteral } from './run-statement.ts'
import { TabSeparatedEncoder } from './tab-separated.ts'
import type { Column } from './tab-separated.ts'

export interface ClickHouseSinkOptions {
  readonly clickhouse: ClickHouse
  readonly clock: Clock
  /** Holds the migrations; null where the tables are made otherwise. */
  readonly migrationsDirectory: string | null
  /** Made where they are missing, beside those of the migrations: of tables that somebody else makes. */
  readonly databases?: readonly string[]
  /** Called with who holds the lock of the tables where a set-up waits for it. */
  readonly onWait?: (line: string) => void
  /** Attempts at one insert before SINK_UNAVAILABLE is the caller's. */
  readonly attemptsMax?: number
  readonly retryFirstMs?: number
  readonly retryMaxMs?: number
  /** Between the callers' attempts, once its own are used up. */
  readonly unavailableMaxMs?: number
  /** In [0, 1): spreads attempts. */
  readonly random?: () => number
}

/** A server with too many parts needs merges, which take seconds; another insert at once would add a part. */
const tooManyPartsMs = 2_000

export class ClickHouseSink implements Sink {
  readonly #clickhouse: ClickHouse
  readonly #clock: Clock
  readonly #migrationsDirectory: string | null
  readonly #databases: readonly string[]
  readonly #onWait: (line: string) => void
  readonly #attemptsMax: number
  readonly #retry: () => BackOff
  /** Grows while the server is away or overloaded, over the callers' attempts. */
  readonly #unavailable: BackOff
  readonly #encoders = new Map<string, TabSeparatedEncoder>()
  readonly #closing = new AbortController()

  constructor(options: ClickHouseSinkOptions) {
    this.#clickhouse = options.clickhouse
    this.#clock = options.clock
    this.#migrationsDirectory = options.migrationsDirectory
    this.#databases = options.databases ?? []
    this.#onWait = options.onWait ?? (() => {})
    this.#attemptsMax = options.attemptsMax ?? 5
    const random = options.random ?? Math.random
    const { retryFirstMs: firstMs = 50, retryMaxMs: maxMs = 2_000 } = options
    this.#retry = () => new BackOff({ firstMs, maxMs, random })
    const unavailableMaxMs = options.unavailableMaxMs ?? 30_000
    this.#unavailable = new BackOff({ firstMs: 500, maxMs: unavailableMaxMs, random })
  }

  async setup(signal?: AbortSignal): Promise<void> {
    await makeDatabases(this.#clickhouse, this.#databases)
    if (this.#migrationsDirectory === null) return
    await runMigrations(this.#clickhouse, {
      directory: this.#migrationsDirectory,
      clock: this.#clock,
      onWait: this.#onWait,
      ...(signal === undefined ? {} : { signal }),
    })
  }

  /** The engine's own identity of a table: a new one for each CREATE TABLE, and another where the engine has set
   * broken parts aside, whose rows must come again. A merge that meets a full disk leaves such parts (chdb 26.5). A
   * replica gets broken parts back from the others, and is one table with them: on a cluster by the id that ON CLUSTER
   * gives to all, elsewhere by its path in Keeper. */
  async identitiesOf(
    tables: readonly TableName[],
    signal?: AbortSignal,
  ): Promise<readonly string[]> {
    const [first] = tables
    if (first === undefined) return []
    const all = tables.map(versionsTable)
    const names = all.map(({ database, table }) => `(${[database, table].map(textLiteral).join()})`)
    const rows = await this.#ask<TableIdentity>(
      `SELECT database, name, uuid, engine_full AS engine, (
  SELECT arraySort(groupArray((database, table, name))) FROM system.detached_parts
  WHERE (database, table) IN (${names.join()}) AND startsWith(reason, 'broken')
) AS broken
FROM system.tables WHERE (database, name) IN (${names.join()})`,
      versionsTable(first),
      signal,
    )
    const byName = new Map(rows.map((row) => [`${row.database}.${row.name}`, row]))
    return all.map((versions) => {
      const row = byName.get(`${versions.database}.${versions.table}`)
      if (row === undefined) throw noTable(versions)
      return this.#identity(row)
    })
  }

  #identity({ database, name, uuid, engine, broken }: TableIdentity): string {
    const keeperPath = /^Replicated\w*\('((?:[^'\\]|\\.)*)'/.exec(engine)?.[1]
    if (keeperPath === undefined) {
      const parts = broken.filter((part) => part[0] === database && part[1] === name)
      return [uuid, ...parts.map(([, , part]) => part)].join(' ')
    }
    return (this.#clickhouse.layout?.onCluster ?? null) === null ? keeperPath : uuid
  }

  async write(batches: readonly TableRows[], cut?: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([this.#closing.signal, ...(cut === undefined ? [] : [cut])])
    for (const { table, rows } of groupByTable(batches)) {
      if (rows.length === 0) continue
      const encoder = await this.#encoderOf(table, signal)
      try {
        await this.#insert(versionsTable(table), encoder, encoder.encode(rows), signal)
      } catch (thrown) {
        // The one that is made in its place may have other columns.
        if (isTableLost(thrown)) this.#encoders.clear()
        throw thrown
      }
    }
  }

  async #insert(
    table: TableName,
    encoder: TabSeparatedEncoder,
    payload: Buffer,
    signal: AbortSignal,
  ): Promise<void> {
    const retry = this.#retry()
    for (let attempt = 1; ; attempt++) {
      let floorMs = 0
      try {
        await this.#clickhouse.insert(table, encoder.columns, payload, signal)
        this.#unavailable.succeeded()
        return
      } catch (thrown) {
        const error = sinkError(thrown, table)
        if (error.code !== 'SINK_UNAVAILABLE') throw error
        const tooManyParts = error.details['tooManyParts'] === true
        const isAskedToWait = error.details[askedToWaitDetail] === true
        // The caller gathers a larger batch meanwhile.
        const isLast = attempt >= this.#attemptsMax || tooManyParts || isAskedToWait
        if (tooManyParts) floorMs = tooManyPartsMs
        if (isLast || signal.aborted) throw this.#withRetryAfter(error, floorMs)
      }
      await pause(this.#clock, retry.nextMs(), signal)
    }
  }

  #withRetryAfter(error: TidemarkError, floorMs: number): TidemarkError {
    const ownMs = this.#unavailable.nextMs(floorMs)
    const askedMs = error.details[askedToWaitDetail] === true ? error.details['retryAfterMs'] : 0
    const retryAfterMs = Math.max(ownMs, Number(askedMs))
    return new TidemarkError(error.code, error.message, {
      details: { ...error.details, retryAfterMs },
      cause: error.cause,
    })
  }

  async #encoderOf(table: TableName, signal: AbortSignal): Promise<TabSeparatedEncoder> {
    const versions = versionsTable(table)
    const name = `${versions.database}.${versions.table}`
    const known = this.#encoders.get(name)
    if (known !== undefined) return known
    const all = await this.#columnsOf(versions, signal)
    if (all.length === 0) throw noTable(versions)
    const computed = all.filter(({ isComputed }) => isComputed).map((column) => column.name)
    const columns = all.filter(({ isComputed }) => !isComputed)
    const encoder = new TabSeparatedEncoder(versions, columns, computed)
    this.#encoders.set(name, encoder)
    return encoder
  }

  #columnsOf(table: TableName, signal: AbortSignal): Promise<readonly TableColumn[]> {
    return this.#ask<TableColumn>(
      `SELECT name, type, toBool(default_kind IN ('MATERIALIZED', 'ALIAS', 'EPHEMERAL')) AS isComputed
FROM system.columns WHERE database = {database:String} AND table = {table:String}
ORDER BY position`,
      table,
      signal,
    )
  }

  /** What the engine knows of a table. */
  async #ask<Answer>(
    query: string,
    table: TableName,
    signal?: AbortSignal,
  ): Promise<readonly Answer[]> {
    try {
      const result = await this.#clickhouse.writer.query({
        query,
        query_params: { database: table.database, table: table.table },
        format: 'JSONEachRow',
        ...(signal === undefined ? {} : { abort_signal: signal }),
      })
      return await result.json<Answer>()
    } catch (thrown) {
      const error = sinkError(thrown, table)
      throw error.code === 'SINK_UNAVAILABLE' ? error : queryError(thrown)
    }
  }

  /** The handle belongs to whoever opened it. */
  close(): Promise<void> {
    this.#closing.abort()
    return Promise.resolve()
  }
}

interface TableColumn extends Column {
  /** Not written: the engine computes it. */
  readonly isComputed: boolean
}

interface TableIdentity {
  readonly database: string
  readonly name: string
  readonly uuid: string
  readonly engine: string
  /** Of all the tables that were asked for. */
  readonly broken: readonly (readonly [database: string, table: string, part: string])[]
}

function noTable(table: TableName): TidemarkError {
  const message =
    `ClickHouse has no table ${table.database}.${table.table}: the migrations make those of the bundled ` +
    'topologies, and whoever has another topology makes its tables (docs/clickhouse.md)'
  const details = { ...table, [lostTableDetail]: true }
  return new TidemarkError('SINK_REFUSED', message, { details })
}

function groupByTable(batches: readonly TableRows[]): Iterable<TableRows> {
  const groups = new Map<string, { table: TableName; rows: Row[] }>()
  for (const { table, rows } of batches) {
    const name = `${table.database}.${table.table}`
    const group = groups.get(name)
    if (group === undefined) groups.set(name, { table, rows: [...rows] })
    else for (const row of rows) group.rows.push(row)
  }
  return groups.values()
}
