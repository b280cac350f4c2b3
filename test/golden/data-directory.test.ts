/**
 * A data directory that an earlier state of the project wrote is gone on with: its tables, its write-ahead log, its log
 * and the state of a store of each kind. The directory is `data-directory/directory.json`, file by file; two runs wrote it,
 * each with part of the visits. It is not written anew when a format changes: then a newer one goes beside it.
 */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { systemClock } from '../../src/core/clock.ts'
import { readLatest, send, testRuntime } from '../../src/runtime/test-support/harness.ts'
import { openStorage } from '../../src/state/rocksdb-backend.ts'
import topology, { visits } from '../kafka/upgrade-stores.ts'

interface KeptDirectory {
  readonly writtenBy: string
  /** Base64, by path. */
  readonly files: Readonly<Record<string, string>>
}

const path = new URL('data-directory/directory.json', import.meta.url)
const kept = JSON.parse(await readFile(path, 'utf8')) as KeptDirectory

async function directoryOf(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-earlier-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  for (const [name, content] of Object.entries(kept.files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true })
    await writeFile(join(directory, name), Buffer.from(content, 'base64'))
  }
  return directory
}

test(`a data directory that was written by ${kept.writtenBy}, is gone on with`, async (t) => {
  const { log, state, close } = await openStorage({
    directory: await directoryOf(t),
    clock: systemClock,
  })
  t.after(close)
  const [input] = await log.describeTopics([visits.name])
  assert.equal(input?.partitions[0]?.highWatermark, 5, 'the log has what came in')
  const runtime = testRuntime([topology], { log, state }, { limits: { defaultPartitionCount: 1 } })
  await runtime.start()
  const visit = { page: 'home', visitor: 7 }
  await send(log, visits, [
    { ...visit, atMs: 20_500, isQuestion: false },
    { ...visit, atMs: 20_500, isQuestion: true },
  ])
  await runtime.whenIdle()
  await runtime.stop()
  // By hand, of visits at 10.0, 10.7 and 20.0 s that are in the directory, and that of above: none counts twice.
  const known = {
    visitor: 7,
    visits: 4,
    recent: 4,
    windows: [
      [10_000, 2],
      [20_000, 2],
    ],
    sessions: [
      [10_000, 10_700, 2],
      [20_000, 20_500, 2],
    ],
  }
  assert.deepEqual([...(await readLatest(log, 'known')).values()], [known])
})
