/** What `_metadata.json` says of a day's rows, added up while they are read. */
import type { Block } from '../../sinks/lake/native-blocks.ts'
import { addHash } from './table-fingerprints.ts'

export interface Span {
  lowest: bigint
  highest: bigint
}

export class DayTotals {
  rows = 0
  hash = 0n
  eventTime: Span | null = null
  knownAt: Span | null = null
  version: Span | null = null

  add(times: { eventTime: bigint; knownAt: bigint | null; version: bigint | null; hash: bigint }) {
    this.rows += 1
    this.hash = addHash(this.hash, times.hash)
    this.eventTime = widened(this.eventTime, times.eventTime)
    this.knownAt = widened(this.knownAt, times.knownAt)
    this.version = widened(this.version, times.version)
  }
}

function widened(span: Span | null, value: bigint | null): Span | null {
  if (value === null) return span
  if (span === null) return { lowest: value, highest: value }
  if (value < span.lowest) span.lowest = value
  if (value > span.highest) span.highest = value
  return span
}

/** ISO 8601. @param span milliseconds since the epoch */
export function timeExtent(span: Span | null): { lowest: string; highest: string } | null {
  if (span === null) return null
  const text = (ms: bigint) => new Date(Number(ms)).toISOString()
  return { lowest: text(span.lowest), highest: text(span.highest) }
}

export function numberExtent(span: Span | null): { lowest: string; highest: string } | null {
  return span === null ? null : { lowest: String(span.lowest), highest: String(span.highest) }
}

/** The columns of a block that totals and days are taken from. */
export class TotalsColumns {
  readonly #day: number
  readonly #hash: number
  readonly #eventTime: number
  readonly #knownAt: number
  readonly #version: number

  /** @param names of the block's columns; `day` and `hash` are ours */
  constructor(names: readonly string[], day: string, hash: string) {
    this.#day = names.indexOf(day)
    this.#hash = names.indexOf(hash)
    this.#eventTime = names.indexOf('event_time')
    this.#knownAt = names.indexOf('known_at')
    this.#version = names.indexOf('version')
  }

  /** Days since the epoch. */
  dayNumber({ columns }: Block, row: number): number {
    return columns[this.#day]?.[row] as number
  }

  addTo(totals: DayTotals, { columns }: Block, row: number): void {
    const value = (index: number) => (columns[index]?.[row] ?? null) as bigint | null
    totals.add({
      eventTime: value(this.#eventTime) ?? 0n,
      knownAt: value(this.#knownAt),
      version: value(this.#version),
      hash: value(this.#hash) ?? 0n,
    })
  }
}
