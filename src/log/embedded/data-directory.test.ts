import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'

import { ManualClock } from '../../core/clock.ts'
import { openStorage } from '../../state/rocksdb-backend.ts'

const clock = new ManualClock()
const memoryBudgetBytes = 16 * 1024 * 1024
const child = new URL('./crash-writer.test-child.ts', import.meta.url).pathname

describe('a data directory', () => {
  let directory = ''
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tidemark-data-'))
  })
  afterEach(async () => {
    await rm(directory, { recursive: true, force: true })
  })
  const open = () => openStorage({ directory, clock, memoryBudgetBytes })

  test('is made where there is none, beside files of others, and opens again', async () => {
    directory = join(directory, 'deep', 'data')
    await mkdir(directory, { recursive: true })
    await writeFile(join(directory, 'theirs'), 'kept')
    await (await open()).close()
    await (await open()).close()
    assert.deepEqual((await readdir(directory)).sort(), ['FORMAT', 'storage', 'theirs'])
    assert.deepEqual(JSON.parse(await readFile(join(directory, 'FORMAT'), 'utf8')), {
      format: 1,
      product: 'tidemark',
    })
  })

  test('of a newer format is refused, naming both', async () => {
    await (await open()).close()
    await writeFile(join(directory, 'FORMAT'), '{"format": 7}')
    await assert.rejects(open(), { code: 'DATA_DIR_NEWER', message: /format 7.*up to format 1/ })
  })

  test('whose FORMAT is unreadable or gone is refused', async () => {
    await (await open()).close()
    await writeFile(join(directory, 'FORMAT'), '{"format"')
    await assert.rejects(open(), { code: 'DATA_DIR_CORRUPT', message: /FORMAT/ })
    await rm(join(directory, 'FORMAT'))
    await assert.rejects(open(), { code: 'DATA_DIR_CORRUPT', message: /no FORMAT/ })
  })

  test('whose storage is damaged is refused', async () => {
    await (await open()).close()
    await writeFile(join(directory, 'storage', 'CURRENT'), 'MANIFEST-999999\n')
    await assert.rejects(open(), { code: 'DATA_DIR_CORRUPT' })
  })

  test('that is a file is refused', async () => {
    await writeFile(join(directory, 'file'), '')
    const file = join(directory, 'file')
    await assert.rejects(openStorage({ directory: file, clock }), { code: 'DATA_DIR_CORRUPT' })
  })

  test('in use by this process is refused', async () => {
    const storage = await open()
    try {
      const message = new RegExp(`in use by process ${process.pid}`)
      await assert.rejects(open(), { code: 'DATA_DIR_IN_USE', message })
    } finally {
      await storage.close()
    }
  })

  test('in use by another process is refused, naming it, until that is killed', async () => {
    const writer = spawn(process.execPath, [child, directory, 'process-crash'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const exited = once(writer, 'exit')
    try {
      await once(writer.stdout, 'data')
      const message = new RegExp(`in use by process ${writer.pid}`)
      await assert.rejects(open(), { code: 'DATA_DIR_IN_USE', message })
    } finally {
      writer.kill('SIGKILL')
      await exited
    }
    await (await open()).close()
  })

  test('needs a memory budget that the storage can live on', async () => {
    await assert.rejects(openStorage({ directory, clock, memoryBudgetBytes: 1000 }), {
      code: 'CONFIGURATION_INVALID',
    })
  })
})
