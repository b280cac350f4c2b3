/**
 * Strangers' statements on the embedded engine.
 *
 * Invariants:
 *  1. A statement runs as the guard checked it, on a connection of its own, after `SET readonly = 1`.
 *  2. At most `nativeCallsMax` calls into the engine run at a time: each holds one of libuv's four threads, which
 *     the writer and the state stores need too.
 *  3. At most `statementsMax` statements are open; more are refused with code 202.
 *  4. A statement whose signal aborts is killed in the engine, found by its log_comment.
 *  5. A reader who is limited to databases has a connection with their roles alone: the engine refuses the rest, whatever
 *     the statement makes of it. What no grant covers, the system's tables, is left to `limited-statement.ts`.
 *  6. A stream whose reader takes nothing for `stallMaxMs` is ended: a statement left open holds engine memory.
 */
import { randomUUID } from 'node:crypto'
import { Session } from 'chdb'
import type { ChdbResult } from 'chdb'
import type { Clock } from '../../core/clock.ts'
import type { ReadRequest, ReadResult } from './clickhouse.ts'
import { readingRole } from './engine-config.ts'
import type { EngineLimits } from './engine-config.ts'
import { ClickHouseFailure, clickHouseFailure } from './failure.ts'
import { quoteIdentifier } from './fact-table-ddl.ts'
import { checkLimited } from './limited-statement.ts'
import { Semaphore } from './semaphore.ts'
import { StatementGuard } from './statement-guard.ts'
import type { GuardedStatement } from './statement-guard.ts'

const nativeCallsMax = 2
const statementsMax = 32
const stallMaxMs = 60_000

/** Formats whose chunks, one after the other, are the format of the whole; others repeat headers or brackets. */
const streamableFormats: ReadonlySet<string> = new Set([
  'JSONEachRow',
  'NDJSON',
  'JSONLines',
  'JSONCompactEachRow',
  'JSONStringsEachRow',
  'JSONCompactStringsEachRow',
  'TabSeparated',
  'TSV',
  'TabSeparatedRaw',
  'TSVRaw',
  'CSV',
  'RowBinary',
  'Native',
])

export class EmbeddedReads {
  readonly #engine: Session
  readonly #clock: Clock
  readonly #path: string
  readonly #limits: EngineLimits
  readonly #guard: StatementGuard
  readonly #native = new Semaphore(nativeCallsMax)
  readonly #parsing = new Semaphore(1)
  readonly #open = new Set<AbortController>()
  #idle: () => void = () => {}
  #closing = false

  static async open(
    engine: Session,
    clock: Clock,
    path: string,
    limits: EngineLimits,
  ): Promise<EmbeddedReads> {
    const known = await engine.queryAsync('SELECT name FROM system.table_functions', {
      format: 'TabSeparated',
    })
    const guard = new StatementGuard(lines(known.text()))
    return new EmbeddedReads(engine, clock, path, limits, guard)
  }

  private constructor(
    engine: Session,
    clock: Clock,
    path: string,
    limits: EngineLimits,
    guard: StatementGuard,
  ) {
    this.#engine = engine
    this.#clock = clock
    this.#path = path
    this.#limits = limits
    this.#guard = guard
  }

