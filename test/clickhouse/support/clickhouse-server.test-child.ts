/**
 * Stands in for a ClickHouse server where none can be installed: the engine of chdb in a process of its own, spoken to
 * over ClickHouse's HTTP interface, reads and writes alike. Prints its URL when it listens.
 *
 *   node clickhouse-server.test-child.ts DIRECTORY PORT [USER PASSWORD]
 */
import { fstatSync } from 'node:fs'
import { Hono } from 'hono'
import { Access, sha256 } from '../../../src/server/access/access.ts'
import { credentialsOf } from '../../../src/server/access/credentials.ts'
import { clickhouseApp } from '../../../src/server/clickhouse/clickhouse-app.ts'
import { httpStatusOf } from '../../../src/server/clickhouse/http-status.ts'
import { readQuery } from '../../../src/server/clickhouse/query-request.ts'
import { listen } from '../../../src/server/listen.ts'
import { clickHouseFailure, ClickHouseFailure } from '../../../src/sinks/clickhouse/failure.ts'
import { openClickHouse } from '../../../src/sinks/clickhouse/open-clickhouse.ts'

const [path = '', port = '0', user = 'default', password = ''] = process.argv.slice(2)
const bodyBytesMax = 256 * 1024 * 1024
const users = [
  { name: user, passwordSha256: sha256(password), roles: ['admin'] as const, databases: null },
]
const access = new Access(users)
const clickhouse = await openClickHouse({ path })
const reads = clickhouseApp(clickhouse, { queryBytesMax: bodyBytesMax })

/** What a server takes and the reading endpoint does not know. */
const serverSettings = ['distributed_ddl_output_mode', 'async_insert']

async function answer(request: Request): Promise<Response> {
  const url = new URL(request.url)
  if (url.pathname === '/ping') return await reads.fetch(request)
  for (const name of serverSettings) url.searchParams.delete(name)
  try {
    const credentials = credentialsOf(request, 'sql')
    if (credentials === null || (await access.identify(credentials)) === null) {
      throw new ClickHouseFailure(516, 'AUTHENTICATION_FAILED', 'Authentication failed')
    }
    if (request.method !== 'POST') return await reads.fetch(request)
    const { sql, search } = await readQuery(request.clone(), bodyBytesMax)
    if (/^\s*(SELECT|WITH|SHOW|DESCRIBE|EXISTS|EXPLAIN)\b/i.test(sql)) {
      return await reads.fetch(new Request(url, request))
    }
    if (search.get('readonly') === '1') throw new ClickHouseFailure(164, 'READONLY', 'readonly')
    await write(sql)
    return new Response('', { headers: { 'x-clickhouse-summary': '{}' } })
  } catch (thrown) {
    const { code, type, message } = clickHouseFailure(thrown)
    const text = `Code: ${code}. DB::Exception: ${message}. (${type}) (version 26.7.2.1)\n`
    const headers = { 'x-clickhouse-exception-code': String(code) }
    return new Response(text, { status: httpStatusOf(code), headers })
  }
}

const insertHead =
  /^INSERT INTO `((?:[^`\\]|\\.)+)`\.`((?:[^`\\]|\\.)+)` \(([^)]*)\) FORMAT TabSeparated\n/

async function write(sql: string): Promise<void> {
  const insert = insertHead.exec(sql)
  if (insert === null) {
    await clickhouse.writer.command({ query: sql })
    return
  }
  const [head, database = '', table = '', columns = ''] = insert
  const names = columns.split(',').map((name) => name.trim().replaceAll('`', ''))
  await clickhouse.insert({ database, table }, names, Buffer.from(sql.slice(head.length)))
}

const app = new Hono()
app.all('*', (context) => answer(context.req.raw))
const listener = await listen(app, { name: 'ClickHouse', host: '127.0.0.1', port: Number(port) })
process.stdout.write(`${listener.url}\n`)
// A test that started it may be gone without a word; a shell gives it a terminal, or nothing to read.
const input = fstatSync(0)
if (input.isSocket() || input.isFIFO()) process.stdin.resume().once('end', () => process.exit(0))
process.once('SIGTERM', () => {
  void listener
    .close(500)
    .then(() => clickhouse.close())
    .then(() => process.exit(0))
})
