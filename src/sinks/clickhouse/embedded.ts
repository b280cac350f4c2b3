/**
 * ClickHouse inside this process: chdb, behind `@clickhouse/client` by `chdb/connection`.
 *
 * One process holds one data directory, and its first connection brings the engine's configuration; the others
 * share the engine, each with settings of its own. So a reader's statement gets a connection of its own (0.2 ms
 * to open), whose last setting before the statement is `readonly = 1`, which nothing takes back.
 */
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createClient } from '@clickhouse/client'
import type { ClickHouseClient, ClickHouseClientConfigOptions } from '@clickhouse/client'
import { drainPending, Session } from 'chdb'
import { createChdbConnection } from 'chdb/connection'
import type { ChdbConnection } from 'chdb/connection'
import { systemClock } from '../../core/clock.ts'
import type { Clock } from '../../core/clock.ts'
import { messageOf, TidemarkError } from '../../core/errors.ts'
import type { TableName } from '../sink.ts'
import type { ClickHouse, ReadRequest, ReadResult } from './clickhouse.ts'
import { EmbeddedReads } from './embedded-reads.ts'
import { defaultEngineLimits, engineConfig } from './engine-config.ts'
import type { EngineLimits } from './engine-config.ts'
import { sinkError } from './failure.ts'

export interface EmbeddedOptions {
  /** The engine's own directory; made where it is missing. */
  readonly path: string
  readonly limits?: Partial<EngineLimits>
  readonly clock?: Clock
  /** Databases that some readers are limited to (`ReadRequest.databases`). */
  readonly readDatabases?: readonly string[]
}

export async function openEmbedded(options: EmbeddedOptions): Promise<ClickHouse> {
  const path = resolve(options.path)
  const limits = { ...defaultEngineLimits, ...options.limits }
  try {
    await mkdir(path, { recursive: true })
    const config = await writeConfig(path, limits, options.readDatabases ?? [])
    // An engine that a handle before this one has just let go of.
    await drainPending()
    const engine = new Session(path, { connectionArgs: [`--config-file=${config}`] })
    return await EmbeddedClickHouse.over(engine, options.clock ?? systemClock, path, limits)
  } catch (thrown) {
    if (thrown instanceof TidemarkError) throw thrown
    if (/ENOSPC|no space left|not enough space|NOT_ENOUGH_SPACE/i.test(messageOf(thrown))) {
      const message = `no space is left to open the ClickHouse engine in ${path}; free some space`
      throw new TidemarkError('DISK_FULL', message, { cause: thrown, details: { path } })
    }
    const message = `cannot open the ClickHouse engine in ${path}: ${messageOf(thrown)}`
    throw new TidemarkError('DATA_DIR_IN_USE', message, { cause: thrown, details: { path } })
  }
}

/** Written aside and renamed: a half-written file would keep the engine from starting. */
async function writeConfig(
  path: string,
  limits: EngineLimits,
  readDatabases: readonly string[],
): Promise<string> {
  const config = join(path, 'engine.xml')
  await writeFile(`${config}.new`, engineConfig(config, limits, readDatabases))
  await rename(`${config}.new`, config)
  return config
}

type ClientConnection = NonNullable<ClickHouseClientConfigOptions['connection']>

/** The same interface; chdb declares it against a copy of the client's types that is a little older. */
function connectionOf(connection: ChdbConnection): ClientConnection {
  return connection as unknown as ClientConnection
}

class EmbeddedClickHouse implements ClickHouse {
  readonly kind = 'embedded'
  readonly layout = null
  readonly writer: ClickHouseClient
  readonly reader: ClickHouseClient
  readonly #engine: Session
  readonly #writing: ChdbConnection
  readonly #reads: EmbeddedReads
  #closed = false

  static async over(
    engine: Session,
    clock: Clock,
    path: string,
    limits: EngineLimits,
  ): Promise<ClickHouse> {
    const reads = await EmbeddedReads.open(engine, clock, path, limits)
    const reading = createChdbConnection({ path })
    await reading.chdb.queryAsync('SET readonly = 1')
    return new EmbeddedClickHouse(engine, createChdbConnection({ path }), reading, reads)
  }

  private constructor(
    engine: Session,
    writing: ChdbConnection,
    reading: ChdbConnection,
    reads: EmbeddedReads,
  ) {
    this.#engine = engine
    this.#writing = writing
    this.#reads = reads
    this.writer = createClient({ connection: connectionOf(writing) })
    this.reader = createClient({ connection: connectionOf(reading) })
  }

  /** Past `client.insert`, which would copy the payload into a string of the statement's text. */
  async insert(table: TableName, columns: readonly string[], payload: Buffer): Promise<void> {
    if (payload.length === 0) return
    try {
      await this.#writing.chdb.rawInsert({
        table: `${table.database}.${table.table}`,
        columns,
        values: payload,
        format: 'TabSeparated',
      })
    } catch (thrown) {
      throw sinkError(thrown, table)
    }
  }

  read(request: ReadRequest): Promise<ReadResult> {
    return this.#reads.read(request)
  }

  /** Waits for what still runs: a connection closed under a running statement aborts the engine. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#reads.close()
    await drainPending()
    await this.reader.close()
    await this.writer.close()
    this.#engine.close()
    await drainPending()
  }
}
