/**
 * What tells a day of a table from the same day as it was written: the number of its rows, and the sum (modulo 2^64) of a
 * hash of key and version over them. A version stands for one content of its row (law 3), so days with the same
 * fingerprint have the same rows.
 */
import { ClickHouseFailure, queryError } from '../../sinks/clickhouse/failure.ts'
import type { ClickHouse } from '../../sinks/clickhouse/clickhouse.ts'
import { qualifiedName, quoteIdentifier } from '../../sinks/clickhouse/fact-table-ddl.ts'
import { ask } from '../../sinks/clickhouse/run-statement.ts'
import { isCarried, type LakeColumn } from '../../sinks/lake/parquet-columns.ts'
import type { LakeTable } from './lake-options.ts'

export interface Fingerprint {
  readonly rows: number
  /** Decimal. */
  readonly fingerprint: string
}

/** Names that no table has. */
export const dayColumn = 'tidemark_lake_day'
export const hashColumn = 'tidemark_lake_hash'
const hashModulus = 1n << 64n

/** As ClickHouse sums 64 bits without a sign. */
export function addHash(sum: bigint, hash: bigint): bigint {
  return (sum + hash) % hashModulus
}

/** The columns of the table's view, as a file has them, and what is selected for each. */
export interface SelectedColumn extends LakeColumn {
  readonly expression: string
}

/** @throws TidemarkError SINK_REFUSED | SINK_UNAVAILABLE */
export async function columnsOf(
  clickhouse: ClickHouse,
  table: LakeTable,
): Promise<readonly SelectedColumn[]> {
  const described = await ask<{ name: string; type: string }>(
    clickhouse,
    `DESCRIBE TABLE ${qualifiedName(table)}`,
  )
  return described.map(({ name, type }) => {
    const isBytes = table.bytesColumns.has(name)
    if (isCarried(type)) return { name, type, isBytes, expression: quoteIdentifier(name) }
    const asText = /^(LowCardinality\()?Nullable\(/.test(type) ? 'Nullable(String)' : 'String'
    const expression = `CAST(${quoteIdentifier(name)} AS ${asText})`
    return { name, type: asText, isBytes: false, expression }
  })
}

export const dayExpression = `toDate32(event_time, 'UTC')`

export function hashExpression(table: LakeTable, columns: readonly LakeColumn[]): string {
  const names = new Set(columns.map(({ name }) => name))
  const parts = [...table.keyColumns, 'version', 'event_time'].filter((name) => names.has(name))
  return `cityHash64(${parts.map(quoteIdentifier).join(', ')})`
}

/** Of the rows that the table has now, by day. @throws TidemarkError SINK_UNAVAILABLE | QUERY_FAILED */
export async function fingerprintsOf(
  clickhouse: ClickHouse,
  table: LakeTable,
  columns: readonly LakeColumn[],
): Promise<ReadonlyMap<string, Fingerprint>> {
  interface Answer {
    readonly day: string
    readonly rows: string
    readonly fingerprint: string
  }
  const answers = await ask<Answer>(
    clickhouse,
    `SELECT toString(${dayColumn}) AS day, toString(count()) AS rows, toString(sum(${hashColumn})) AS fingerprint
     FROM (
       SELECT ${dayExpression} AS ${dayColumn}, ${hashExpression(table, columns)} AS ${hashColumn}
       FROM ${qualifiedName(table)}
     )
     GROUP BY ${dayColumn}`,
  )
  return new Map(
    answers.map(({ day, rows, fingerprint }) => [day, { rows: Number(rows), fingerprint }]),
  )
}

/** Our statements: a failure says what ClickHouse said. */
export function tableError(thrown: unknown): unknown {
  return thrown instanceof ClickHouseFailure ? queryError(thrown) : thrown
}
