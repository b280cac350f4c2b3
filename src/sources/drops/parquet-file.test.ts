/** Files as another implementation of the format reads them; `test/integration/drops-parquet.test.ts` has the ClickHouse engine. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parquetMetadata, parquetReadObjects } from 'hyparquet'
import { Random } from '../random.ts'
import { codeLimit, type FileField } from '../../quality/file-schema.ts'
import { schema, temporaryFolder } from './drops.test-support.ts'
import { ParquetFile } from './parquet-file.ts'
import { batchRowsMax, columnOf, type RowBatch } from './row-batch.ts'

type Values = Readonly<Record<string, string | number>>

interface Written {
  readonly path: string
  readonly bytes: number
  readonly names: readonly string[]
}

/** @param codeOf of a field in a row */
function batchOf(rows: number, codeOf: (field: FileField, row: number) => number): RowBatch {
  return {
    index: 0,
    rowNumbers: Int32Array.from({ length: rows }, (_, row) => row + 1),
    codes: Uint8Array.from(
      schema.fields.flatMap((field) =>
        Array.from({ length: rows }, (_, row) => codeOf(field, row)),
      ),
    ),
  }
}

function valuesOf(batch: RowBatch): Values[] {
  return [...batch.rowNumbers.keys()].map((row) =>
    Object.fromEntries(
      schema.fields.map((field, index) => {
        const code = columnOf(batch, index)[row] ?? 0
        return [field.name, field.type === 'text' ? (field.values[code] ?? '') : code]
      }),
    ),
  )
}

function written(folder: string, batches: readonly RowBatch[]): Written {
  const path = join(folder, 'f.parquet')
  const file = new ParquetFile(path, schema)
  for (const batch of batches) file.add(batch)
  const names = readdirSync(folder)
  return { path, bytes: file.finish(), names }
}

const random = new Random(7)
const anyCode = (field: FileField): number =>
  field.type === 'text'
    ? random.integer(field.values.length)
    : field.range[0] + random.integer(field.range[1] - field.range[0] + 1)

const cases: readonly (readonly [what: string, batches: readonly RowBatch[]])[] = [
  ['one row', [batchOf(1, anyCode)]],
  ['a number of rows that fills no whole byte', [batchOf(395, anyCode)]],
  ['one value in every row', [batchOf(100, (field) => codeLimit(field) - 1)]],
  ['two values', [batchOf(16, (field, row) => codeLimit(field) - 1 - (row % 2))]],
  ['several row groups', [batchOf(batchRowsMax, anyCode), batchOf(77, anyCode)]],
  ['a part without rows', [batchOf(9, anyCode), batchOf(0, anyCode)]],
]

for (const [what, batches] of cases) {
  test(`${what}: another reader finds every value in its place`, async () => {
    const folder = temporaryFolder()
    try {
      const { path, bytes } = written(folder.path, batches)
      const expected = batches.flatMap(valuesOf)
      const content = readFileSync(path)
      assert.equal(content.length, bytes)
      const file = content.buffer.slice(content.byteOffset, content.byteOffset + bytes)
      assert.deepEqual(await parquetReadObjects({ file }), expected)
      assert.equal(Number(parquetMetadata(file).num_rows), expected.length)
    } finally {
      folder.remove()
    }
  })
}

test('until it is whole, it bears another name', () => {
  const folder = temporaryFolder()
  try {
    const [name = '', ...others] = written(folder.path, [batchOf(3, anyCode)]).names
    assert.match(name, /^f\.parquet\..*\.part$/)
    assert.deepEqual(others, [])
    assert.deepEqual(readdirSync(folder.path), ['f.parquet'])
  } finally {
    folder.remove()
  }
})

test('two at once under one name do not meet', () => {
  const folder = temporaryFolder()
  try {
    const path = join(folder.path, 'f.parquet')
    const files = [new ParquetFile(path, schema), new ParquetFile(path, schema)]
    const batch = batchOf(3, anyCode)
    for (const file of files) file.add(batch)
    const sizes = files.map((file) => file.finish())
    assert.deepEqual(readdirSync(folder.path), ['f.parquet'])
    assert.equal(readFileSync(path).length, sizes[0])
  } finally {
    folder.remove()
  }
})

test('one that is given up leaves nothing', () => {
  const folder = temporaryFolder()
  try {
    const file = new ParquetFile(join(folder.path, 'f.parquet'), schema)
    file.add(batchOf(3, anyCode))
    file.giveUp()
    assert.deepEqual(readdirSync(folder.path), [])
  } finally {
    folder.remove()
  }
})
