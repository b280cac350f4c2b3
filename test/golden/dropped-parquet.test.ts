/** The Parquet of a dropped file, as the ClickHouse engine reads it: the rows that the oracle finds in the real file. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { Session } from 'chdb'
import { loadFileSchema } from '../../src/quality/file-schema.ts'
import { prepareDrop } from '../../src/sources/drops/prepare-drop.ts'
import { fileOf } from './oracle-student-performance.ts'

const sample = fileURLToPath(
  new URL('../../samples/student-performance/student-mat.csv', import.meta.url),
)

test('the engine reads every value of the real file from its Parquet', async (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-parquet-'))
  const engine = new Session()
  context.after(() => {
    engine.close()
    rmSync(directory, { recursive: true })
  })
  const places = { asideDirectory: directory, parquetDirectory: directory }
  const request = { path: sample, name: 'math.csv', completeAfterMs: 0, nowMs: 0, ...places }
  const drop = await prepareDrop(request, loadFileSchema('student-performance'))
  assert.equal(drop.kind, 'accepted')
  const parquet = join(directory, drop.parquet?.name ?? '')
  const text = engine.query(`SELECT * FROM file('${parquet}', 'Parquet')`, 'JSONEachRow')
  const { hash, rows: expected } = fileOf(readFileSync(sample))
  assert.equal(expected.length, 395)
  const rows = text.trimEnd().split('\n')
  const found = rows.map((line, row) => {
    const values = JSON.parse(line) as Record<string, unknown>
    return { file_hash: hash, row_number: row + 1, ...values }
  })
  assert.deepEqual(found, expected)
})
