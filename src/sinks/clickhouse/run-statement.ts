/** Statements of our own that change tables, written for the servers behind the handle. */
import type { ClickHouse } from './clickhouse.ts'
import { onCluster } from './cluster-ddl.ts'
import { clickHouseFailure, statementError } from './failure.ts'

/** @param what it belongs to, for the error
 * @throws TidemarkError SINK_UNAVAILABLE | SINK_REFUSED | CONFIGURATION_INVALID */
export async function runStatement(
  clickhouse: ClickHouse,
  statement: string,
  what: string,
): Promise<void> {
  const { layout, writer } = clickhouse
  const query = layout === null ? statement : onCluster(statement, layout)
  try {
    await writer.command({ query })
  } catch (thrown) {
    throw statementError(thrown, what)
  }
}

const alreadyExists: ReadonlySet<number> = new Set([
  57, // TABLE_ALREADY_EXISTS
  82, // DATABASE_ALREADY_EXISTS
])

/**
 * Runs a CREATE without IF NOT EXISTS: of any number of callers exactly one gets true. It is the one statement of
 * ClickHouse that only one can win; on a cluster the queue of distributed DDL puts the callers in order.
 * @throws as `runStatement`
 */
export async function runCreate(
  clickhouse: ClickHouse,
  statement: string,
  what: string,
): Promise<boolean> {
  const { layout, writer } = clickhouse
  const query = layout === null ? statement : onCluster(statement, layout)
  try {
    await writer.command({ query })
    return true
  } catch (thrown) {
    if (alreadyExists.has(clickHouseFailure(thrown).code)) return false
    throw statementError(thrown, what)
  }
}

/** @throws TidemarkError SINK_UNAVAILABLE | SINK_REFUSED */
export async function ask<Answer>(
  clickhouse: ClickHouse,
  query: string,
  parameters: Readonly<Record<string, string | number>> = {},
): Promise<readonly Answer[]> {
  try {
    const result = await clickhouse.writer.query({
      query,
      query_params: parameters,
      format: 'JSONEachRow',
    })
    return await result.json<Answer>()
  } catch (thrown) {
    throw statementError(thrown, 'a question to the tables')
  }
}

export function textLiteral(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
