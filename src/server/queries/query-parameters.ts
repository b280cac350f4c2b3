/** What a query's URL says, checked. */
import { TidemarkError } from '../../core/errors.ts'
import type { Partition } from '../../core/record.ts'
import type { Consistency } from './query-router.ts'

export const limitDefault = 100
export const limitMax = 1_000

type Query = Readonly<Record<string, string>>

const known = new Set(['consistency', 'partition', 'limit', 'from', 'to', 'page'])

/** @throws TidemarkError REQUEST_INVALID for one that no query has */
export function refuseUnknown(query: Query, ...absent: readonly string[]): void {
  for (const name of Object.keys(query)) {
    if (known.has(name) && !absent.includes(name)) continue
    throw invalid(name, `this query does not take it; known are ${[...known].join(', ')}`)
  }
}

/** @throws TidemarkError REQUEST_INVALID, as all below */
export function consistencyOf(query: Query): Consistency {
  const given = query['consistency'] ?? 'prefer-active'
  if (given === 'active' || given === 'prefer-active' || given === 'any') return given
  throw invalid('consistency', 'give active, prefer-active or any')
}

export function limitOf(query: Query): number {
  const given = query['limit']
  if (given === undefined) return limitDefault
  if (/^\d{1,5}$/.test(given) && Number(given) >= 1 && Number(given) <= limitMax) {
    return Number(given)
  }
  throw invalid('limit', `give a number from 1 to ${limitMax}`)
}

/** `any`: look in all partitions; absent: where the key belongs. */
export function partitionOf(query: Query, count: number): Partition | 'any' | null {
  const given = query['partition']
  if (given === undefined) return null
  if (given === 'any') return 'any'
  if (/^\d{1,6}$/.test(given) && Number(given) < count) return Number(given) as Partition
  throw invalid('partition', `give a number below ${count}, or any`)
}

const isoDate = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?Z)?$/

/** Milliseconds since the epoch, or ISO 8601 in UTC. */
export function timeOf(query: Query, name: string, absentMs: number): number {
  const given = query[name]
  if (given === undefined) return absentMs
  const timeMs = /^-?\d{1,15}$/.test(given)
    ? Number(given)
    : isoDate.test(given)
      ? Date.parse(given)
      : NaN
  if (Number.isSafeInteger(timeMs)) return timeMs
  throw invalid(name, 'give milliseconds since the epoch, or a time like 2026-01-31T12:00:00Z')
}

function invalid(name: string, what: string): TidemarkError {
  return new TidemarkError('REQUEST_INVALID', `${name}: ${what}`, { details: { parameter: name } })
}
