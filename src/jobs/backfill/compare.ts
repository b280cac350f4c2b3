/**
 * The rows of a replay beside the current ones, compared in ClickHouse. Rows are the same where all columns are but
 * `known_at` and `version`, which tell when and where a row was computed. Large tables are compared in parts of keys, so that no
 * part takes more memory than the engine has.
 */
import type { ClickHouse } from '../../sinks/clickhouse/clickhouse.ts'
import {
  qualifiedName,
  quoteIdentifier,
  versionsTable,
} from '../../sinks/clickhouse/fact-table-ddl.ts'
import { ask } from '../../sinks/clickhouse/run-statement.ts'
import type { ReadableFact } from '../../sinks/fact-rows.ts'
import type { TableName } from '../../sinks/sink.ts'
import { replayedTable } from './shadow-tables.ts'

/** `changed`: another one by now than when the replay began, and left alone. */
export type RowKind = 'same' | 'different' | 'missing' | 'extra' | 'changed'

export interface Window {
  /** Of `event_time`, milliseconds since the epoch; null is open. */
  readonly startMs: number | null
  readonly endMs: number | null
}

export interface Comparison {
  readonly fact: ReadableFact
  readonly window: Window
  /** Rows that were computed from then on are another matter. */
  readonly begunAtMs: number
  readonly columns: readonly ComparedColumn[]
  /** Of keys; each is compared by itself. */
  readonly parts: number
}

interface ComparedColumn {
  readonly name: string
  readonly type: string
}

export type RowCounts = Readonly<Record<RowKind, number>>

export interface RowExample {
  readonly kind: RowKind
  readonly key: Readonly<Record<string, string>>
  /** As texts; null where there is no row. */
  readonly columns: Readonly<
    Record<string, { readonly live: string | null; readonly replay: string | null }>
  >
}

const rowsPerPartMax = 500_000
const examplesMax = 3
const metadata = ['known_at', 'version', 'is_deleted']

/** Once the replayed table is filled. */
export async function comparisonOf(
  clickhouse: ClickHouse,
  fact: ReadableFact,
  window: Window,
  begunAtMs: number,
): Promise<Comparison> {
  const columns = await ask<ComparedColumn>(
    clickhouse,
    `SELECT name, type FROM system.columns
WHERE database = {database:String} AND table = {table:String}
  AND default_kind NOT IN ('MATERIALIZED', 'ALIAS', 'EPHEMERAL') ORDER BY position`,
    { ...versionsTable(fact) },
  )
  const [rows] = await ask<{ count: string }>(
    clickhouse,
    `SELECT toString((SELECT count() FROM ${versionsOf(fact)}) + (SELECT count() FROM ${versionsOf(replayedTable(fact))})) AS count`,
  )
  return {
    fact,
    window,
    begunAtMs,
    columns: columns.filter(({ name }) => !metadata.includes(name)),
    parts: Math.max(1, Math.ceil(Number(rows?.count ?? 0) / rowsPerPartMax)),
  }
}

export async function countRows(
  clickhouse: ClickHouse,
  comparison: Comparison,
): Promise<RowCounts> {
  const counts = { same: 0, different: 0, missing: 0, extra: 0, changed: 0 }
  for (let part = 0; part < comparison.parts; part += 1) {
    const found = await ask<{ kind: RowKind; rows: string }>(
      clickhouse,
      `SELECT kind, toString(count()) AS rows FROM (${comparedRows(comparison, part)}) GROUP BY kind`,
    )
    for (const { kind, rows } of found) counts[kind] += Number(rows)
  }
  return counts
}

/** A few of each kind that is not as it should be. */
export async function exampleRows(
  clickhouse: ClickHouse,
  comparison: Comparison,
): Promise<readonly RowExample[]> {
  const { fact, columns } = comparison
  const examples: RowExample[] = []
  for (let part = 0; part < comparison.parts && examples.length < examplesMax; part += 1) {
    const keys = keyList(fact)
    const wanted = `SELECT ${keys}, kind FROM (${comparedRows(comparison, part)})
WHERE kind IN ('different', 'missing', 'extra') ORDER BY ${keys} LIMIT ${examplesMax} BY kind`
    const texts = `[${columns.map(({ name, type }) => textOf(name, type)).join(', ')}]`
    const side = (number: number, table: TableName) =>
      `SELECT ${number} AS side, ${keys}, ${texts} AS texts FROM ${versionsOf(table)} FINAL
WHERE (${keys}) IN (SELECT ${keys} FROM (${wanted}))`
    const found = await ask<FoundExample>(
      clickhouse,
      `SELECT any(kind) AS kind, anyIf(texts, side = 0) AS live, anyIf(texts, side = 1) AS replay
FROM (${side(0, fact)} UNION ALL ${side(1, replayedTable(fact))}) AS rows
INNER JOIN (${wanted}) AS wanted USING (${keys})
GROUP BY ${keys} ORDER BY ${keys}`,
    )
    examples.push(...found.map((row) => exampleOf(row, comparison)))
  }
  return examples
}

interface FoundExample {
  readonly kind: RowKind
  readonly live: readonly (string | null)[]
  readonly replay: readonly (string | null)[]
}

