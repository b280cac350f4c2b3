/** The tables and views that the migrations and the program make, as the engine itself describes them. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { migrationsDirectory } from '../../src/app/migrations-directory.ts'
import { systemClock } from '../../src/core/clock.ts'
import { wideViewStatement } from '../../src/jobs/features-columns.ts'
import type { ClickHouse } from '../../src/sinks/clickhouse/clickhouse.ts'
import { clusterEpochs } from '../../src/sinks/clickhouse/cluster-epoch.ts'
import { readMigrations, runMigrations } from '../../src/sinks/clickhouse/migrations.ts'
import { openClickHouse } from '../../src/sinks/clickhouse/open-clickhouse.ts'
import { ask } from '../../src/sinks/clickhouse/run-statement.ts'

interface RelationColumn {
  readonly name: string
  /** ClickHouse's type. */
  readonly type: string
  readonly comment: string
}

export interface Relation {
  /** `database.table`. */
  readonly name: string
  readonly isView: boolean
  readonly columns: readonly RelationColumn[]
  /** The tables and views that a view reads, in the order of its statement. */
  readonly reads: readonly string[]
  /** True: each of them gives rows of its own; false: the first that has a column gives it. */
  readonly isUnion: boolean
}

/** Stands for every topic in the names of columns that topics make. */
export const anyTopic = '<topic>'

/** In the order in which the migrations make them; what the program itself makes comes last. */
export async function currentRelations(): Promise<readonly Relation[]> {
  const path = await mkdtemp(join(tmpdir(), 'tidemark-docs-'))
  try {
    const clickhouse = await openClickHouse({ path })
    try {
      await runMigrations(clickhouse, { directory: migrationsDirectory, clock: systemClock })
      await makeOthers(clickhouse)
      const tables = await ask<TableRow>(clickhouse, tablesQuery)
      const columns = await ask<ColumnRow>(clickhouse, columnsQuery)
      const relations = tables.map((table) => relationOf(table, columns, tables))
      const migrations = await readMigrations(migrationsDirectory)
      const sql = migrations.flatMap(({ statements }) => statements).join('\n')
      const placeOf = (relation: Relation) => {
        const place = sql.indexOf(`EXISTS ${relation.name} `)
        return place === -1 ? Infinity : place
      }
      return relations.sort((a, b) => placeOf(a) - placeOf(b))
    } finally {
      await clickhouse.close()
    }
  } finally {
    await rm(path, { recursive: true, force: true })
  }
}

/** What no migration makes and readers see all the same. */
async function makeOthers(clickhouse: ClickHouse): Promise<void> {
  await clickhouse.writer.command({ query: wideViewStatement([anyTopic]) })
  await clusterEpochs(clickhouse, [])
}

interface TableRow {
  readonly name: string
  readonly engine: string
  readonly as_select: string
}

interface ColumnRow extends RelationColumn {
  readonly relation: string
}

const ours = `database NOT IN ('system', 'INFORMATION_SCHEMA', 'information_schema', 'default')`
const tablesQuery = `SELECT concat(database, '.', name) AS name, engine, as_select
FROM system.tables WHERE ${ours} ORDER BY database, name`
const columnsQuery = `SELECT concat(database, '.', table) AS relation, name, type, comment
FROM system.columns WHERE ${ours} ORDER BY database, table, position`

function relationOf(
  { name, engine, as_select }: TableRow,
  columns: readonly ColumnRow[],
  tables: readonly TableRow[],
): Relation {
  const known = new Set(tables.map((table) => table.name))
  const named = new Set(as_select.match(/[a-z_]+\.[a-z_]+/g))
  return {
    name,
    isView: engine === 'View',
    columns: columns
      .filter(({ relation }) => relation === name)
      .map(({ name, type, comment }) => ({ name, type, comment })),
    reads: [...named].filter((table) => known.has(table)),
    isUnion: as_select.includes('UNION ALL'),
  }
}
