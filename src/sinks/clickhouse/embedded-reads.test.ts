/** Attacks on the reader: what it must not change, read or write, and how it is bounded. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { ReadRequest } from './clickhouse.ts'
import { ClickHouseFailure } from './failure.ts'
import { temporaryClickHouse } from './temporary-clickhouse.test-support.ts'
import type { TemporaryClickHouse } from './temporary-clickhouse.test-support.ts'

describe('reading on the embedded engine', () => {
  let temporary: TemporaryClickHouse
  let outside: string
  const secret = 'a-secret-outside-the-data-directory'

  before(async () => {
    temporary = await temporaryClickHouse()
    outside = await mkdtemp(join(tmpdir(), 'tidemark-outside-'))
    await writeFile(join(outside, 'secret.txt'), secret)
    const { writer } = temporary.clickhouse
    await writer.command({ query: 'CREATE DATABASE d' })
    await writer.command({ query: 'CREATE TABLE d.t (x Int64) ENGINE = MergeTree ORDER BY x' })
    await writer.command({ query: 'INSERT INTO d.t SELECT number FROM numbers(10)' })
  })
  after(async () => {
    await temporary.remove()
    await rm(outside, { recursive: true, force: true })
  })

  async function read(sql: string, options: Partial<ReadRequest> = {}): Promise<string> {
    const result = await temporary.clickhouse.read({
      sql,
      format: 'TabSeparated',
      settings: {},
      parameters: {},
      resultBytesMax: 1_000_000,
      ...options,
    })
    const chunks: Uint8Array[] = []
    for await (const chunk of result.body) chunks.push(chunk)
    return Buffer.concat(chunks).toString()
  }
  async function refused(
    sql: string,
    options: Partial<ReadRequest> = {},
  ): Promise<ClickHouseFailure> {
    try {
      const text = await read(sql, options)
      assert.fail(`not refused: ${sql}: ${text.slice(0, 200)}`)
    } catch (thrown) {
      assert.ok(thrown instanceof ClickHouseFailure, String(thrown))
      return thrown
    }
  }

  const changes = [
    'INSERT INTO d.t VALUES (1)',
    'INSERT INTO d.t SELECT 1',
    'WITH 1 AS a INSERT INTO d.t SELECT a',
    'CREATE TABLE d.u (x Int8) ENGINE = Memory',
    'CREATE TEMPORARY TABLE u (x Int8)',
    'CREATE FUNCTION f AS x -> x',
    'CREATE USER mallory',
    'GRANT ALL ON *.* TO default',
    'DROP TABLE d.t',
    'DROP DATABASE d',
    'TRUNCATE TABLE d.t',
    'ALTER TABLE d.t DELETE WHERE 1',
    'DELETE FROM d.t WHERE 1',
    'UPDATE d.t SET x = 1 WHERE 1',
    'RENAME TABLE d.t TO d.u',
    'OPTIMIZE TABLE d.t FINAL',
    'DETACH TABLE d.t',
    'KILL QUERY WHERE 1',
    'SYSTEM SHUTDOWN',
    'SYSTEM FLUSH LOGS',
    'SET readonly = 0',
    'SET max_memory_usage = 0',
    'SET ROLE ALL',
    'USE system',
    'EXECUTE AS default DROP TABLE d.t',
    "BACKUP DATABASE d TO File('/tmp/backup')",
    '/* SELECT */ DROP TABLE d.t -- SELECT',
    'SELECT 1 SETTINGS readonly = 0',
    'SELECT 1 SETTINGS max_memory_usage = 0',
    'EXPLAIN SELECT 1 SETTINGS readonly = 0',
  ]
  for (const sql of changes) {
    test(`is refused as a change: ${sql}`, async () => {
      const { code } = await refused(sql)
      assert.ok([164, 497, 62].includes(code), `code ${code}`)
      assert.equal(await read('SELECT count() FROM d.t'), '10\n')
    })
  }

  test('of several statements none runs', async () => {
    for (const sql of [
      'SELECT 1; DROP TABLE d.t',
      'SELECT 1;; DROP TABLE d.t;',
      "SELECT ';'; SET readonly = 0; DROP TABLE d.t",
    ]) {
      assert.equal((await refused(sql)).code, 62)
    }
    assert.equal(await read('SELECT count() FROM d.t;'), '10\n')
  })

  test('nothing outside the tables is read, however it is spelled', async () => {
    const path = join(outside, 'secret.txt')
    const hex = Array.from('file', (letter) => `\\x${letter.charCodeAt(0).toString(16)}`).join('')
    for (const sql of [
      `SELECT file('${path}')`,
      `SELECT FILE('${path}')`,
      `SELECT \`file\`('${path}')`,
      `SELECT "file"('${path}')`,
      `SELECT \`${hex}\`('${path}')`,
      `SELECT fi/**/le('${path}')`,
      `SELECT file /* */ ('${path}')`,
      `SELECT arrayMap(file, ['${path}'])`,
      `SELECT arrayMap(x -> file(x), ['${path}'])`,
      `SELECT * APPLY file FROM (SELECT '${path}')`,
      `SELECT * APPLY(file) FROM (SELECT '${path}')`,
      `WITH file('${path}') AS s SELECT s`,
      `SELECT 1 WHERE file('${path}') != ''`,
      `EXPLAIN SELECT file('${path}')`,
      `SELECT (SELECT file('${path}'))`,
      `SELECT * FROM view(SELECT file('${path}'))`,
      `SELECT * FROM file('${path}', 'LineAsString')`,
      `SELECT * FROM loop(file('${path}', 'LineAsString')) LIMIT 1`,
      `SELECT * FROM fileCluster('default', '${path}', 'LineAsString')`,
      `SELECT * FROM filesystem('${outside}')`,
      `DESCRIBE TABLE file('${path}')`,
      `SELECT * FROM '${path}'`,
      `SELECT * FROM \`${path}\``,
      `SELECT * FROM sqlite('${path}', 't')`,
      `SELECT * FROM executable('cat ${path}', 'LineAsString', 'a String')`,
      `SELECT * FROM eval('SELECT file(''${path}'')')`,
      `SELECT catboostEvaluate('${path}', 1)`,
    ]) {
      const failure = await refused(sql)
      assert.doesNotMatch(failure.message, new RegExp(secret), sql)
    }
  })

  test('no other machine is reached', async () => {
    for (const source of [
      "url('http://127.0.0.1:9/', 'LineAsString')",
      "urlCluster('default', 'http://127.0.0.1:9/', 'LineAsString')",
      "s3('http://127.0.0.1:9/bucket/key', 'LineAsString')",
      "remote('127.0.0.1:9', system.one)",
      "remoteSecure('127.0.0.1:9', system.one)",
      "cluster('default', system.one)",
      "mysql('127.0.0.1:9', 'a', 'b', 'c', 'd')",
      "postgresql('127.0.0.1:9', 'a', 'b', 'c', 'd')",
      "mongodb('127.0.0.1:9', 'a', 'b', 'c', 'd', 'x Int8')",
      "redis('127.0.0.1:9', 'a', 'a Int8')",
      "hdfs('hdfs://127.0.0.1:9/a', 'LineAsString')",
      "iceberg('http://127.0.0.1:9/')",
      "deltaLake('http://127.0.0.1:9/')",
      "azureBlobStorage('http://127.0.0.1:9/', 'a', 'b')",
      "jdbc('a', 'b', 'c')",
      "odbc('a', 'b', 'c')",
    ]) {
      for (const sql of [`SELECT * FROM ${source}`, `DESCRIBE TABLE ${source}`]) {
        const failure = await refused(sql)
        assert.equal(failure.code, 497, `${sql}: ${failure.message}`)
      }
    }
  })

  test('no file is written', async () => {
    const path = join(outside, 'written.txt')
    for (const sql of [
      `SELECT 1 INTO OUTFILE '${path}'`,
      `SELECT 1 INTO /**/ OUTFILE '${path}' AND STDOUT`,
      `SELECT 1 into outfile '${path}' truncate FORMAT CSV`,
      `(SELECT 1) UNION ALL (SELECT 2) INTO OUTFILE '${path}'`,
      `EXPLAIN SELECT 1 INTO OUTFILE '${path}'`,
      `SHOW TABLES INTO OUTFILE '${path}'`,
      `INSERT INTO FUNCTION file('${path}') SELECT 1`,
    ]) {
      await refused(sql)
      assert.equal(existsSync(path), false, sql)
    }
  })

  test('the engine itself refuses sources to everyone, the writer included', async () => {
    const { writer } = temporary.clickhouse
    const query = `SELECT * FROM file('${join(outside, 'secret.txt')}', 'LineAsString')`
    await assert.rejects(writer.query({ query }), /READ ON FILE/)
    const table = "CREATE TABLE d.u (a String) ENGINE = URL('http://127.0.0.1:9/', 'CSV')"
    await assert.rejects(writer.command({ query: table }), /Not enough privileges/)
  })

  test('the reader of our own questions cannot write, and keeps nothing that was set', async () => {
    const { reader } = temporary.clickhouse
    await assert.rejects(reader.command({ query: 'DROP TABLE d.t' }), /readonly mode/)
    await assert.rejects(reader.command({ query: 'SET readonly = 0' }), /readonly mode/)
  })

  test('names that look like functions are still names', async () => {
    assert.equal(await read("SELECT 'file' AS outcome, 'INTO OUTFILE'"), 'file\tINTO OUTFILE\n')
    assert.equal(await read('SELECT x AS url, x AS remote FROM d.t LIMIT 1'), '0\t0\n')
    assert.equal(await read('SELECT count() FROM numbers(5) -- file(url())'), '5\n')
  })

  test('settings, database and parameters count for one statement', async () => {
    const options = {
      database: 'd',
      settings: { max_threads: '1', session_timezone: 'Asia/Tokyo' },
      parameters: { text: "it's \\t \\\\ ünï", list: "['a','b']", nothing: '\\N' },
    }
    const sql = `SELECT count(), timezone(), {text:String}, {list:Array(String)}[2],
      {nothing:Nullable(Int8)} IS NULL FROM t`
    assert.equal(await read(sql, options), "10\tAsia/Tokyo\tit\\'s \\t \\\\ ünï\tb\t1\n")
    assert.equal(await read('SELECT timezone(), currentDatabase()'), 'UTC\tdefault\n')
    assert.equal((await refused('SELECT {text:String}')).code, 456)
    assert.equal((await refused('SELECT * FROM t')).code, 60)
  })

  test('a parameter or a setting cannot carry a statement along', async () => {
    const parameters = { a: "'; SET readonly = 0; DROP TABLE d.t; SELECT '" }
    await read('SELECT {a:String}', { parameters })
    const name = 'a = 1; DROP TABLE d.t; SET b'
    await refused('SELECT 1', { settings: { [name]: '1' } })
    await refused('SELECT 1', { database: '`; DROP TABLE d.t; --' })
    assert.equal(await read('SELECT count() FROM d.t'), '10\n')
  })

  test('a held result above its limit is refused; lines are streamed beyond it', async () => {
    const sql = 'SELECT number FROM numbers(1000000)'
    assert.equal((await refused(`${sql} FORMAT JSON`)).code, 396)
    assert.ok((await read(sql)).length > 6_000_000)
  })

  test('a query above its memory is refused and the engine goes on', async () => {
    const sql =
      'SELECT groupArray(repeat(toString(number), 100)) FROM numbers(10000000) FORMAT Null'
    assert.equal((await refused(sql)).code, 241)
    assert.equal(await read('SELECT 1'), '1\n')
  })

  test('an aborted statement is killed in the engine, held or streamed', async () => {
    for (const sql of [
      'SELECT max(sipHash64(number)) FROM numbers(100000000000) FORMAT JSON',
      'SELECT max(sipHash64(number)) FROM numbers(100000000000)',
    ]) {
      const abort = new AbortController()
      const running = refused(sql, { signal: abort.signal })
      while (!(await read('SELECT query FROM system.processes')).includes('sipHash64')) {
        await new Promise((resolve) => setImmediate(resolve))
      }
      abort.abort()
      assert.equal((await running).code, 394)
    }
  })

  test('a stream that its reader leaves is ended', async () => {
    const result = await temporary.clickhouse.read({
      sql: 'SELECT number FROM numbers(100000000000)',
      format: 'TabSeparated',
      settings: {},
      parameters: {},
      resultBytesMax: 1_000_000,
    })
    for await (const chunk of result.body) {
      assert.ok(chunk.length > 0)
      break
    }
    while ((await read('SELECT query FROM system.processes')).includes('100000000000')) {
      await new Promise((resolve) => setImmediate(resolve))
    }
  })

  test('statements beyond the limit are refused with the code for it', async () => {
    const abort = new AbortController()
    const sql = 'SELECT max(sipHash64(number)) FROM numbers(100000000000)'
    const running = Array.from({ length: 32 }, () => refused(sql, { signal: abort.signal }))
    assert.equal((await refused('SELECT 1')).code, 202)
    abort.abort()
    await Promise.all(running)
    assert.equal(await read('SELECT 1'), '1\n')
  })
})