function exampleOf(
  { kind, live, replay }: FoundExample,
  { fact, columns }: Comparison,
): RowExample {
  const key: Record<string, string> = {}
  const differing: Record<string, { live: string | null; replay: string | null }> = {}
  for (const [index, { name }] of columns.entries()) {
    const texts = { live: live[index] ?? null, replay: replay[index] ?? null }
    if (fact.keyColumns.includes(name)) key[name] = texts.live ?? texts.replay ?? ''
    else if (texts.live !== texts.replay && kind === 'different') differing[name] = texts
  }
  return { kind, key, columns: differing }
}

/** Places of records in the replay's topic, ascending: of rows that the live table lacks or has otherwise. */
export async function wantedVersions(
  clickhouse: ClickHouse,
  comparison: Comparison,
  part: number,
): Promise<readonly bigint[]> {
  const found = await ask<{ version: string }>(
    clickhouse,
    `SELECT toString(replay_version) AS version FROM (${comparedRows(comparison, part)})
WHERE kind IN ('different', 'missing') ORDER BY replay_version`,
  )
  return found.map(({ version }) => BigInt(version))
}

/** The keys of rows that the replay does not have. */
export async function extraKeys(
  clickhouse: ClickHouse,
  comparison: Comparison,
  part: number,
): Promise<readonly (readonly (string | number)[])[]> {
  const { fact, columns } = comparison
  const parts = fact.keyColumns.map((name) => {
    const type = columns.find((column) => column.name === name)?.type ?? 'String'
    return { name, isNumber: /^(LowCardinality\()?(U?Int|DateTime64)/.test(type), type }
  })
  const selected = parts.map(({ name, type }) => {
    const column = quoteIdentifier(name)
    return type.startsWith('DateTime64') ? `toUnixTimestamp64Milli(${column})` : column
  })
  const found = await ask<{ key: readonly string[] }>(
    clickhouse,
    `SELECT [${selected.map((column) => `toString(${column})`).join(', ')}] AS key
FROM (${comparedRows(comparison, part)}) WHERE kind = 'extra'`,
  )
  return found.map(({ key }) =>
    key.map((text, index) => (parts[index]?.isNumber === true ? Number(text) : text)),
  )
}

/** Of the live rows of a part, those that stay as they are. */
export function untouchedVersions(
  comparison: Comparison,
  part: number,
  withExtra: boolean,
): string {
  const { fact } = comparison
  const kinds = withExtra ? "'different', 'missing'" : "'different', 'missing', 'extra'"
  const keys = keyList(fact)
  return `SELECT * FROM ${versionsOf(fact)} WHERE ${ofPart(comparison, part)}
AND (${keys}) NOT IN (SELECT ${keys} FROM (${comparedRows(comparison, part)}) WHERE kind IN (${kinds}))`
}

/** One row for each key of the window, in either table: the key, `kind` and `replay_version`. */
function comparedRows(comparison: Comparison, part: number): string {
  const { fact, columns, begunAtMs } = comparison
  const keys = keyList(fact)
  const compared = columns.filter(({ name }) => !fact.keyColumns.includes(name))
  const image = `sipHash128(toString(tuple(${compared.map(comparable).join(', ')})))`
  const side = (number: number, table: TableName) =>
    `SELECT ${number} AS side, ${keys}, ${image} AS image, version, known_at, ${inWindow(comparison)} AS within
FROM ${versionsOf(table)} FINAL WHERE ${ofPart(comparison, part)}`
  return `SELECT ${keys},
  multiIf(
    countIf(side = 0) = 0, 'missing',
    countIf(side = 1) > 0 AND anyIf(image, side = 0) = anyIf(image, side = 1), 'same',
    maxIf(toUnixTimestamp64Milli(known_at), side = 0) >= ${begunAtMs}, 'changed',
    countIf(side = 1) = 0, 'extra', 'different') AS kind,
  maxIf(version, side = 1) AS replay_version
FROM (${side(0, fact)} UNION ALL ${side(1, replayedTable(fact))})
GROUP BY ${keys} HAVING max(within)`
}

function inWindow({ window: { startMs, endMs } }: Comparison): string {
  const time = 'toUnixTimestamp64Milli(event_time)'
  const bounds = [
    ...(startMs === null ? [] : [`${time} >= ${startMs}`]),
    ...(endMs === null ? [] : [`${time} < ${endMs}`]),
  ]
  return bounds.length === 0 ? '1' : bounds.join(' AND ')
}

function ofPart({ fact, parts }: Comparison, part: number): string {
  return parts === 1 ? '1' : `sipHash64(${keyList(fact)}) % ${parts} = ${part}`
}

/** Two maps are the same whatever order their entries came in. */
function comparable({ name, type }: ComparedColumn): string {
  const column = quoteIdentifier(name)
  return type.startsWith('Map(') ? `mapSort(${column})` : column
}

function textOf(name: string, type: string): string {
  return `CAST(toString(${comparable({ name, type })}), 'Nullable(String)')`
}

function keyList({ keyColumns }: ReadableFact): string {
  return keyColumns.map(quoteIdentifier).join(', ')
}

function versionsOf(table: TableName): string {
  return qualifiedName(versionsTable({ database: table.database, table: table.table }))
}
