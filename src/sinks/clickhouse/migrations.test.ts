import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import { ManualClock } from '../../core/clock.ts'
import { readMigrations, runMigrations, splitStatements } from './migrations.ts'
import { temporaryClickHouse } from './temporary-clickhouse.test-support.ts'
import type { TemporaryClickHouse } from './temporary-clickhouse.test-support.ts'

const clock = new ManualClock(1_700_000_000_123)
const createA =
  'CREATE DATABASE IF NOT EXISTS m;\nCREATE TABLE IF NOT EXISTS m.a (x Int8) ENGINE = Memory;\n'
const createB = '-- second\nCREATE TABLE IF NOT EXISTS m.b (\n  x Int8 -- one\n) ENGINE = Memory;'

describe('migrations', () => {
  let temporary: TemporaryClickHouse
  let root: string
  let directory: string
  let run: () => Promise<readonly string[]>

  before(async () => {
    temporary = await temporaryClickHouse()
    root = await mkdtemp(join(tmpdir(), 'tidemark-migrations-'))
  })
  after(async () => {
    await temporary.remove()
    await rm(root, { recursive: true, force: true })
  })
  beforeEach(async () => {
    for (const database of ['m', 'tidemark']) {
      await temporary.clickhouse.writer.command({ query: `DROP DATABASE IF EXISTS ${database}` })
    }
    directory = join(root, String(Math.random()).slice(2))
    await mkdir(directory)
    run = () => runMigrations(temporary.clickhouse, { directory, clock })
  })
  const put = (name: string, sql: string) => writeFile(join(directory, name), sql)
  const tables = async () => {
    const result = await temporary.clickhouse.reader.query({
      query: "SELECT name FROM system.tables WHERE database = 'm' ORDER BY name",
      format: 'JSONEachRow',
    })
    return (await result.json<{ name: string }>()).map(({ name }) => name)
  }

  test('files are applied in order, each once, and recorded', async () => {
    await put('0010_a.sql', createA)
    assert.deepEqual(await run(), ['0010_a.sql'])
    await put('0020_b.sql', createB)
    assert.deepEqual(await run(), ['0020_b.sql'])
    assert.deepEqual(await run(), [])
    assert.deepEqual(await tables(), ['a', 'b'])
    const recorded = await temporary.clickhouse.reader.query({
      query: `SELECT version, name, toUnixTimestamp64Milli(applied_at) AS at
FROM tidemark.schema_migrations FINAL ORDER BY version`,
      format: 'JSONEachRow',
    })
    assert.deepEqual(await recorded.json(), [
      { version: 10, name: '0010_a.sql', at: 1_700_000_000_000 },
      { version: 20, name: '0020_b.sql', at: 1_700_000_000_000 },
    ])
  })

  test('a file that was left half applied is applied as a whole', async () => {
    await temporary.clickhouse.writer.command({ query: 'CREATE DATABASE m' })
    await put('0010_a.sql', createA)
    assert.deepEqual(await run(), ['0010_a.sql'])
    assert.deepEqual(await tables(), ['a'])
  })

  test('a file changed after it was applied is refused by name; a changed comment is not', async () => {
    await put('0010_a.sql', createA)
    await run()
    await put('0010_a.sql', `-- a comment\n\n${createA}`)
    assert.deepEqual(await run(), [])
    await put('0010_a.sql', createA.replace('Int8', 'Int16'))
    await assert.rejects(run(), {
      code: 'CONFIGURATION_INVALID',
      message: /0010_a\.sql was changed/,
    })
  })

  test('tables newer than the program are refused; so is a file that is gone', async () => {
    await put('0010_a.sql', createA)
    await put('0020_b.sql', createB)
    await run()
    await rm(join(directory, '0020_b.sql'))
    await assert.rejects(run(), { code: 'DATA_DIR_NEWER', message: /0020_b\.sql/ })
    await rm(join(directory, '0010_a.sql'))
    await put('0030_c.sql', createB)
    await assert.rejects(run(), {
      code: 'CONFIGURATION_INVALID',
      message: /0010_a\.sql was applied and is gone/,
    })
  })

  test('a statement that fails names its file, and the file is not recorded', async () => {
    await put('0010_a.sql', `${createA}CREATE TABLE m.c (x Nonsense) ENGINE = Memory;`)
    await assert.rejects(run(), { code: 'SINK_REFUSED', message: /0010_a\.sql: .*Nonsense/ })
    await put('0010_a.sql', createA)
    assert.deepEqual(await run(), ['0010_a.sql'])
  })

  test('a wrong name and a number taken twice are refused', async () => {
    await put('10_a.sql', createA)
    await assert.rejects(readMigrations(directory), { code: 'CONFIGURATION_INVALID' })
    await rm(join(directory, '10_a.sql'))
    await put('0010_a.sql', createA)
    await put('0010_b.sql', createB)
    await assert.rejects(readMigrations(directory), { message: /0010_b\.sql is the second/ })
  })

  test('the product’s own migrations are applied, twice without a change', async () => {
    directory = new URL('../../../schemas/clickhouse', import.meta.url).pathname
    const applied = await run()
    assert.ok(applied.length > 0)
    assert.deepEqual(await run(), [])
    for (const database of ['mcq', 'exam_scores']) {
      await temporary.clickhouse.writer.command({ query: `DROP DATABASE IF EXISTS ${database}` })
    }
  })
})

test('statements end at a semicolon at the end of a line, and nowhere else', () => {
  const sql = "-- a;\nSELECT ';' -- b\n  , 1;  \n\nSELECT 2\n;\nSELECT 3"
  assert.deepEqual(splitStatements(sql), ["SELECT ';' -- b\n  , 1", 'SELECT 2\n', 'SELECT 3'])
})
