import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
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
