/** Databases, tables and views that are not there though they were made, and the statements that make them again. */
import type { ClickHouse } from './clickhouse.ts'
import { quoteIdentifier } from './fact-table-ddl.ts'
import { ask, runStatement, textLiteral } from './run-statement.ts'

export interface NamedStatement {
  /** Of the migration. */
  readonly name: string
  readonly statement: string
}

/** `table` is null of a database. */
interface Target {
  readonly verb: string
  readonly database: string
  readonly table: string | null
}

const identifier = '(`(?:[^`\\\\]|\\\\.)+`|"(?:[^"\\\\]|\\\\.)+"|\\w+)'
const targetPattern = new RegExp(
  '^\\s*(CREATE|ALTER|DROP|TRUNCATE|OPTIMIZE|INSERT)\\s+(?:OR\\s+REPLACE\\s+)?' +
    '(DATABASE|TABLE|(?:MATERIALIZED\\s+)?VIEW|DICTIONARY|INTO)\\s+(?:IF\\s+(?:NOT\\s+)?EXISTS\\s+)?' +
    `${identifier}(?:\\.${identifier})?`,
  'i',
)

/** Those of them, in their order, whose target has been made by them and is lost; they are harmless when run again. */
export async function lostStatements(
  clickhouse: ClickHouse,
  statements: readonly NamedStatement[],
): Promise<readonly NamedStatement[]> {
  const made = madeBy(statements)
  if (made.size === 0) return []
  const found = await existing(clickhouse, new Set([...made.values()].map((at) => at.database)))
  return statements.filter(({ statement }) => {
    const target = targetOf(statement)
    if (target === null) return false
    const id = idOf(target)
    return made.has(id) && !found.has(id)
  })
}

/** By what they are known by, with the others of their database gone where that was dropped. */
function madeBy(statements: readonly NamedStatement[]): ReadonlyMap<string, Target> {
  const made = new Map<string, Target>()
  for (const { statement } of statements) {
    const target = targetOf(statement)
    if (target?.verb === 'CREATE') made.set(idOf(target), target)
    if (target?.verb !== 'DROP') continue
    made.delete(idOf(target))
    if (target.table !== null) continue
    for (const [id, { database }] of made) if (database === target.database) made.delete(id)
  }
  return made
}

/** @throws TidemarkError SINK_UNAVAILABLE | SINK_REFUSED */
export async function makeDatabases(
  clickhouse: ClickHouse,
  databases: readonly string[],
): Promise<void> {
  if (databases.length === 0) return
  const found = await existing(clickhouse, new Set(databases))
  for (const database of databases) {
    // Who may not make one may use the one that is there.
    if (found.has(idOf({ database, table: null }))) continue
    const statement = `CREATE DATABASE IF NOT EXISTS ${quoteIdentifier(database)}`
    await runStatement(clickhouse, statement, `database ${database} of a topology`)
  }
}

async function existing(
  clickhouse: ClickHouse,
  databases: ReadonlySet<string>,
): Promise<ReadonlySet<string>> {
  const names = [...databases].map(textLiteral).join()
  const rows = await ask<{ database: string; table: string | null }>(
    clickhouse,
    `SELECT name AS database, NULL AS table FROM system.databases WHERE name IN (${names})
UNION ALL
SELECT database, name AS table FROM system.tables WHERE database IN (${names})`,
  )
  return new Set(rows.map(idOf))
}

function targetOf(statement: string): Target | null {
  const match = targetPattern.exec(statement)
  if (match === null) return null
  const [, verb = '', kind = '', first = '', second] = match
  const isDatabase = kind.toUpperCase() === 'DATABASE'
  // Without a database's name it is a table of whichever is the default.
  if (!isDatabase && second === undefined) return null
  return {
    verb: verb.toUpperCase(),
    database: plain(first),
    table: isDatabase || second === undefined ? null : plain(second),
  }
}

function plain(name: string): string {
  return /^[`"]/.test(name) ? name.slice(1, -1).replace(/\\(.)/g, '$1') : name
}

function idOf({ database, table }: Pick<Target, 'database' | 'table'>): string {
  return JSON.stringify([database, table])
}
