/** ClickHouse's own error, by its number: what readers are told, and what a sink does about it. */
import { messageOf, TidemarkError } from '../../core/errors.ts'
import type { TableName } from '../sink.ts'

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
  const text = messageOf(thrown).replace(versionPattern, '').trim()
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

/** Failures that pass by themselves: memory, space, parts to merge, the network, a server that restarts. */
const passingCodes: ReadonlySet<number> = new Set([
  159, // TIMEOUT_EXCEEDED
  202, // TOO_MANY_SIMULTANEOUS_QUERIES
  203, // NO_FREE_CONNECTION
  209, // SOCKET_TIMEOUT
  210, // NETWORK_ERROR
  236, // ABORTED
  241, // MEMORY_LIMIT_EXCEEDED
  242, // TABLE_IS_READ_ONLY
  243, // NOT_ENOUGH_SPACE
  252, // TOO_MANY_PARTS
  279, // ALL_CONNECTION_TRIES_FAILED
  285, // TOO_FEW_LIVE_REPLICAS
  319, // UNKNOWN_STATUS_OF_INSERT
  394, // QUERY_WAS_CANCELLED
  439, // CANNOT_SCHEDULE_TASK
  473, // DEADLOCK_AVOIDED
  999, // KEEPER_EXCEPTION
])

const passingSystemCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
])

function passes(thrown: unknown, failure: ClickHouseFailure): boolean {
  if (failure.code !== 0) return passingCodes.has(failure.code)
  const system = (thrown as { code?: unknown } | null)?.code
  if (typeof system === 'string' && passingSystemCodes.has(system)) return true
  return /timeout|socket hang up|closed/i.test(messageOf(thrown))
}

/** How long a caller waits before it offers the same rows again. */
const retryAfterMs = 1_000

export function sinkError(thrown: unknown, table: TableName): TidemarkError {
  if (thrown instanceof TidemarkError) return thrown
  const failure = clickHouseFailure(thrown)
  const details = { database: table.database, table: table.table, clickhouseCode: failure.code }
  const where = `${table.database}.${table.table}`
  if (passes(thrown, failure)) {
    const message = `ClickHouse cannot take rows of ${where} now: ${failure.message}`
    return new TidemarkError('SINK_UNAVAILABLE', message, {
      details: { ...details, retryAfterMs },
      cause: thrown,
    })
  }
  const message = `ClickHouse refused rows of ${where}: code ${failure.code}, ${failure.message}`
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
