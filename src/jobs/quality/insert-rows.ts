/** Rows of the tables that quality keeps, in the database of Tidemark itself. */
import type { ClickHouse } from '../../sinks/clickhouse/clickhouse.ts'
import { TabSeparatedEncoder, type Column } from '../../sinks/clickhouse/tab-separated.ts'
import type { Row } from '../../sinks/sink.ts'

/** @throws TidemarkError SINK_UNAVAILABLE | SINK_REFUSED */
export async function insertRows(
  clickhouse: Pick<ClickHouse, 'insert'>,
  table: string,
  columns: readonly Column[],
  rows: readonly Row[],
  signal: AbortSignal,
): Promise<void> {
  const name = { database: 'tidemark', table }
  const encoder = new TabSeparatedEncoder(name, columns)
  await clickhouse.insert(name, encoder.columns, encoder.encode(rows), signal)
}