  async read(request: ReadRequest): Promise<ReadResult> {
    if (this.#closing) throw new ClickHouseFailure(236, 'ABORTED', 'The server is stopping')
    if (this.#open.size >= statementsMax) {
      throw new ClickHouseFailure(
        202,
        'TOO_MANY_SIMULTANEOUS_QUERIES',
        `Too many simultaneous queries. Maximum: ${statementsMax}`,
      )
    }
    const stop = new AbortController()
    const abort = () => {
      stop.abort()
    }
    request.signal?.addEventListener('abort', abort, { once: true })
    if (request.signal?.aborted === true) stop.abort()
    this.#open.add(stop)
    const release = () => {
      request.signal?.removeEventListener('abort', abort)
      this.#open.delete(stop)
      if (this.#open.size === 0) this.#idle()
    }
    let session: Session | null = null
    try {
      const normalized = await this.#normalized(request.sql)
      const statement = this.#guard.check(normalized)
      if (isLimited(request)) checkLimited(normalized, request.database)
      session = new Session(this.#path)
      return await this.#run(session, statement, request, stop.signal, release)
    } catch (thrown) {
      session?.close()
      release()
      throw clickHouseFailure(thrown)
    }
  }

  /** The statement as the engine's own parser reads it. @throws ClickHouseFailure 62 SYNTAX_ERROR */
  async #normalized(sql: string): Promise<string> {
    const call = `SELECT formatQuery(${literal(sql)})`
    try {
      const result = await this.#parsing.run(() =>
        this.#engine.queryAsync(call, { format: 'RawBLOB' }),
      )
      return result.text()
    } catch (thrown) {
      const failure = clickHouseFailure(thrown)
      const inScope = failure.message.lastIndexOf(': In scope SELECT formatQuery(')
      const message = inScope === -1 ? failure.message : failure.message.slice(0, inScope)
      throw new ClickHouseFailure(failure.code, failure.type, message, thrown)
    }
  }

  async #run(
    session: Session,
    statement: GuardedStatement,
    request: ReadRequest,
    signal: AbortSignal,
    release: () => void,
  ): Promise<ReadResult> {
    const format = statement.format ?? request.format
    const streams = statement.isSingleSelect && streamableFormats.has(format)
    const mark = `tidemark-${randomUUID()}`
    const kill = () => {
      void this.#kill(mark)
    }
    signal.addEventListener('abort', kill, { once: true })
    try {
      await this.#native.run(() =>
        session.queryAsync(this.#preamble(request, mark, streams), { format: 'Null' }),
      )
      if (signal.aborted) throw cancelled()
      if (streams) {
        const body = await this.#stream(session, statement.sql, format, signal, () => {
          signal.removeEventListener('abort', kill)
          session.close()
          release()
        })
        return { format, body, summary: null }
      }
      const result = await this.#native.run(async () => {
        if (signal.aborted) throw cancelled()
        return await session.queryAsync(statement.sql, { format })
      })
      session.close()
      release()
      return materialized(format, result)
    } finally {
      if (!streams) signal.removeEventListener('abort', kill)
    }
  }

  #preamble(request: ReadRequest, mark: string, streams: boolean): string {
    const settings = [
      ...Object.entries({ max_memory_usage: String(this.#limits.queryMemoryBytesMax) }),
      ...Object.entries(request.settings),
      ['log_comment', mark] as const,
    ]
    if (!streams) settings.push(['max_result_bytes', String(request.resultBytesMax)])
    const statements = [`SET ${settings.map(assignment).join(', ')}`]
    for (const [name, value] of Object.entries(request.parameters)) {
      statements.push(`SET ${assignment([`param_${name}`, value])}`)
    }
    if (isLimited(request)) {
      const roles = request.databases.map((name) => quoteIdentifier(readingRole(name)))
      statements.push(`SET ROLE ${roles.length === 0 ? 'NONE' : roles.join(', ')}`)
    }
    // Clients send `default` where nobody names a database; the connection is there already.
    const isThere = isLimited(request) && request.database === 'default'
    if (request.database !== undefined && !isThere) {
      statements.push(`USE ${quoteIdentifier(request.database)}`)
    }
    statements.push('SET readonly = 1')
    return statements.join('; ')
  }

  /** Resolves with the first chunk computed, so that a statement that fails at once fails as a whole. */
  async #stream(
    session: Session,
    sql: string,
    format: string,
    signal: AbortSignal,
    done: () => void,
  ): Promise<AsyncIterable<Uint8Array>> {
    const stream = session.queryStream(sql, { format })
    const chunks = stream[Symbol.asyncIterator]()
    const next = () => this.#native.run(() => chunks.next())
    let ended = false
    const end = () => {
      if (ended) return
      ended = true
      forget()
      stream.cancel()
      done()
    }
    // A reader that never comes, or comes no more, would hold the statement for ever (invariant 6).
    let forget = this.#clock.after(stallMaxMs, end)
    signal.addEventListener('abort', end, { once: true })
    const first = await next().catch((thrown: unknown) => {
      end()
      throw thrown
    })
    async function* body(clock: Clock): AsyncGenerator<Uint8Array> {
      try {
        for (let chunk = first; chunk.done !== true; chunk = await next()) {
          forget()
          forget = clock.after(stallMaxMs, end)
          yield chunk.value.raw()
          if (ended) throw cancelled()
        }
        if (ended) throw cancelled()
      } catch (thrown) {
        throw clickHouseFailure(thrown)
      } finally {
        signal.removeEventListener('abort', end)
        end()
      }
    }
    return body(this.#clock)
  }

  /** Invariant 4. Best effort: a statement that is over is not found. */
  async #kill(mark: string): Promise<void> {
    const sql = `KILL QUERY WHERE Settings['log_comment'] = ${literal(mark)} ASYNC`
    try {
      await this.#engine.queryAsync(sql, { format: 'Null' })
    } catch {
      // The engine is closing, and its statements with it.
    }
  }

  async close(): Promise<void> {
    this.#closing = true
    const idle = new Promise<void>((resolve) => {
      this.#idle = resolve
    })
    if (this.#open.size === 0) return
    for (const stop of this.#open) stop.abort()
    await idle
  }
}

type LimitedRequest = ReadRequest & { readonly databases: readonly string[] }

function isLimited(request: ReadRequest): request is LimitedRequest {
  return (request.databases ?? null) !== null
}

function cancelled(): ClickHouseFailure {
  return new ClickHouseFailure(394, 'QUERY_WAS_CANCELLED', 'Query was cancelled')
}

function materialized(format: string, result: ChdbResult): ReadResult {
  const bytes = result.bytes()
  async function* body(): AsyncGenerator<Uint8Array> {
    yield bytes
  }
  return {
    format,
    body: body(),
    summary: {
      readRows: result.rowsRead,
      readBytes: result.bytesRead,
      resultBytes: bytes.length,
      elapsedNanoseconds: Math.round(result.elapsed * 1e9),
    },
  }
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '')
}

function literal(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

const settingName = /^[A-Za-z_]\w*$/

function assignment([name, value]: readonly [string, string]): string {
  if (!settingName.test(name)) {
    throw new ClickHouseFailure(115, 'UNKNOWN_SETTING', `Unknown setting '${name}'`)
  }
  return `${name} = ${literal(value)}`
}
