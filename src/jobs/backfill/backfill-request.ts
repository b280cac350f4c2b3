/** What a backfill is asked for, as it comes over the wire. */
import { TidemarkError } from '../../core/errors.ts'
import { parseTime } from '../../core/parse-time.ts'

export interface BackfillRequest {
  readonly topology: string
  /** Rows whose event time is in [start, end), milliseconds since the epoch; null is open. */
  readonly startMs: number | null
  readonly endMs: number | null
  /** `database.table` or `table`; empty: all of the topology. */
  readonly tables: readonly string[]
  /** Compares, and changes nothing. */
  readonly dryRun: boolean
  /** Goes on where the log no longer has the first events: rows that those left behind stay. */
  readonly retainedOnly: boolean
}

const known = ['topology', 'start', 'end', 'tables', 'dry_run', 'retained_only']

/** @throws TidemarkError REQUEST_INVALID */
export function readBackfillRequest(json: unknown): BackfillRequest {
  if (typeof json !== 'object' || json === null) throw invalid('the request must be an object')
  const fields = json as Readonly<Record<string, unknown>>
  const unknown = Object.keys(fields).find((name) => !known.includes(name))
  if (unknown !== undefined) throw invalid(`${unknown} is not known; known are ${known.join(', ')}`)
  const { topology, start = null, end = null, tables = [] } = fields
  if (typeof topology !== 'string' || topology === '') throw invalid('topology must be a text')
  if (!Array.isArray(tables) || !tables.every((name) => typeof name === 'string')) {
    throw invalid('tables must be an array of texts')
  }
  const [startMs, endMs] = [timeOf('start', start), timeOf('end', end)]
  if (startMs !== null && endMs !== null && startMs >= endMs) {
    throw invalid('start must be before end: rows at the end itself are left out')
  }
  return {
    topology,
    startMs,
    endMs,
    tables,
    dryRun: flagOf('dry_run', fields['dry_run']),
    retainedOnly: flagOf('retained_only', fields['retained_only']),
  }
}

function timeOf(name: string, value: unknown): number | null {
  if (value === null) return null
  const time = typeof value === 'string' ? parseTime(value) : null
  if (time === null) {
    throw invalid(
      `${name} ${JSON.stringify(value)}: write it as 2024-06-01T10:00:00Z or "2024:06:01 10"`,
    )
  }
  return time
}

function flagOf(name: string, value: unknown = false): boolean {
  if (typeof value !== 'boolean') throw invalid(`${name} must be true or false`)
  return value
}

function invalid(message: string): TidemarkError {
  return new TidemarkError('REQUEST_INVALID', message)
}
