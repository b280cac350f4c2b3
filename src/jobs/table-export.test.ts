import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { clickhouseApp } from '../server/clickhouse/clickhouse-app.ts'
import {
  temporaryClickHouse,
  type TemporaryClickHouse,
} from '../sinks/clickhouse/temporary-clickhouse.test-support.ts'
import { exportTable, type TableExport } from './table-export.ts'

const rowCount = 3000

describe('a table in a file', () => {
  let temporary: TemporaryClickHouse
  let directory: string
  let clickhouse: TableExport['clickhouse']

  before(async () => {
    temporary = await temporaryClickHouse()
    const { writer } = temporary.clickhouse
    for (const query of [
      'CREATE DATABASE school',
      `CREATE TABLE school.marks_versions (student String, mark Nullable(Float64), all Array(Int32), version UInt64)
       ENGINE = ReplacingMergeTree(version) ORDER BY student`,
      'CREATE VIEW school.marks AS SELECT * FROM school.marks_versions FINAL',
      'CREATE VIEW school.broken AS SELECT number, throwIf(number = 900000) FROM numbers(1000000)',
      `INSERT INTO school.marks_versions
       SELECT concat('s, "', toString(number), '"'), if(number = 1, NULL, number / 2), [number, 1], 1 FROM numbers(${rowCount})`,
      `INSERT INTO school.marks_versions VALUES ('s, "0"', 99.5, [7], 2)`,
    ]) {
      await writer.command({ query })
    }
    const app = clickhouseApp(temporary.clickhouse, {})
    clickhouse = async (address, init) => app.request(address, init)
    directory = await mkdtemp(join(tmpdir(), 'tidemark-export-'))
  })
  after(async () => {
    await temporary.remove()
    await rm(directory, { recursive: true })
  })

  const inFile = (name: string, more: Partial<TableExport> = {}) =>
    exportTable({
      clickhouse,
      table: 'school.marks',
      format: 'json',
      path: join(directory, name),
      overwrite: false,
      ...more,
    })
  const read = (name: string) => readFile(join(directory, name), 'utf8')

  test('is its current rows, an object of JSON a line', async () => {
    assert.equal((await inFile('deep/marks.json')).rows, rowCount)
    const lines = (await read('deep/marks.json')).trimEnd().split('\n')
    const rows = lines.map((line) => JSON.parse(line) as { student: string; mark: number | null })
    assert.equal(rows.length, rowCount)
    const markOf = (student: string) => rows.find((row) => row.student === student)?.mark
    assert.equal(markOf('s, "0"'), 99.5)
    assert.equal(markOf('s, "1"'), null)
  })

  test('is CSV with a header, once, and cells that are quoted where they must be', async () => {
    await inFile('marks.csv', { format: 'csv' })
    const lines = (await read('marks.csv')).trimEnd().split('\n')
    assert.equal(lines[0], '"student","mark","all","version"')
    assert.equal(lines.length, 1 + rowCount)
    assert.ok(lines.includes('"s, ""1""",\\N,"[1,1]",1'))
  })

  test('is Parquet, in one file or, where it is larger than one may be, in several with each row in one', async () => {
    const whole = await inFile('marks.parquet', { format: 'parquet' })
    assert.deepEqual(whole.files, [join(directory, 'marks.parquet')])
    const rows = await parquetRows(whole.files)
    assert.equal(rows.length, rowCount)
    const parts = await inFile('parts.parquet', { format: 'parquet', parquetBytesMax: 50_000 })
    assert.ok(parts.files.length > 2, `${parts.files.length} files`)
    assert.ok(parts.files.every((file, part) => file === join(directory, `parts-${part}.parquet`)))
    const inParts = await parquetRows(parts.files)
    const students = (found: readonly Row[]) => found.map(({ student }) => student).sort()
    assert.deepEqual(students(inParts), students(rows))
  })

  test('does not take the place of another, unless it is told to', async () => {
    await writeFile(join(directory, 'mine.csv'), 'mine')
    await assert.rejects(inFile('mine.csv', { format: 'csv' }), /mine\.csv is there already/)
    assert.equal(await read('mine.csv'), 'mine')
    await inFile('mine.csv', { format: 'csv', overwrite: true })
    assert.match(await read('mine.csv'), /^"student"/)
  })

  for (const format of ['json', 'csv', 'parquet'] as const) {
    test(`leaves nothing behind where the query fails half-way: ${format}`, async () => {
      // Counted well, and then another table, which fails behind its first rows.
      const swapped: TableExport['clickhouse'] = (address, init) => {
        const body = (init?.body as string).replace(
          '* FROM `school`.`marks`',
          '* FROM school.broken',
        )
        return clickhouse(address, { ...init, body })
      }
      const failing = inFile(`broken.${format}`, { format, clickhouse: swapped })
      await assert.rejects(failing, { code: 'QUERY_FAILED', message: /throwIf/ })
      const files = await readdir(directory)
      assert.deepEqual(
        files.filter((name) => name.startsWith('broken')),
        [],
      )
    })
  }

  test('that is not there is named, and so is what is no name', async () => {
    await assert.rejects(inFile('none.csv', { table: 'school.none' }), {
      code: 'QUERY_FAILED',
      message: /school\.none/,
    })
    const wrong = inFile('none.csv', { table: 'marks; DROP TABLE x' })
    await assert.rejects(wrong, { code: 'REQUEST_INVALID', message: /write DATABASE\.TABLE/ })
  })
})

type Row = Record<string, unknown>

async function parquetRows(files: readonly string[]): Promise<Row[]> {
  const rows: Row[] = []
  for (const file of files) {
    rows.push(...(await parquetReadObjects({ file: await asyncBufferFromFile(file) })))
  }
  return rows
}
