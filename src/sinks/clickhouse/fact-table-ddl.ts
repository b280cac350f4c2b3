/**
 * The two statements behind a fact table (law 3, `docs/decisions/0003-current-rows-by-view.md`): versions in
 * ReplacingMergeTree, and a view of the plain name whose rows are the current ones. Migrations are written out in
 * plain SQL of this shape; this generator is for tests and for tables whose columns come from a schema.
 */
import type { TableName } from '../sink.ts'

export interface FactColumn {
  readonly name: string
  /** ClickHouse's type, as `Nullable(Float64)`. */
  readonly type: string
}

export interface FactTableDdl {
  readonly table: TableName
  /** Without event_time, known_at, version and is_deleted. */
  readonly columns: readonly FactColumn[]
  readonly keyColumns: readonly string[]
}

export function versionsTable(table: TableName): TableName {
  return { database: table.database, table: `${table.table}_versions` }
}

export function quoteIdentifier(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``
}

export function qualifiedName(table: TableName): string {
  return `${quoteIdentifier(table.database)}.${quoteIdentifier(table.table)}`
}

export function factTableDdl(fact: FactTableDdl): string[] {
  const quote = quoteIdentifier
  const versions = qualifiedName(versionsTable(fact.table))
  const names = [...fact.columns.map(({ name }) => name), 'event_time', 'known_at', 'version']
  return [
    `CREATE DATABASE IF NOT EXISTS ${quote(fact.table.database)}`,
    `CREATE TABLE IF NOT EXISTS ${versions} (
${fact.columns.map(({ name, type }) => `  ${quote(name)} ${type},`).join('\n')}
  event_time DateTime64(3, 'UTC'),
  known_at DateTime64(3, 'UTC'),
  version UInt64,
  is_deleted UInt8 DEFAULT 0
) ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (${fact.keyColumns.map(quote).join(', ')})`,
    `CREATE VIEW IF NOT EXISTS ${qualifiedName(fact.table)} AS
SELECT ${names.map(quote).join(', ')}
FROM ${versions} FINAL`,
  ]
}
