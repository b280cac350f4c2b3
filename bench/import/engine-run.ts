/** The ClickHouse engine by itself on the same file, in a process of its own; prints its figures as one line of JSON. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Session } from 'chdb'
import { writeOulad } from './workload.ts'

export interface EngineFigures {
  /** The file into rows of student, page and day, clicks summed. */
  readonly factsSeconds: number
  /** The same, and the rows as received, and with types. */
  readonly allSeconds: number
  readonly facts: number
}

const key = 'code_module, code_presentation, id_student, id_site, date'
const types =
  'code_module String, code_presentation String, id_student Int64, id_site Int64, date Int32, sum_click Int32'
const texts = types.replaceAll(/Int\d+/g, 'String')

const directory = mkdtempSync(join(tmpdir(), 'tidemark-bench-'))
const engine = new Session(join(directory, 'engine'))
try {
  const { clicksFile } = await writeOulad(join(directory, 'oulad'), Number(process.argv[2]))
  process.stdout.write(`${JSON.stringify(measure(clicksFile))}\n`)
} finally {
  engine.close()
  rmSync(directory, { recursive: true, force: true })
}

function measure(path: string): EngineFigures {
  const csv = (columns: string) => `file('${path}', 'CSVWithNames', '${columns}')`
  engine.query(`CREATE TABLE raw (${texts}) ENGINE = MergeTree ORDER BY id_student`)
  engine.query(`CREATE TABLE clean (${types}) ENGINE = MergeTree ORDER BY id_student`)
  engine.query(
    `CREATE TABLE facts (${types}, click_rows Int32) ENGINE = MergeTree ORDER BY (${key})`,
  )
  engine.query(`SELECT count() FROM ${csv(types)}`)
  const facts = `INSERT INTO facts SELECT ${key}, sum(sum_click), count() FROM ${csv(types)} GROUP BY ${key}`
  const factsSeconds = time(facts)
  const rawSeconds = time(`INSERT INTO raw SELECT * FROM ${csv(texts)}`)
  const cleanSeconds = time(`INSERT INTO clean SELECT * FROM ${csv(types)}`)
  return {
    factsSeconds,
    allSeconds: factsSeconds + rawSeconds + cleanSeconds,
    facts: Number(engine.query('SELECT count() FROM facts', 'TabSeparated')),
  }
}

function time(statement: string): number {
  const startMs = performance.now()
  engine.query(statement)
  return (performance.now() - startMs) / 1000
}
