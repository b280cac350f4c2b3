/** From a row of text to a row with types, or the reasons why not. */
import {
  columnsOf,
  type CleanValues,
  type Column,
  type RawValues,
  type TableSpec,
} from '../../facts/open-university-tables.ts'
import type { QuarantineReason } from '../processor.ts'
import { dayOfPresentationMs, presentationStart } from './presentation.ts'

export interface CleanResult {
  readonly values: CleanValues
  /** Those of level Error refuse the row. */
  readonly faults: readonly QuarantineReason[]
  readonly isGood: boolean
  /** Named by the row. */
  readonly days: readonly number[]
  /** When it happened, milliseconds since the epoch: of the greatest of its days; the epoch where the row does not
   * say its presentation. */
  readonly eventTimeMs: number
}

export type Cleaner = (raw: RawValues) => CleanResult

/** Days and weeks beyond this are slips of the pen; 27 years. */
const daysMax = 10_000
const scoreMost = 100
/** Sums of millionths stay exact whole numbers. */
const scoreMax = 10_000
const numberMax = 1e9

export function cleanerOf(spec: TableSpec): Cleaner {
  const columns = columnsOf(spec)
  return (raw) => {
    const values: Record<string, string | number | null> = {}
    const days: number[] = []
    let faults: QuarantineReason[] | null = null
    let isGood = true
    for (const column of columns) {
      const value = valueOf(column, raw[column.name] ?? null)
      const fault = faultOf(column, value, raw[column.name] ?? null)
      if (fault !== null) {
        faults ??= []
        faults.push(fault)
        if (fault.level === 'Error') {
          isGood = false
          values[column.name] = null
          continue
        }
      }
      values[column.name] = value
      if (column.isDay === true && value !== null) days.push(value as number)
    }
    const code = raw['code_presentation'] ?? null
    const eventTimeMs = code === null ? 0 : dayOfPresentationMs(code, latestOf(days))
    return { values, faults: faults ?? none, isGood, days, eventTimeMs }
  }
}

const none: readonly QuarantineReason[] = []

function latestOf(days: readonly number[]): number {
  return days.length === 0 ? 0 : Math.max(...days)
}

/** Null where it is missing; NaN where it is no number. */
function valueOf({ kind }: Column, cell: string | null): string | number | null {
  if (cell === null || cell === '' || cell === '?') return null
  if (kind === 'text') return cell
  // One way to write a number only: identities are compared as text and as numbers.
  const isNumber =
    kind === 'integer'
      ? /^(0|-?[1-9]\d{0,14})$/.test(cell)
      : /^-?(0|[1-9]\d{0,14})(\.\d+)?$/.test(cell)
  return isNumber ? Number(cell) : NaN
}

function faultOf(
  column: Column,
  value: string | number | null,
  cell: string | null,
): QuarantineReason | null {
  const { name, kind, least } = column
  const found = `${name} is ${cell === null ? 'missing' : JSON.stringify(cell)}`
  if (value === null) {
    if (column.isRequired !== true) return null
    return error(`${name}_required`, `${found}; the row needs it`)
  }
  if (typeof value === 'string') {
    if (name !== 'code_presentation' || presentationStart(value) !== null) return null
    return error(
      `${name}_format`,
      `${found}; expected a year and a month letter, as 2013J, from 1900 to 2250`,
    )
  }
  if (Number.isNaN(value)) {
    const expected = kind === 'integer' ? 'a whole number, without leading zeros' : 'a number'
    return error(`${name}_${kind}`, `${found}; expected ${expected}`)
  }
  if (least !== undefined && value < least) {
    return error(`${name}_least`, `${found}; expected ${least} or more`)
  }
  if (column.isDay === true && Math.abs(value) > daysMax) {
    return error(`${name}_range`, `${found}; expected ${-daysMax} to ${daysMax} days`)
  }
  if (kind === 'integer' && !name.startsWith('id_') && Math.abs(value) > 2 ** 31 - 1) {
    return error(`${name}_range`, `${found}; expected a number of 32 bits`)
  }
  const most = name === 'score' ? scoreMax : numberMax
  if (kind === 'number' && Math.abs(value) > most) {
    return error(`${name}_range`, `${found}; expected ${most} or less`)
  }
  if (name === 'score' && value > scoreMost) {
    return {
      check: 'score_range',
      level: 'Warning',
      reason: `${found}; expected 0 to ${scoreMost}`,
    }
  }
  return null
}

function error(check: string, reason: string): QuarantineReason {
  return { check, level: 'Error', reason }
}
