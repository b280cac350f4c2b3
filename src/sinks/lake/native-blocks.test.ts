/** Every type, out of the engine, into a file and back by another reader. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
import {
  temporaryClickHouse,
  type TemporaryClickHouse,
} from '../clickhouse/temporary-clickhouse.test-support.ts'
import { DayFiles } from './day-files.ts'
import { compressions, decompressors, LakeFile, type Compression } from './lake-file.ts'
import { readBlocks, type Block } from './native-blocks.ts'
import { isCarried, type LakeColumn } from './parquet-columns.ts'

/** Column, its type, and the value in row 3 as a file has it. */
const cases: readonly (readonly [expression: string, type: string, third: unknown])[] = [
  ['number % 2 = 1', 'Bool', true],
  ['number - 5', 'Int8', -2],
  ['number - 500', 'Int16', -497],
  ['number - 100000', 'Int32', -99_997],
  ['number - 9007199254740995', 'Int64', -9_007_199_254_740_992n],
  ['number + 250', 'UInt8', 253],
  ['number + 65000', 'UInt16', 65_003],
  ['number + 4294967290', 'UInt32', 4_294_967_293],
  ['number + 18446744073709551600', 'UInt64', 18_446_744_073_709_551_603n],
  ['number / 2', 'Float32', 1.5],
  ['number / 3 * 3', 'Float64', 3],
  ["concat('é', toString(number))", 'String', 'é3'],
  ["toDate('2026-02-28') + number", 'Date', new Date('2026-03-03T00:00:00Z')],
  ["toDate32('1969-12-30') + number", 'Date32', new Date('1970-01-02T00:00:00Z')],
  ["toDateTime('2026-02-28 00:00:00', 'UTC') + number", "DateTime('UTC')", at('00:00:03.000')],
  ["toDateTime64('2026-02-28', 3, 'UTC') + number", "DateTime64(3, 'UTC')", at('00:00:03.000')],
  ["toDateTime64('2026-02-28', 1, 'UTC') + number", "DateTime64(1, 'UTC')", at('00:00:03.000')],
  ["toDateTime64('2026-02-28', 6, 'UTC') + number", "DateTime64(6, 'UTC')", at('00:00:03.000')],
  ['if(number % 2 = 1, NULL, number)', 'Nullable(Int32)', null],
  ["if(number = 3, NULL, 'x')", 'Nullable(String)', null],
  ['range(number)', 'Array(UInt64)', [0n, 1n, 2n]],
  ['[NULL, number]', 'Array(Nullable(Float64))', [null, 3]],
  ["map('a', number, 'b', NULL)", 'Map(String, Nullable(Float64))', { a: 3, b: null }],
  ["[[toString(number)], ['x', '']]", 'Array(Array(String))', [['3'], ['x', '']]],
]

function at(time: string): Date {
  return new Date(`2026-02-28T${time}Z`)
}

const columns: readonly LakeColumn[] = cases.map(([, type], index) => ({
  ...{ name: `c${index}`, type, isBytes: false },
}))
const rowCount = 6

