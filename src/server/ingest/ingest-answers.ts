/**
 * Answers in the form of Kafka's REST proxy: `{error_code, message}`, where the first three digits of the code
 * are the HTTP status. Codes that are not Confluent's own: 42207 (key), 42208 (partition), 42209 (check),
 * 41301 (record too large), 50302 (disk full), 50303 (Kafka is away).
 */
import type { Context } from 'hono'
import { messageOf, TidemarkError, type ErrorCode } from '../../core/errors.ts'
import { describeFaults } from '../../schema/faults.ts'
import type { IngestReport, RecordOutcome, RecordRefusal } from '../../sources/ingest-port.ts'

const mediaType = 'application/vnd.kafka.v2+json'
/** Of a refused batch; more are counted. */
const errorsListedMax = 100

const errorNumbers: Partial<Record<ErrorCode, number>> = {
  TOPIC_UNKNOWN: 40401,
  PARTITION_UNKNOWN: 42208,
  REQUEST_TOO_LARGE: 413,
  REQUEST_INVALID: 422,
  RECORD_TOO_LARGE: 41301,
  BACK_PRESSURE: 42901,
  DISK_FULL: 50302,
  KAFKA_UNREACHABLE: 50303,
  REGISTRY_UNREACHABLE: 40801,
  SCHEMA_INVALID: 42205,
  SCHEMA_INCOMPATIBLE: 42205,
  SCHEMA_REFUSED: 42203,
  SCHEMA_ID_UNKNOWN: 42205,
  JSON_INVALID: 42206,
  AVRO_CORRUPT: 42206,
  FRAME_INVALID: 42206,
  KEY_MISSING: 42207,
  KEY_MISMATCH: 42207,
  CHECK_FAILED: 42209,
}

export function errorNumberOf(code: ErrorCode): number {
  return errorNumbers[code] ?? 50002
}

export function answer(context: Context, body: unknown, status = 200): Response {
  return context.body(JSON.stringify(body), status as 200, { 'content-type': mediaType })
}

/** A failure under a number of its own, in `details.errorCode`. */
export function restError(
  errorCode: number,
  code: ErrorCode,
  message: string,
  retryAfterMs?: number,
): TidemarkError {
  return new TidemarkError(code, message, {
    details: { errorCode, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
  })
}

const retryAfterMsDefault = 1000

export function answerError(context: Context, thrown: unknown): Response {
  if (!(thrown instanceof TidemarkError)) {
    return answer(context, { error_code: 50002, message: messageOf(thrown) }, 500)
  }
  const own = thrown.details['errorCode']
  const number = typeof own === 'number' ? own : errorNumberOf(thrown.code)
  const status = Number(String(number).slice(0, 3))
  if (status === 429 || status === 503) {
    const wait = thrown.details['retryAfterMs']
    const waitMs = typeof wait === 'number' ? wait : retryAfterMsDefault
    context.header('retry-after', String(Math.max(1, Math.ceil(waitMs / 1000))))
  }
  if (status === 408 || status === 413) context.header('connection', 'close')
  return answer(context, { error_code: number, message: thrown.message }, status)
}

/** One record's place or error, as in the REST proxy; the rest of the fields are ours. */
export function recordAnswer(outcome: RecordOutcome): Record<string, unknown> {
  if (outcome.outcome === 'taken') {
    return { ...outcome.place, error_code: null, error: null }
  }
  if (outcome.outcome === 'held') {
    return { partition: null, offset: null, error_code: null, error: null }
  }
  return {
    partition: null,
    offset: null,
    error_code: errorNumberOf(outcome.refusal.code),
    error: describeFaults(outcome.refusal.faults),
    ...(outcome.outcome === 'quarantined' ? { quarantine_id: outcome.id } : {}),
  }
}

export interface ListedError {
  /** Which record of the request, from 0. */
  readonly index?: number
  /** Which line of the body, from 1. */
  readonly line?: number
  /** Empty for the value itself. */
  readonly field: string
  readonly reason: string
  readonly error_code: number
  readonly quarantine_id?: string
}

export function listedErrors(
  report: IngestReport,
  lineOf?: (position: number) => number,
): readonly ListedError[] {
  const errors: ListedError[] = []
  for (const [position, outcome] of report.outcomes.entries()) {
    if (outcome.outcome === 'taken' || outcome.outcome === 'held') continue
    for (const { path, reason } of outcome.refusal.faults) {
      const line = lineOf?.(position)
      errors.push({
        ...(line === undefined ? { index: position } : { line }),
        field: path,
        reason,
        error_code: errorNumberOf(outcome.refusal.code),
        ...(outcome.outcome === 'quarantined' ? { quarantine_id: outcome.id } : {}),
      })
      if (errors.length >= errorsListedMax) return errors
    }
  }
  return errors
}

/** Nothing was taken: each bad record with its field and reason. */
export function answerRefused(context: Context, topic: string, report: IngestReport): Response {
  const refusals = report.outcomes.flatMap((each) => ('refusal' in each ? [each.refusal] : []))
  return answer(
    context,
    {
      error_code: commonNumber(refusals),
      message:
        `topic ${topic}: ${refusals.length} of ${report.outcomes.length} records refused, nothing was taken; ` +
        'mend them, or send with ?on_error=quarantine or ?on_error=skip',
      errors: listedErrors(report),
      errors_total: refusals.length,
    },
    refusals.every(({ code }) => code === 'RECORD_TOO_LARGE') ? 413 : 422,
  )
}

export function commonNumber(refusals: readonly RecordRefusal[]): number {
  const numbers = new Set(refusals.map(({ code }) => errorNumberOf(code)))
  const [only] = numbers
  return numbers.size === 1 && only !== undefined ? only : 42203
}
