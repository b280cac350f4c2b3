/** What is written as Parquet, read by another hand: the ClickHouse engine. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Session } from 'chdb'
import { loadFileSchema } from '../../src/quality/file-schema.ts'
import { ParquetFile } from '../../src/sources/drops/parquet-file.ts'
import { readRows } from '../../src/sources/drops/read-rows.ts'
import { fileOf } from '../golden/oracle-student-performance.ts'

const schema = loadFileSchema('student-performance')
const sample = readFileSync(
  new URL('../../samples/student-performance/student-mat.csv', import.meta.url),
)
const directory = mkdtempSync(join(tmpdir(), 'tidemark-parquet-'))
const engine = new Session(join(directory, 'engine'))

after(() => {
  engine.close()
  rmSync(directory, { recursive: true, force: true })
})

async function write(name: string, csv: Buffer): Promise<string> {
  const path = join(directory, name)
  const parquet = new ParquetFile(path, schema)
  async function* chunks() {
    yield csv
  }
  const { problems } = await readRows(chunks(), name, schema, (batch) => {
    parquet.add(batch)
  })
  assert.deepEqual(problems, [])
  assert.equal(parquet.finish(), statSync(path).size)
  return path
}

function rowsOf(query: string): Record<string, unknown>[] {
  const text = engine.query(query, 'JSONEachRow')
  const lines = text.split('\n').filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}

test('the rows of the real file come back as they are, from half the bytes of the seed’s Parquet', async () => {
  const path = await write('real.parquet', sample)
  const names = schema.fields.map(({ name }) => name).join(', ')
  const expected = fileOf(sample).rows.map(({ file_hash: _, row_number: __, ...row }) => row)
  assert.deepEqual(rowsOf(`SELECT ${names} FROM file('${path}', 'Parquet')`), expected)
  assert.ok(statSync(path).size < 9_000)
})

test('a long file has several row groups, and every row', async () => {
  const [header = '', ...rows] = sample.toString().trimEnd().split('\n')
  const many = Array.from({ length: 20_000 }, (_, index) => rows[index % rows.length])
  const path = await write('long.parquet', Buffer.from([header, ...many].join('\n')))
  const sum = many.reduce((total, row) => total + Number(row?.split(';').at(-1)), 0)
  assert.deepEqual(
    rowsOf(
      `SELECT toInt32(count()) AS rows, toInt32(sum(g3)) AS sum FROM file('${path}', 'Parquet')`,
    ),
    [{ rows: 20_000, sum }],
  )
  const [groups] = rowsOf(
    `SELECT toInt32(num_row_groups) AS groups FROM file('${path}', 'ParquetMetadata')`,
  )
  assert.deepEqual(groups, { groups: 3 })
})
