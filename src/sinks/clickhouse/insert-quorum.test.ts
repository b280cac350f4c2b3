import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { openServer, type ServerOptions } from './server.ts'

/** Of an insert, as it reaches the server. */
async function quorumOf(options: Pick<ServerOptions, 'insertQuorum'>): Promise<string | null> {
  const inserts: URLSearchParams[] = []
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '/', 'http://clickhouse')
    if (searchParams.get('query')?.startsWith('INSERT') === true) inserts.push(searchParams)
    else assert.equal(searchParams.get('insert_quorum'), null)
    request.resume().once('end', () => response.end(request.url === '/ping' ? 'Ok.\n' : ''))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const clickhouse = await openServer({ url: `http://127.0.0.1:${port}`, ...options })
  try {
    await clickhouse.insert({ database: 'd', table: 't' }, ['a'], Buffer.from('1\n'))
    assert.equal(inserts.length, 1)
    return inserts[0]?.get('insert_quorum') ?? null
  } finally {
    await clickhouse.close()
    server.closeAllConnections()
    server.close()
  }
}

test('an insert asks for as many replicas as were set, and else says nothing of them', async () => {
  assert.equal(await quorumOf({ insertQuorum: 'auto' }), 'auto')
  assert.equal(await quorumOf({ insertQuorum: 2 }), '2')
  assert.equal(await quorumOf({ insertQuorum: 0 }), null)
  assert.equal(await quorumOf({}), null)
})
