/** The ClickHouse engine by itself on the same files, in a process of its own; prints its figures as one line of JSON. */
import { mkdirSync, mkdtempSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Session } from 'chdb'
import { askedWork, writeFiles } from './workload.ts'

export interface EngineFigures {
  /** Every cell of every file. */
  readonly readSeconds: number
  /** One Parquet file of each, in one statement. */
  readonly parquetSeconds: number
  /** The rows into a MergeTree table. */
  readonly insertSeconds: number
  readonly parquetBytes: number
}

const work = askedWork()
const directory = mkdtempSync(join(work.directory, 'engine-'))
const engine = new Session(join(directory, 'engine'))
try {
  const staged = join(directory, 'staged')
  writeFiles(staged, work.files)
  process.stdout.write(`${JSON.stringify(measure(staged))}\n`)
} finally {
  engine.close()
}

function measure(staged: string): EngineFigures {
  const csv = `file('${staged}/*.csv', 'CSVWithNames')`
  const parquet = join(directory, 'parquet')
  mkdirSync(parquet)
  const settings = "SETTINGS format_csv_delimiter = ';', max_partitions_per_insert_block = 0"
  engine.query(`SELECT count() FROM file('${staged}/f0.csv', 'CSVWithNames') ${settings}`)
  engine.query(
    `CREATE TABLE rows ENGINE = MergeTree ORDER BY tuple() AS SELECT * FROM ${csv} LIMIT 0 ${settings}`,
  )
  const readSeconds = time(`SELECT sum(cityHash64(*)) FROM ${csv} ${settings}`)
  const parquetSeconds = time(
    `INSERT INTO FUNCTION file('${parquet}/{_partition_id}.parquet', 'Parquet') PARTITION BY f
SELECT _file AS f, * FROM ${csv} ${settings}`,
  )
  const insertSeconds = time(`INSERT INTO rows SELECT * FROM ${csv} ${settings}`)
  const written = readdirSync(parquet)
  const bytes = written.reduce((sum, name) => sum + statSync(join(parquet, name)).size, 0)
  return {
    readSeconds,
    parquetSeconds,
    insertSeconds,
    parquetBytes: Math.round(bytes / written.length),
  }
}

function time(statement: string): number {
  const startMs = performance.now()
  engine.query(statement)
  return (performance.now() - startMs) / 1000
}
