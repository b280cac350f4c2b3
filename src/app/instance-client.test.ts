import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../core/clock.ts'
import { openStorage } from '../state/rocksdb-backend.ts'
import { loadConfiguration } from './configuration.ts'
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
