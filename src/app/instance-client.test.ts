import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { test, type TestContext } from 'node:test'
import { systemClock } from '../core/clock.ts'
import { openStorage } from '../state/rocksdb-backend.ts'
import { loadConfiguration } from './configuration.ts'
import { removeInstanceFile, writeInstanceFile } from './instance-file.ts'
import { connectInstance } from './instance-client.ts'

test('a command that comes while an instance is starting is told to wait and try again', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-starting-'))
  const flags = { dataDir: directory, topologies: 'exam-scores', workers: '0' }
  const configuration = loadConfiguration({ flags, environment: {}, directory })
  // What an instance has in hand before its doors are open and instance.json says so.
  const starting = await openStorage({ directory, clock: systemClock })
  try {
    await assert.rejects(connectInstance(configuration), (thrown: Error & { code?: string }) => {
      assert.equal(thrown.code, 'DATA_DIR_IN_USE')
      assert.match(thrown.message, new RegExp(`in use by process ${process.pid}`))
      assert.match(thrown.message, /an instance is starting .*; wait .* and try again$/)
      assert.doesNotMatch(thrown.message, /stop it/)
      return true
    })
  } finally {
    await starting.close()
    await rm(directory, { recursive: true })
  }
})

test('of a door that the instance does not have a command is told, and who has what is behind it', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-doorless-'))
  const configuration = loadConfiguration({
    flags: { dataDir: directory },
    environment: {},
    directory,
  })
  const urls = { console: 'http://127.0.0.1:1', registry: '', ingest: '', clickhouse: '' }
  writeInstanceFile(directory, { pid: process.pid, version: '1', startedAtMs: 0, urls })
  try {
    const client = await connectInstance(configuration)
    await assert.rejects(client.clickhouse('/?query=x'), {
      code: 'REQUEST_INVALID',
      message: /has no clickhouse door; on a cluster ask the server of clickhouse\.url itself/,
    })
    await assert.rejects(client.ingest('/topics'), { message: /has no ingest door$/ })
  } finally {
    removeInstanceFile(directory)
    await rm(directory, { recursive: true })
  }
})

/** A client of an instance whose console answers so. */
async function clientOf(t: TestContext, answer: RequestListener) {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-settle-'))
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const console = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const urls = { console, registry: '', ingest: '', clickhouse: '' }
  writeInstanceFile(directory, { pid: process.pid, version: '1', startedAtMs: 0, urls })
  t.after(async () => {
    server.closeAllConnections()
    server.close()
    await rm(directory, { recursive: true })
  })
  const flags = { dataDir: directory }
  const client = await connectInstance(loadConfiguration({ flags, environment: {}, directory }))
  return { client, console, close: () => server.close() }
}

test('who waits for facts is told what and where when the instance goes away meanwhile', async (t) => {
  const { client, console, close } = await clientOf(t, (request) => {
    close()
    request.socket.destroy()
  })
  for (const reason of ['other side closed', 'ECONNREFUSED']) {
    await assert.rejects(client.settle(), (thrown: Error & { code?: string }) => {
      assert.equal(thrown.code, 'INSTANCE_NOT_RUNNING')
      assert.ok(
        thrown.message.startsWith(`no answer from the instance at ${console}: fetch failed`),
      )
      assert.match(thrown.message, new RegExp(`${reason}.*; what it had acknowledged is kept`))
      return true
    })
  }
})

test('who waits for facts is told why the instance has failed', async (t) => {
  const { client } = await clientOf(t, ({ url = '' }, response) => {
    if (url.startsWith('/api/idle')) response.writeHead(500).end('Internal Server Error')
    else response.end(JSON.stringify({ state: 'failed', trouble: 'the password is wrong' }))
  })
  await assert.rejects(client.settle(), {
    code: 'INSTANCE_NOT_RUNNING',
    message: /^the instance is failed: the password is wrong; what it had acknowledged is kept/,
  })
})
