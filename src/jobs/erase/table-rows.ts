/** Rows of a topology's tables that name a person: told beforehand, and looked for afterwards. */
import type { FactTable } from '../../core/fact-table.ts'
import type { ClickHouse } from '../../sinks/clickhouse/clickhouse.ts'
import {
  qualifiedName,
  quoteIdentifier,
  versionsTable,
} from '../../sinks/clickhouse/fact-table-ddl.ts'
import { ask, runStatement, textLiteral } from '../../sinks/clickhouse/run-statement.ts'

export interface FoundRows {
  readonly table: string
  /** Each version of a row. */
  readonly rows: number
}

/** Names in one query. */
const namesPerQuery = 1000

/** @param columns that name persons, by whatever names tables have them */
export async function rowsOf(
  clickhouse: ClickHouse,
  tables: readonly FactTable[],
  columns: ReadonlySet<string>,
  names: readonly string[],
): Promise<readonly FoundRows[]> {
  const found: FoundRows[] = []
  for (const fact of tables) {
    const versions = versionsTable({ database: fact.database, table: fact.table })
    const all = await ask<{ name: string }>(
      clickhouse,
      `SELECT name FROM system.columns WHERE database = {database:String} AND table = {table:String}
  AND (match(type, '^(Nullable\\\\()?(String|U?Int)') OR startsWith(type, 'LowCardinality'))`,
      { ...versions },
    )
    const named = all.filter(({ name }) => columns.has(name))
    if (named.length === 0) continue
    let rows = 0
    for (let at = 0; at < names.length; at += namesPerQuery) {
      const list = names
        .slice(at, at + namesPerQuery)
        .map(textLiteral)
        .join(', ')
      const where = named.map(({ name }) => `toString(${quoteIdentifier(name)}) IN (${list})`)
      const [count] = await ask<{ rows: string }>(
        clickhouse,
        `SELECT toString(count()) AS rows FROM ${qualifiedName(versions)} WHERE ${where.join(' OR ')}`,
      )
      rows += Number(count?.rows ?? 0)
    }
    found.push({ table: `${fact.database}.${fact.table}`, rows })
  }
  return found
}

const results = { database: 'tidemark', table: 'quality_results' }

/** Examples that checks of quality have told. The table has no topic that it could be made again from. */
export async function eraseQualityDetails(
  clickhouse: ClickHouse,
  names: readonly string[],
): Promise<number> {
  const what = 'erasing from quality results'
  const [live, left] = [results, { ...results, table: 'quality_results_erase' }].map(qualifiedName)
  const drop = `DROP TABLE IF EXISTS ${left} SYNC`
  await runStatement(clickhouse, drop, what)
  const patterns = names.map((name) =>
    textLiteral(`(^|[^\\p{L}\\p{N}])${escaped(name)}([^\\p{L}\\p{N}]|$)`),
  )
  const isNamed = patterns.map((pattern) => `match(detail, ${pattern})`).join(' OR ')
  const [count] = await ask<{ rows: string }>(
    clickhouse,
    `SELECT toString(count()) AS rows FROM ${live} WHERE ${isNamed}`,
  )
  const rows = Number(count?.rows ?? 0)
  if (rows === 0) return 0
  await runStatement(clickhouse, `CREATE TABLE ${left} AS ${live}`, what)
  await runStatement(
    clickhouse,
    `INSERT INTO ${left} SELECT * REPLACE (if(${isNamed}, '', detail) AS detail) FROM ${live}`,
    what,
  )
  await runStatement(clickhouse, `EXCHANGE TABLES ${live} AND ${left}`, what)
  await runStatement(clickhouse, drop, what)
  return rows
}

/** As a pattern that matches the text alone. */
function escaped(text: string): string {
  return text.replaceAll(/[\\^$.|?*+()[\]{}]/g, '\\$&')
}
