/**
 * Where a table may have a time to live. A row that is over is gone for its readers; nothing is handed on, and when that was
 * depends on what else the task has read. A table that is computed from such a table's changes would keep for good what the row
 * has led to, and take a later row of the key for one more; so what follows may look at changes one by one (filter, mapValues,
 * suppress, toStream) and at rows as they are (a join of a stream, queries), and no more.
 */
import type { Draft } from './draft.ts'
import type { Materialized, TablePosition } from './streams.ts'

type Expiring = Pick<TablePosition<unknown, unknown>, 'expiring'>

/** What the position of a table that is kept so says of it. */
export function expiringOf(name: string, { ttlMs }: { readonly ttlMs?: number }): Expiring {
  return ttlMs === undefined ? {} : { expiring: name }
}

/** For a node that computes a table from others. @param kept how its result is */
export function refuseTimesToLive(
  draft: Draft,
  name: string,
  tables: readonly Expiring[],
  kept: Pick<Materialized<unknown, unknown>, 'ttlMs'> = {},
): void {
  for (const expiring of new Set(tables.map((table) => table.expiring))) {
    if (expiring === undefined) continue
    draft.faults.push(
      `node "${name}": rows of table "${expiring}" go after its ttlMs without a change that is handed on, and what is ` +
        'computed from them would stay; leave the ttlMs out and delete rows by records without a value, or join a ' +
        'stream with the table',
    )
  }
  if (kept.ttlMs === undefined) return
  draft.faults.push(
    `node "${name}": after its ttlMs the result would forget rows that the tables it is computed from still hold; ` +
      'leave the ttlMs out',
  )
}