describe('blocks of the engine', () => {
  let temporary: TemporaryClickHouse
  let directory: string
  let bytes: Buffer

  before(async () => {
    temporary = await temporaryClickHouse()
    directory = await mkdtemp(join(tmpdir(), 'tidemark-blocks-'))
    const selected = cases.map(
      ([expression, type], index) => `CAST(${expression} AS ${type}) AS c${index}`,
    )
    const sql = `SELECT ${selected.join(', ')} FROM numbers(${rowCount})`
    const settings = { max_block_size: '2' }
    const request = { sql, format: 'Native', settings, parameters: {}, resultBytesMax: 0 }
    const { body } = await temporary.clickhouse.read(request)
    const chunks: Uint8Array[] = []
    for await (const chunk of body) chunks.push(Buffer.from(chunk))
    bytes = Buffer.concat(chunks)
  })
  after(async () => {
    await temporary.remove()
    await rm(directory, { recursive: true })
  })

  async function blocksOf(pieces: readonly Uint8Array[]): Promise<Block[]> {
    async function* body() {
      yield* pieces
    }
    const blocks: Block[] = []
    for await (const block of readBlocks(body(), columns)) blocks.push(block)
    return blocks
  }

  const valuesOf = (blocks: readonly Block[]) =>
    columns.map((_, index) => blocks.flatMap((block) => block.columns[index]))

  for (const compression of compressions) {
    test(`have the same values in a file, compressed by ${compression}`, async () => {
      const values = valuesOf(await blocksOf([bytes]))
      const path = join(directory, compression)
      const file = new LakeFile(path, columns, compression)
      await file.add(values, rowCount)
      assert.equal((await file.finish()).rows, rowCount)
      const buffer = await asyncBufferFromFile(path)
      const rows = await parquetReadObjects({ file: buffer, compressors: decompressors })
      assert.equal(rows.length, rowCount)
      for (const [index, [expression, , third]] of cases.entries()) {
        assert.deepEqual(rows[3]?.[`c${index}`], third, expression)
      }
    })
  }

  test('are read alike in whatever pieces they come', async () => {
    const expected = valuesOf(await blocksOf([bytes]))
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: bytes.length - 1 }), { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(cuts, async (places) => {
        const ends = [...places.sort((a, b) => a - b), bytes.length]
        const pieces = ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end))
        const blocks = await blocksOf(pieces)
        assert.deepEqual(valuesOf(blocks), expected)
        assert.equal(
          blocks.reduce((sum, block) => sum + block.bytes, 0),
          bytes.length,
        )
      }),
      { numRuns: 60 },
    )
  })

  test('that end too early are an error, and so are other columns than were asked for', async () => {
    await assert.rejects(blocksOf([bytes.subarray(0, -1)]), /ends before its last column/)
    const [first, ...rest] = columns
    const wrong = [{ ...first, type: 'Int8' } as LakeColumn, ...rest]
    async function* body() {
      yield bytes
    }
    const reading = readBlocks(body(), wrong)
    await assert.rejects(reading.next(), /asked for c0 Int8, but got c0 Bool/)
  })

  test('of types that Parquet has not are known as such', () => {
    const not = ['UUID', "Enum8('a' = 1)", 'Array(UUID)', 'Map(String, Enum8(1))', 'Tuple(Int8)']
    assert.deepEqual(not.filter(isCarried), [])
    assert.deepEqual(
      cases.map(([, type]) => type).filter((type) => !isCarried(type)),
      [],
    )
  })

  test('files a day are bounded: in memory, open at a time, and each of them', async () => {
    const open = (compression: Compression, more: object) => {
      let made = 0
      const workFile = () => Promise.resolve(join(directory, `day-${(made += 1)}-${Math.random()}`))
      const one = [{ name: 'n', type: 'Int32', isBytes: false }]
      return new DayFiles({ columns: one, compression, fileBytesMax: 1e9, workFile, ...more })
    }
    const days = Array.from({ length: 20 }, (_, index) => `2026-03-${String(index + 1)}`)
    const bounded = open('none', { filesOpenMax: 3, bufferBytesMax: 64 })
    for (let round = 0; round < 3; round += 1) {
      for (const [index, day] of days.entries()) {
        bounded.add(day, [[round * 100 + index]], 0, 16)
        await bounded.settle()
      }
    }
    const files = await bounded.finish()
    for (const [index, day] of days.entries()) {
      const numbers: unknown[] = []
      for (const { file, rows } of files.get(day) ?? []) {
        const read = await parquetReadObjects({ file: await asyncBufferFromFile(file) })
        assert.equal(read.length, rows)
        numbers.push(...read.map(({ n }) => n as unknown))
      }
      assert.deepEqual(numbers, [index, 100 + index, 200 + index])
    }
    const cut = open('none', { fileBytesMax: 1000, groupRowsMax: 100 })
    for (let row = 0; row < 1000; row += 1) {
      cut.add('day', [[row]], 0, 4)
      await cut.settle()
    }
    const parts = (await cut.finish()).get('day') ?? []
    assert.ok(parts.length > 2 && parts.every(({ bytes: size }) => size < 3000))
    const [part] = parts
    const metadata = await parquetMetadataAsync(await asyncBufferFromFile(part?.file ?? ''))
    assert.equal(Number(metadata.num_rows), part?.rows)
  })
})
