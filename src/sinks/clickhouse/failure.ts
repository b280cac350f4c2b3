/** ClickHouse's own error, by its number: what readers are told, and what a sink does about it. */
import { messageOf, TidemarkError, type ErrorDetails } from '../../core/errors.ts'
import { lostTableDetail } from '../lost-table.ts'
import type { TableName } from '../sink.ts'
import { httpAnswerIn, statusPasses, withoutMarkup } from './http-answer.ts'
import { passingCodes, tooManyParts } from './passing-codes.ts'

export class ClickHouseFailure extends Error {
  override readonly name = 'ClickHouseFailure'
  /** ClickHouse's number: 60 is UNKNOWN_TABLE. */
  readonly code: number
  /** ClickHouse's name of the number. */
  readonly type: string

  constructor(code: number, type: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.type = type
  }
}

const codePattern = /Code: (\d+)\./
const typePattern = /\(([A-Z][A-Z0-9_]+)\)(?:\s*\(version [^)]*\)\)?\.?)?\s*$/
const versionPattern = /\s*\(version [^)]*\)\.?/g

/** Reads `Code: N. DB::Exception: text (NAME)` out of whatever the driver threw. */
export function clickHouseFailure(thrown: unknown): ClickHouseFailure {
  if (thrown instanceof ClickHouseFailure) return thrown
  // What we made of it says the engine's words again, and has no number of its own.
  if (thrown instanceof TidemarkError && thrown.cause !== undefined) {
    return clickHouseFailure(thrown.cause)
  }
  const text = withoutMarkup(messageOf(thrown).replace(versionPattern, '').trim())
  const own = thrown as { code?: unknown; type?: unknown; clickhouseCode?: unknown } | null
  const code = codePattern.exec(text)?.[1] ?? own?.clickhouseCode ?? own?.code
  const type = typePattern.exec(text)?.[1] ?? own?.type
  return new ClickHouseFailure(
    Number.isInteger(Number(code)) ? Number(code) : 0,
    typeof type === 'string' ? type : 'UNKNOWN_EXCEPTION',
    text
      .replace(/^Query failed: /, '')
      .replace(/^(Code: \d+\. )?DB::(Net)?Exception: /, '')
      .replace(/^Code: \d+\. DB::(Net)?Exception: /, '')
      .replace(/(\s*\([A-Z][A-Z0-9_]+\))+\.?$/, '')
      .replace(/\.+$/, ''),
    thrown,
  )
}

/** It was there when the work began, and can be made again. */
const lostCodes: ReadonlySet<number> = new Set([
  60, // UNKNOWN_TABLE
  81, // UNKNOWN_DATABASE
  218, // TABLE_IS_DROPPED: while rows were on their way into it
])

/** What a person has to mend before any row gets in, by ClickHouse's number. */
const remedies: ReadonlyMap<number, string> = new Map([
  [60, 'the table is not there; an instance makes those of its migrations by itself'],
  [81, 'the database is not there; an instance makes those of its tables by itself'],
  [164, 'the user may only read; give it a profile without `readonly`'],
  [192, 'no such user; set clickhouse.username'],
  [193, 'the password is wrong; set clickhouse.password'],
  [194, 'the user has a password; set clickhouse.password'],
  [291, 'the user may not use this database; GRANT it'],
  [497, 'the user lacks a right; GRANT what the message names'],
  [516, 'the name or the password is wrong; set clickhouse.username and clickhouse.password'],
])

const passingSystemCodes: ReadonlySet<string> = new Set([
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
  'HPE_INVALID_CONSTANT',
  'UND_ERR_SOCKET',
])

function passes(thrown: unknown, failure: ClickHouseFailure): boolean {
  if (failure.code !== 0) return passingCodes.has(failure.code)
  const system = (thrown as { code?: unknown } | null)?.code
  if (typeof system === 'string' && passingSystemCodes.has(system)) return true
  // Between us and a server stand balancers, whose answers are none of ClickHouse's.
  const answer = httpAnswerIn(failure.message)
  if (answer !== null) return statusPasses(answer.status)
  return /time-?out|socket hang up|closed|aborted|bad gateway|unavailable|upstream|overloaded/i.test(
    messageOf(thrown),
  )
}

/** How long a caller waits before it offers the same rows again, where nobody knows better. */
const retryAfterMs = 1_000

/** Present where `retryAfterMs` is what the answer has asked for. */
export const askedToWaitDetail = 'askedToWait'

function detailsOf({ code }: ClickHouseFailure): ErrorDetails {
  return { clickhouseCode: code, ...(lostCodes.has(code) ? { [lostTableDetail]: true } : {}) }
}

/** When to come back, and whether somebody in between has asked for that. */
function waitOf({ message }: ClickHouseFailure): ErrorDetails {
  const askedMs = httpAnswerIn(message)?.retryAfterMs ?? null
  return askedMs === null ? { retryAfterMs } : { retryAfterMs: askedMs, [askedToWaitDetail]: true }
}

export function sinkError(thrown: unknown, table: TableName): TidemarkError {
  if (thrown instanceof TidemarkError) return thrown
  const failure = clickHouseFailure(thrown)
  const details = { database: table.database, table: table.table, ...detailsOf(failure) }
  const where = `${table.database}.${table.table}`
  if (passes(thrown, failure)) {
    const message = `ClickHouse cannot take rows of ${where} now: ${failure.message}`
    return new TidemarkError('SINK_UNAVAILABLE', message, {
      details: { ...details, ...waitOf(failure), tooManyParts: failure.code === tooManyParts },
      cause: thrown,
    })
  }
  const remedy = remedies.get(failure.code)
  const message =
    `ClickHouse refused rows of ${where}: ${numberOf(failure)}${failure.message}` +
    (remedy === undefined ? '' : ` (${remedy})`)
  return new TidemarkError('SINK_REFUSED', message, { details, cause: thrown })
}

/** What a gateway says has none. */
function numberOf({ code, message }: ClickHouseFailure): string {
  return code === 0 && httpAnswerIn(message) !== null ? '' : `code ${code}, `
}

/** Of a statement that is not about one table's rows: a migration, a lock. */
export function statementError(thrown: unknown, what: string): TidemarkError {
  if (thrown instanceof TidemarkError) return thrown
  const failure = clickHouseFailure(thrown)
  const details = detailsOf(failure)
  if (passes(thrown, failure)) {
    return new TidemarkError('SINK_UNAVAILABLE', `ClickHouse, ${what}: ${failure.message}`, {
      details: { ...details, ...waitOf(failure) },
      cause: thrown,
    })
  }
  const remedy = remedies.get(failure.code)
  const message = `${what}: ${failure.message}${remedy === undefined ? '' : ` (${remedy})`}`
  return new TidemarkError('SINK_REFUSED', message, { details, cause: thrown })
}

export function queryError(thrown: unknown): TidemarkError {
  if (thrown instanceof TidemarkError) return thrown
  const failure = clickHouseFailure(thrown)
  return new TidemarkError('QUERY_FAILED', `ClickHouse: ${failure.message}`, {
    details: { clickhouseCode: failure.code, clickhouseType: failure.type },
    cause: thrown,
  })
}
