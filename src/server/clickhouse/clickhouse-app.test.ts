/** Over real HTTP: with @clickhouse/client, with fetch, and in the shape of clickhouse-go, Grafana's driver. */
import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, before, describe, test } from 'node:test'
import {
  brotliCompressSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
  zstdDecompressSync,
} from 'node:zlib'
import { ClickHouseLogLevel, createClient } from '@clickhouse/client'
import { openClickHouse } from '../../sinks/clickhouse/open-clickhouse.ts'
import { temporaryClickHouse } from '../../sinks/clickhouse/temporary-clickhouse.test-support.ts'
import type { TemporaryClickHouse } from '../../sinks/clickhouse/temporary-clickhouse.test-support.ts'
import { Access, sha256 } from '../access/access.ts'
import { guarded } from '../access/guarded.ts'
import { listen } from '../listen.ts'
import type { Listener } from '../listen.ts'
import { cityHash128 } from './city-hash.ts'
import { clickhouseApp } from './clickhouse-app.ts'

describe('ClickHouse endpoint', () => {
  let temporary: TemporaryClickHouse
  let listener: Listener

  before(async () => {
    temporary = await temporaryClickHouse()
    const { writer } = temporary.clickhouse
    await writer.command({ query: 'CREATE DATABASE exams' })
    await writer.command({
      query: `CREATE TABLE exams.scores (student String, score Nullable(Float64), at DateTime64(3, 'UTC'))
ENGINE = MergeTree ORDER BY student`,
    })
    await writer.command({
      query: "INSERT INTO exams.scores VALUES ('ann', 0.5, 1), ('bob', NULL, 1700000000.123)",
    })
    const access = new Access([
      { name: 'default', passwordSha256: sha256(''), roles: ['reader'], databases: null },
      { name: 'analyst', passwordSha256: sha256('geheim:ß'), roles: ['reader'], databases: null },
    ])
    const app = clickhouseApp(temporary.clickhouse, {})
    listener = await listen(guarded(app, { door: 'sql', access, audit: { record: () => {} } }), {
      name: 'ClickHouse endpoint',
      host: '127.0.0.1',
      port: 0,
    })
  })
  after(async () => {
    await listener.close(0)
    await temporary.remove()
  })

  const get = (path: string, init?: RequestInit) => fetch(`${listener.url}${path}`, init)
  const query = (sql: string, more: Record<string, string> = {}, init?: RequestInit) =>
    get(`/?${new URLSearchParams({ query: sql, ...more }).toString()}`, init)

  test('health checks answer Ok', async () => {
    for (const path of ['/ping', '/', '/replicas_status']) {
      const response = await get(path)
      assert.equal(response.status, 200)
      assert.equal(await response.text(), 'Ok.\n')
      assert.equal((await get(path, { method: 'HEAD' })).status, 200)
    }
    assert.equal((await get('/nowhere')).status, 404)
  })

  test('the query comes in the URL, in the body, or half in each', async () => {
    assert.equal(await (await query('SELECT 1')).text(), '1\n')
    assert.equal(await (await get('/', { method: 'POST', body: 'SELECT 2' })).text(), '2\n')
    const both = await query('SELECT {a:UInt8} +', { param_a: '1' }, { method: 'POST', body: '2' })
    assert.equal(await both.text(), '3\n')
    assert.equal((await get('/', { method: 'POST', body: '' })).status, 400)
  })

  test('the format is the statement’s, the header’s or the parameter’s', async () => {
    const json = await query('SELECT 1 AS a FORMAT JSONEachRow', { default_format: 'CSV' })
    assert.equal(await json.text(), '{"a":1}\n')
    assert.equal(json.headers.get('x-clickhouse-format'), 'JSONEachRow')
    assert.match(json.headers.get('content-type') ?? '', /x-ndjson/)
    const headers = { 'X-ClickHouse-Format': 'CSVWithNames' }
    const csv = await query("SELECT 'x' AS a", { default_format: 'JSON' }, { headers })
    assert.equal(await csv.text(), '"a"\n"x"\n')
    const unknown = await query('SELECT 1', { default_format: 'Nonsense' })
    assert.equal(unknown.status, 404)
    assert.equal(unknown.headers.get('x-clickhouse-exception-code'), '73')
  })

  test('an answer carries ClickHouse’s headers', async () => {
    const { headers } = await query('SELECT 1 FORMAT JSON', { query_id: 'my-query.1' })
    assert.equal(headers.get('x-clickhouse-query-id'), 'my-query.1')
    assert.equal(headers.get('x-clickhouse-timezone'), 'UTC')
    assert.ok(headers.get('x-clickhouse-server-display-name'))
    const summary = JSON.parse(headers.get('x-clickhouse-summary') ?? '') as { read_rows: string }
    assert.equal(summary.read_rows, '1')
  })

  const failures: readonly (readonly [sql: string, status: number, code: number, type: string])[] =
    [
      ['SELECT FROM WHERE', 400, 62, 'SYNTAX_ERROR'],
      ['SELECT * FROM exams.nothing', 404, 60, 'UNKNOWN_TABLE'],
      ['SELECT nothing', 404, 47, 'UNKNOWN_IDENTIFIER'],
      ['SELECT noSuchFunction()', 404, 46, 'UNKNOWN_FUNCTION'],
      ['SELECT 1; SELECT 2', 400, 62, 'SYNTAX_ERROR'],
      ['DROP TABLE exams.scores', 500, 164, 'READONLY'],
      ["INSERT INTO exams.scores VALUES ('eve', 1, 1)", 500, 164, 'READONLY'],
      ["SELECT * FROM url('http://127.0.0.1:9/')", 403, 497, 'ACCESS_DENIED'],
      ["SELECT throwIf(1, 'no') FORMAT JSON", 500, 395, 'FUNCTION_THROW_IF_VALUE_IS_NON_ZERO'],
      ["SELECT toInt8('x')", 400, 6, 'CANNOT_PARSE_TEXT'],
    ]
  for (const [sql, status, code, type] of failures) {
    test(`fails as ClickHouse does: ${sql}`, async () => {
      const response = await query(sql)
      assert.equal(response.status, status)
      assert.equal(response.headers.get('x-clickhouse-exception-code'), String(code))
      const text = await response.text()
      assert.match(
        text,
        new RegExp(
          `^Code: ${code}\\. DB::Exception: .*[^.]\\. \\(${type}\\) \\(version 26\\..*\\)\n$`,
          's',
        ),
      )
    })
  }

  test('a failure in the middle of a stream is told at its end', async () => {
    const response = await query('SELECT throwIf(number = 1500000) FROM numbers(2000000)')
    assert.equal(response.status, 200)
    const tag = response.headers.get('x-clickhouse-exception-tag') ?? 'none'
    const text = await response.text()
    assert.match(text.slice(-600), new RegExp(`\r\n__exception__\r\n${tag}\r\nCode: 395\\. `))
    assert.ok(text.endsWith(` ${tag}\r\n__exception__\r\n`))
  })

  test('who asks is told by headers, basic authentication or the URL; others are refused', async () => {
    const sql = 'SELECT 1'
    const password = 'geheim:ß'
    const basic = `Basic ${Buffer.from(`analyst:${password}`).toString('base64')}`
    const ways: [Record<string, string>, Record<string, string>][] = [
      [{}, {}],
      [{ user: 'analyst', password }, {}],
      [{}, { authorization: basic }],
      [{}, { 'X-ClickHouse-User': 'default' }],
    ]
    for (const [search, headers] of ways) {
      assert.equal((await query(sql, search, { headers })).status, 200)
    }
    const wrong: [Record<string, string>, Record<string, string>][] = [
      [{ user: 'analyst' }, {}],
      [{ user: 'default', password: 'x' }, {}],
      [{ user: 'toString' }, {}],
      [{}, { authorization: basic.slice(0, -4) }],
      [{}, { 'X-ClickHouse-User': 'default', 'X-ClickHouse-Key': 'x' }],
    ]
    for (const [search, headers] of wrong) {
      const response = await query(sql, search, { headers })
      assert.equal(response.status, 401)
      assert.match(await response.text(), /^Code: 516\. .*\(AUTHENTICATION_FAILED\)/)
    }
  })

  test('bodies come compressed, and no larger than the limit', async () => {
    const sql = Buffer.from('SELECT 42')
    const encoded = {
      gzip: gzipSync(sql),
      deflate: deflateSync(sql),
      br: brotliCompressSync(sql),
      zstd: zstdCompressSync(sql),
    }
    const post = (body: Buffer, encoding: string) =>
      get('/', {
        method: 'POST',
        body: new Uint8Array(body),
        headers: { 'content-encoding': encoding },
      })
    for (const [encoding, body] of Object.entries(encoded)) {
      assert.equal(await (await post(body, encoding)).text(), '42\n', encoding)
    }
    assert.equal((await post(gzipSync(Buffer.alloc(5_000_000, 32)), 'gzip')).status, 413)
    assert.equal((await post(sql, 'gzip')).status, 400)
    assert.equal((await post(sql, 'snappy')).status, 501)
    const large = await get('/', { method: 'POST', body: `SELECT '${'x'.repeat(2_000_000)}'` })
    assert.equal(large.status, 413)
  })

  test('answers are compressed when asked for twice', async () => {
    const sql = 'SELECT number FROM numbers(10000)'
    for (const encoding of ['gzip', 'deflate', 'br']) {
      const headers = { 'accept-encoding': encoding }
      const packed = await query(sql, { enable_http_compression: '1' }, { headers })
      assert.equal(packed.headers.get('content-encoding'), encoding)
      assert.equal((await packed.text()).split('\n').length, 10_001)
      const plain = await query(sql, {}, { headers })
      assert.equal(plain.headers.get('content-encoding'), null)
      await plain.text()
    }
  })

  test('settings are the reader’s within their bounds, and no others', async () => {
    const sql = `SELECT getSetting('max_execution_time'), getSetting('max_threads')`
    const inside = await query(sql, { max_execution_time: '5', max_threads: '1', session_id: 'x' })
    assert.equal(await inside.text(), '5\t1\n')
    const outside = await query(sql, { max_execution_time: '0', max_threads: '999' })
    assert.equal(await outside.text(), '300\t2\n')
    const slow = await query('SELECT sleep(3)', { max_execution_time: '0.2' })
    assert.equal(slow.status, 408)
    for (const name of ['allow_ddl', 'output_format_schema', 'format_template_row', 'dialect']) {
      const response = await query('SELECT 1', { [name]: '1' })
      assert.equal(response.headers.get('x-clickhouse-exception-code'), '164', name)
    }
    const quoted = await query('SELECT 18446744073709551615 AS a FORMAT JSONEachRow', {
      output_format_json_quote_64bit_integers: '1',
    })
    assert.equal(await quoted.text(), '{"a":"18446744073709551615"}\n')
  })

  test('a client that goes away takes its statement along', async () => {
    const sql = 'SELECT max(sipHash64(number)) FROM numbers(100000000000)'
    const running = async () => {
      const found = await query(
        "SELECT count() FROM system.processes WHERE query LIKE '%sip' || 'Hash%'",
      )
      return (await found.text()) !== '0\n'
    }
    const going = request(`${listener.url}/?${new URLSearchParams({ query: sql }).toString()}`)
    going.on('error', () => {})
    going.end()
    while (!(await running())) await new Promise((resolve) => setImmediate(resolve))
    going.destroy()
    while (await running()) await new Promise((resolve) => setImmediate(resolve))
  })

  test('@clickhouse/client works unchanged', async () => {
    const client = createClient({
      url: listener.url,
      username: 'analyst',
      password: 'geheim:ß',
      database: 'exams',
      compression: { response: true, request: true },
      clickhouse_settings: { max_execution_time: 10 },
      log: { level: ClickHouseLogLevel.OFF },
    })
    assert.deepEqual(await client.ping(), { success: true })
    assert.equal((await client.ping({ select: true })).success, true)
    const rows = await client.query({
      query: 'SELECT student, score, at FROM scores WHERE student = {student:String}',
      query_params: { student: 'bob' },
      format: 'JSONEachRow',
    })
    const expected = [{ student: 'bob', score: null, at: '2023-11-14 22:13:20.123' }]
    assert.deepEqual(await rows.json(), expected)
    const whole = await client.query({ query: 'SELECT count() AS n FROM scores', format: 'JSON' })
    assert.deepEqual((await whole.json<{ n: number }>()).data, [{ n: 2 }])
    let streamed = 0
    const many = await client.query({
      query: 'SELECT number FROM numbers(300000)',
      format: 'JSONCompactEachRow',
    })
    for await (const part of many.stream()) streamed += part.length
    assert.equal(streamed, 300_000)
    await assert.rejects(client.command({ query: 'DROP TABLE scores' }), { code: '164' })
    await assert.rejects(client.insert({ table: 'scores', values: [{}], format: 'JSONEachRow' }), {
      code: '164',
    })
    await assert.rejects(client.query({ query: 'SELECT * FROM nothing' }), {
      code: '60',
      type: 'UNKNOWN_TABLE',
    })
    const failing = await client.query({
      query: 'SELECT throwIf(number = 1500000) AS a FROM numbers(2000000)',
      format: 'JSONEachRow',
    })
    await assert.rejects(failing.text().then((text) => assert.match(text, /never/)))
    await client.close()
  })

  test('our own handle opens on the endpoint as on any server', async () => {
    const server = await openClickHouse({ url: listener.url })
    const result = await server.read({
      sql: 'SELECT student FROM exams.scores ORDER BY 1',
      format: 'CSV',
      settings: {},
      parameters: {},
      resultBytesMax: 1_000_000,
    })
    let text = ''
    for await (const chunk of result.body) text += Buffer.from(chunk).toString()
    assert.equal(text, '"ann"\n"bob"\n')
    const table = { database: 'exams', table: 'scores' }
    await assert.rejects(server.insert(table, ['student'], Buffer.from('eve\n')), {
      code: 'SINK_REFUSED',
    })
    await server.close()
    await assert.rejects(openClickHouse({ url: 'http://127.0.0.1:9' }), {
      code: 'SINK_UNAVAILABLE',
    })
  })

  const driver = { default_format: 'Native', client_protocol_version: '54460', database: 'default' }

  test('the handshake of clickhouse-go gets a block with its info and its custom-serialization bytes', async () => {
    const sql = 'SELECT displayName(), version(), revision(), timezone()'
    const headers = { 'X-ClickHouse-User': 'default' }
    const body = await get(
      `/?${new URLSearchParams({ ...driver, max_execution_time: '60' }).toString()}`,
      {
        method: 'POST',
        body: sql,
        headers,
      },
    )
    const bytes = Buffer.from(await body.arrayBuffer())
    assert.deepEqual([...bytes.subarray(0, 10)], [1, 0, 2, 255, 255, 255, 255, 0, 4, 1])
    const name = Buffer.concat([Buffer.from([13]), Buffer.from('displayName()')])
    const type = Buffer.concat([Buffer.from([6]), Buffer.from('String')])
    assert.deepEqual(bytes.subarray(10, 31), Buffer.concat([name, type]))
    assert.equal(bytes[31], 0)
    assert.ok(bytes.includes(Buffer.from('UInt32\0')))
  })

  test('in Native every column type keeps its data', async () => {
    const columns = [
      'number',
      'toString(number)',
      'toLowCardinality(toString(number % 3))',
      "CAST(if(number = 1, NULL, 'x'), 'LowCardinality(Nullable(String))')",
      '[number, NULL]',
      "map('a', [toInt8(1)], 'b', [])",
      "(1, 'two', [toLowCardinality('three')])",
      "toFixedString('abc', 5)",
      "toDecimal128('1.5', 3)",
      'generateUUIDv4(number)',
      'toDate(0)',
      "toDateTime64(1.5, 3, 'UTC')",
      "CAST('a', 'Enum8(''a,(b'' = 1, ''a'' = 2)')",
      'INTERVAL 1 DAY',
      'NULL',
      '[]',
      'emptyArrayString()',
      '(1.0, 2.0)::Point',
      "toIPv6('::1')",
      'true',
    ]
    const sql = `SELECT ${columns.map((column, index) => `${column} AS c${index}`).join(', ')} FROM numbers(3)`
    const plain = Buffer.from(await (await query(sql, { default_format: 'Native' })).arrayBuffer())
    const rewritten = Buffer.from(await (await query(sql, driver)).arrayBuffer())
    assert.equal(rewritten.length, plain.length + 8 + columns.length)
    const older = await query(sql, { ...driver, client_protocol_version: '54405' })
    assert.equal(Buffer.from(await older.arrayBuffer()).length, plain.length + 8)
  })

  test('compress=1 is answered in ClickHouse’s own frames', async () => {
    const more = {
      compress: '1',
      network_compression_method: 'lz4',
      default_format: 'TabSeparated',
    }
    const response = await query('SELECT number FROM numbers(200000)', more)
    const bytes = Buffer.from(await response.arrayBuffer())
    let text = ''
    for (let at = 0; at < bytes.length;) {
      const size = bytes.readUInt32LE(at + 17)
      const frame = bytes.subarray(at + 16, at + 16 + size)
      const checksum = [bytes.readBigUInt64LE(at), bytes.readBigUInt64LE(at + 8)]
      assert.deepEqual(checksum, cityHash128(frame))
      assert.equal(frame[0], 0x90)
      const data = zstdDecompressSync(frame.subarray(9))
      assert.equal(data.length, frame.readUInt32LE(5))
      text += data.toString()
      at += 16 + size
    }
    assert.equal(text.split('\n').length, 200_001)
  })

  test('what Grafana’s query builder asks of the system tables is answered', async () => {
    for (const sql of [
      'SHOW DATABASES',
      'SHOW TABLES FROM exams',
      "SELECT name FROM system.databases WHERE name NOT IN ('system')",
      "SELECT name FROM system.tables WHERE database = 'exams'",
      "SELECT name, type FROM system.columns WHERE database = 'exams' AND table = 'scores'",
      'DESCRIBE TABLE "exams"."scores"',
      "SELECT DISTINCT arrayJoin(mapKeys(map('a', 1))) AS keys",
      'EXPLAIN SELECT * FROM exams.scores',
      'SELECT at AS time, score FROM exams.scores WHERE time >= fromUnixTimestamp64Milli(0) LIMIT 10',
    ]) {
      const response = await query(sql, driver)
      assert.equal(response.status, 200, sql)
      assert.ok((await response.arrayBuffer()).byteLength > 0, sql)
    }
  })
})
