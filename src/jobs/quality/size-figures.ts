/** How large tables are: rows, bytes and parts on the disk, and what of them is new. */
import { tableName, type TopologyExpectations } from './expectation.ts'
import { ifMeasurable, readRows, type Reading } from './read-rows.ts'
import { figure, type QualityResult } from './result.ts'

export interface TableSize {
  /** Versions of rows, those that are replaced included until the engine has merged them. */
  readonly rows: number
  readonly bytes: number
  readonly parts: number
}

/** By `database.table`, as readers call it. On a cluster of what the server that is asked holds. */
export async function tableSizes(
  reading: Reading,
  topologies: readonly TopologyExpectations[],
): Promise<ReadonlyMap<string, TableSize>> {
  const databases = new Set(
    topologies.flatMap(({ tables }) => tables.map(({ fact }) => fact.database)),
  )
  if (databases.size === 0) return new Map()
  const sizes = readRows<{ name: string } & TableSize>(
    reading,
    `SELECT concat(database, '.', table) AS name, sum(rows) AS rows, sum(bytes_on_disk) AS bytes, count() AS parts
FROM system.parts WHERE active AND database IN (${[...databases].map((name) => `'${name}'`).join(', ')})
GROUP BY database, table`,
  )
  const outcome = await ifMeasurable(sizes)
  if ('reason' in outcome) return new Map()
  return new Map(outcome.value.map((row) => [row.name.replace(/_versions$/, ''), row]))
}

/** @param newRows by table: rows of the period */
export function sizeFigures(
  { topology, tables }: TopologyExpectations,
  sizes: ReadonlyMap<string, TableSize>,
  newRows: ReadonlyMap<string, number>,
): readonly QualityResult[] {
  return tables.flatMap((table) => {
    const name = tableName(table)
    const of = { topology, table: name }
    const { rows, bytes, parts } = sizes.get(name) ?? { rows: 0, bytes: 0, parts: 0 }
    const fresh = newRows.get(name) ?? 0
    return [
      figure(of, 'bytes_on_disk', 'timeliness', {
        measured: bytes,
        rows,
        detail: `${rows} versions of rows in ${parts} parts`,
      }),
      figure(of, 'rows_new', 'timeliness', {
        measured: fresh,
        rows: fresh,
        detail: 'rows of the period',
      }),
    ]
  })
}
