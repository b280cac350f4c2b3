/**
 * The high bits of every row's version. Offsets grow while a log lives; where a log was thrown away and ClickHouse
 * was kept, a greater epoch lets the new rows replace the old ones all the same.
 */
import { partition, storeName } from '../core/record.ts'
import type { StateBackend } from '../core/state.ts'
import type { ClickHouse } from '../sinks/clickhouse/clickhouse.ts'

const address = { store: storeName('tidemark.fact-epoch'), partition: partition(0) }
const key = Buffer.from('epoch')

export async function factEpoch(state: StateBackend, clickhouse: ClickHouse): Promise<number> {
  const [kept] = await state.readMany([{ ...address, key }])
  if (kept !== null && kept !== undefined) return kept.readUInt16BE(0)
  const epoch = (await greatestEpoch(clickhouse)) + 1
  const value = Buffer.alloc(2)
  value.writeUInt16BE(epoch)
  await state.write([{ ...address, key, value }])
  return epoch
}

async function greatestEpoch(clickhouse: ClickHouse): Promise<number> {
  const found = await clickhouse.reader.query({
    query: `SELECT database, table FROM system.columns WHERE name = 'version' AND type = 'UInt64' AND endsWith(table, '_versions')`,
    format: 'JSONEachRow',
  })
  let greatest = 0
  for (const { database, table } of await found.json<{ database: string; table: string }>()) {
    const result = await clickhouse.reader.query({
      query: `SELECT toUInt32(bitShiftRight(max(version), 48)) AS epoch FROM ${database}.${table}`,
      format: 'JSONEachRow',
    })
    const [row] = await result.json<{ epoch: number }>()
    greatest = Math.max(greatest, row?.epoch ?? 0)
  }
  return greatest
}
