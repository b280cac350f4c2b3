/** Whether a day of the lake has the rows that its table has now, or had when it was written. */
import { qualifiedName } from '../../sinks/clickhouse/fact-table-ddl.ts'
import { ask, textLiteral } from '../../sinks/clickhouse/run-statement.ts'
import type { LakeRun, LakeTable } from './lake-options.ts'
import type { DayMetadata } from './metadata.ts'
import { dayExpression, type Fingerprint } from './table-fingerprints.ts'

export type Comparison =
  | { readonly state: 'same' }
  /** The table has changed since; the next write brings the day up. */
  | { readonly state: 'behind'; readonly reason: string }
  | { readonly state: 'differs'; readonly reason: string }

export async function compareDay(
  { clickhouse }: Pick<LakeRun, 'clickhouse'>,
  table: LakeTable,
  metadata: DayMetadata,
  now: Fingerprint | undefined,
): Promise<Comparison> {
  if (now === undefined)
    return { state: 'behind', reason: 'its rows are gone from the table since' }
  if (now.fingerprint === metadata.fingerprint && now.rows === metadata.rows) {
    return { state: 'same' }
  }
  const highest = metadata.known_at?.highest ?? '1970-01-01T00:00:00.000Z'
  // In ISO 8601 without zone, as ClickHouse's own text of a time in UTC.
  const bound = textLiteral(highest.replace('T', ' ').replace('Z', ''))
  const known = `known_at <= toDateTime64(${bound}, 3, 'UTC')`
  const [answer] = await ask<{ old: string; recent: string }>(
    clickhouse,
    `SELECT toString(countIf(${known})) AS old, toString(countIf(NOT (${known}))) AS recent
     FROM ${qualifiedName(table)} WHERE ${dayExpression} = toDate32(${textLiteral(metadata.day)})`,
  )
  const [old, recent] = [Number(answer?.old ?? 0), Number(answer?.recent ?? 0)]
  if (recent > 0) return { state: 'behind', reason: `${recent} rows were computed since` }
  const left = metadata.rows - old
  if (left > 0) return { state: 'behind', reason: `${left} rows have left the day since` }
  const reason = `the table has other rows of the same age: ${now.rows}, the lake ${metadata.rows}`
  return { state: 'differs', reason }
}
