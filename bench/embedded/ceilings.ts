/** What the parts can do alone, on the rows and the state that the run has just made. */
import type { Instance } from '../../src/app/instance.ts'
import { partition, storeName } from '../../src/core/record.ts'
import type { StateChange } from '../../src/core/state.ts'

const table = { database: 'bench', table: 'interactions' }
const rowsPerInsert = 50_000
const changesPerWrite = 5_000
/** Of an encoded student and test with twenty answers. */
const stateValueBytes = 560

/** The engine inserting the run's interaction rows again, into a table like theirs. */
export async function engineRowsPerSecond({ services }: Instance): Promise<number> {
  const { clickhouse } = services
  const source = 'mcq.question_interaction_fact_versions'
  await clickhouse.writer.command({ query: 'CREATE DATABASE IF NOT EXISTS bench' })
  await clickhouse.writer.command({ query: `CREATE TABLE bench.interactions AS ${source}` })
  const described = await clickhouse.reader.query({
    query: `SELECT name FROM system.columns WHERE database = 'bench' AND table = 'interactions' ORDER BY position`,
    format: 'JSONEachRow',
  })
  const columns = (await described.json<{ name: string }>()).map(({ name }) => name)
  const result = await clickhouse.reader.query({
    query: `SELECT * FROM ${source}`,
    format: 'TabSeparated',
  })
  const lines = (await result.text()).split('\n').filter((line) => line !== '')
  const payloads: Buffer[] = []
  for (let index = 0; index < lines.length; index += rowsPerInsert) {
    payloads.push(Buffer.from(`${lines.slice(index, index + rowsPerInsert).join('\n')}\n`))
  }
  const startMs = performance.now()
  for (const payload of payloads) await clickhouse.insert(table, columns, payload)
  return (lines.length / (performance.now() - startMs)) * 1000
}

/** RocksDB taking as many values as the run had answers, of the size of its state, in batches. */
export async function stateWritesPerSecond(
  { services }: Instance,
  writes: number,
): Promise<number> {
  const store = storeName('bench')
  const value = Buffer.alloc(stateValueBytes, 'state')
  const startMs = performance.now()
  for (let index = 0; index < writes; index += changesPerWrite) {
    const changes: StateChange[] = []
    for (let within = 0; within < changesPerWrite; within += 1) {
      const key = Buffer.from(`t${(index + within) % 97}-student-${index + within}`)
      changes.push({ store, partition: partition(0), key, value })
    }
    await services.state.write(changes)
  }
  return (writes / (performance.now() - startMs)) * 1000
}
