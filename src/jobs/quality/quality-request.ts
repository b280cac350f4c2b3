/** What may be asked of the jobs of quality, and the period that it means. */
import { TidemarkError } from '../../core/errors.ts'
import { parseTime } from '../../core/parse-time.ts'
import { dayMs, periodColumns, type Period, type PeriodColumn } from './period.ts'

export interface QualityRequest {
  /** Empty: all that run. */
  readonly topologies: readonly string[]
  readonly days: number | null
  /** ISO 8601; null: `days` before the end. */
  readonly fromMs: number | null
  /** Null: now. */
  readonly toMs: number | null
  readonly by: PeriodColumn
  readonly scoreMin: number | null
  /** A run that is not older will do instead. */
  readonly ageMaxMs: number
}

const daysMax = 100_000

/** @throws TidemarkError REQUEST_INVALID naming every wrong field */
export function parseQualityRequest(request: unknown, known: readonly string[]): QualityRequest {
  const fields = new Fields(request)
  const parsed = {
    topologies: fields.names('topologies', known),
    days: fields.number('days', 1 / 24, daysMax),
    fromMs: fields.time('from'),
    toMs: fields.time('to'),
    by: fields.oneOf('by', periodColumns) ?? 'known_at',
    scoreMin: fields.number('score_min', 0, 100),
    ageMaxMs: fields.number('age_max_ms', 0, daysMax * dayMs) ?? 0,
  }
  if (parsed.days !== null && parsed.fromMs !== null) fields.fault('days: from says it already')
  if (parsed.fromMs !== null && parsed.toMs !== null && parsed.fromMs >= parsed.toMs) {
    fields.fault('from: expected a time before to')
  }
  fields.done()
  return parsed
}

export function periodOf(
  { days, fromMs, toMs, by }: QualityRequest,
  nowMs: number,
  daysOtherwise: number,
): Period {
  const endMs = toMs ?? nowMs
  const beginMs = fromMs ?? endMs - (days ?? daysOtherwise) * dayMs
  if (beginMs >= endMs) throw refused(['from: expected a time in the past'])
  return { fromMs: beginMs, toMs: endMs, by }
}

export interface ProfileRequest {
  /** `database.table`. */
  readonly table: string
  /** Of the rows that were computed since then; null: all. */
  readonly days: number | null
}

/** @throws TidemarkError REQUEST_INVALID naming every wrong field */
export function parseProfileRequest(request: unknown): ProfileRequest {
  const fields = new Fields(request)
  const table = fields.text('table') ?? ''
  if (!/^[A-Za-z_]\w*\.[A-Za-z_]\w*$/.test(table)) {
    fields.fault('table: expected database.table, as mcq.test_summary_fact')
  }
  const days = fields.number('days', 1 / 24, daysMax)
  fields.done()
  return { table, days }
}

/** Reads fields, and gathers what is wrong with any of them. */
class Fields {
  readonly #values: Readonly<Record<string, unknown>>
  readonly #read = new Set<string>()
  readonly #faults: string[] = []

  constructor(request: unknown) {
    const isRecord = typeof request === 'object' && request !== null && !Array.isArray(request)
    if (!isRecord) this.fault('expected an object of fields')
    this.#values = isRecord ? (request as Record<string, unknown>) : {}
  }

  fault(text: string): void {
    this.#faults.push(text)
  }

  /** @throws TidemarkError REQUEST_INVALID */
  done(): void {
    const unknown = Object.keys(this.#values).filter((name) => !this.#read.has(name))
    const fields = [...this.#read].join(', ')
    for (const name of unknown) this.fault(`${name}: no such field; there are ${fields}`)
    if (this.#faults.length > 0) throw refused(this.#faults)
  }

  text(name: string): string | null {
    const value = this.#value(name)
    if (value === null || typeof value === 'string') return value
    return this.#wrong(name, 'text')
  }

  number(name: string, least: number, most: number): number | null {
    const value = this.#value(name)
    if (value === null) return null
    if (typeof value === 'number' && value >= least && value <= most) return value
    return this.#wrong(name, `a number from ${least} to ${most}`)
  }

  time(name: string): number | null {
    const value = this.#value(name)
    if (value === null) return null
    const ms = typeof value === 'string' ? parseTime(value) : null
    return ms ?? this.#wrong(name, 'a time as 2026-02-28T12:00:00Z')
  }

  oneOf<const T extends string>(name: string, allowed: readonly T[]): T | null {
    const value = this.#value(name)
    if (value === null) return null
    const found = allowed.find((each) => each === value)
    return found ?? this.#wrong(name, `one of ${allowed.join(', ')}`)
  }

  names(name: string, known: readonly string[]): readonly string[] {
    const value = this.#value(name)
    if (value === null) return []
    const list: readonly unknown[] = Array.isArray(value) ? value : [value]
    const wrong = list.find((each) => typeof each !== 'string' || !known.includes(each))
    if (wrong === undefined) return list as readonly string[]
    this.fault(`${name}: ${JSON.stringify(wrong)} is not running; running are ${known.join(', ')}`)
    return []
  }

  #value(name: string): unknown {
    this.#read.add(name)
    return this.#values[name] ?? null
  }

  #wrong(name: string, expected: string): null {
    this.fault(`${name}: expected ${expected}, found ${JSON.stringify(this.#values[name])}`)
    return null
  }
}

function refused(faults: readonly string[]): TidemarkError {
  return new TidemarkError('REQUEST_INVALID', `quality: ${faults.join('; ')}`)
}
