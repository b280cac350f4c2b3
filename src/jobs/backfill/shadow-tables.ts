/** The facts of a replay in ClickHouse, in tables beside the live ones, where the two are compared. */
import { present } from '../../core/assert.ts'
import { offset } from '../../core/record.ts'
import type { Log } from '../../log/log.ts'
import type { ClickHouse } from '../../sinks/clickhouse/clickhouse.ts'
import { qualifiedName, versionsTable } from '../../sinks/clickhouse/fact-table-ddl.ts'
import { createShadow } from '../../sinks/clickhouse/rebuild-facts.ts'
import { runStatement } from '../../sinks/clickhouse/run-statement.ts'
import { factRows, type FactSource } from '../../sinks/fact-rows.ts'
import type { Sink, TableName } from '../../sinks/sink.ts'
import { interrupted } from './replay.ts'

/** What the replay has made of the table. */
export function replayedTable({ database, table }: TableName): TableName {
  return { database, table: `${table}_backfill` }
}

/** What takes the place of the live table. */
export function mendedTable({ database, table }: TableName): TableName {
  return { database, table: `${table}_backfilled` }
}

export async function makeBeside(
  clickhouse: ClickHouse,
  live: TableName,
  beside: TableName,
): Promise<void> {
  await dropBeside(clickhouse, beside)
  await createShadow(clickhouse, live, beside)
}

export async function dropBeside(clickhouse: ClickHouse, beside: TableName): Promise<void> {
  const statement = `DROP TABLE IF EXISTS ${qualifiedName(versionsTable(beside))} SYNC`
  await runStatement(clickhouse, statement, `backfill of ${beside.database}.${beside.table}`)
}

const fetchBytesMax = 4 * 1024 * 1024

/** Each row's version says where its record lies: `partition << 48 | offset`. Returns the number of records. */
export async function fillReplayed(
  log: Log,
  source: FactSource,
  sink: Sink,
  signal: AbortSignal,
): Promise<number> {
  const topic = source.fact.topic.name
  const into = replayedTable(source.fact)
  const [description] = await log.describeTopics([topic])
  let records = 0
  for (const at of present(description, topic).partitions) {
    let next: number = at.logStartOffset
    while (next < at.lastStableOffset) {
      if (signal.aborted) throw interrupted()
      const [fetched] = await log.fetch({
        partitions: [{ topic, partition: at.partition, offset: offset(next) }],
        bytesMax: fetchBytesMax,
        bytesPerPartitionMax: fetchBytesMax,
        waitMaxMs: 0,
        isolation: 'read_committed',
      })
      const part = present(fetched, topic)
      const facts = part.records.map((record) => ({ at: part, record }))
      const { rows } = await factRows(source, facts, at.partition)
      await sink.write([{ table: into, rows }])
      records += rows.length
      next = part.nextOffset
    }
  }
  return records
}
