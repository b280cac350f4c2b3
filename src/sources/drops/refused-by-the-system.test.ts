/** Files and folders that the system does not let be read or written: nothing else waits for them, and nothing is lost. */
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, readFileSync, renameSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { setUp } from './drop-stage.test-support.ts'
import { fileOf } from './drops.test-support.ts'

const nobody = 65_534

/** Root may read everything. */
async function asNobody<T>(directory: string, run: () => Promise<T>): Promise<T> {
  const user = process.geteuid?.() ?? 0
  if (user !== 0) return run()
  for (const name of ['', 'done', 'failed', 'parquet', '.reading', 'conversion_log.txt']) {
    chmodSync(join(directory, name), 0o777)
  }
  process.seteuid?.(nobody)
  try {
    return await run()
  } finally {
    process.seteuid?.(user)
  }
}

test('a file that may not be read is told once, and taken when it may', async (context) => {
  const stage = await setUp(context)
  const folder = stage.open()
  stage.drop('open.csv', fileOf(0, 3))
  await folder.scan()
  stage.drop('locked.csv', fileOf(3, 6))
  stage.drop('other.csv', fileOf(6, 9))
  const locked = join(stage.directory, 'locked.csv')
  chmodSync(locked, 0)
  await asNobody(stage.directory, async () => {
    await folder.scan()
    await folder.scan()
  })
  assert.deepEqual(stage.in('done'), ['open.csv', 'other.csv'])
  assert.equal(folder.totals.left, 1)
  const told = stage.log().match(/ left locked\.csv why="it cannot be read: EACCES.*$/gm)
  assert.equal(told?.length, 1, stage.log())
  chmodSync(locked, 0o644)
  await folder.scan()
  assert.deepEqual(stage.in('done'), ['locked.csv', 'open.csv', 'other.csv'])
})

test('names that leave no room for another ending are shortened', async (context) => {
  const stage = await setUp(context)
  const folder = stage.open()
  const good = `${'é'.repeat(125)}.csv`
  const bad = `${'ü'.repeat(125)}.csv`
  stage.drop(good, fileOf(0, 3))
  stage.drop(bad, fileOf(3, 6).replace('G3', 'G3;g4'))
  await folder.scan()
  assert.deepEqual([folder.totals.done, folder.totals.failed], [1, 1])
  const [done = ''] = stage.in('done')
  assert.match(done, /^é+\.[0-9a-f]{8}\.csv$/)
  assert.match(stage.in('parquet')[0] ?? '', /^é+\.[0-9a-f]{8}\.parquet$/)
  const [file = '', report] = stage.in('failed')
  assert.match(file, /^ü+\.[0-9a-f]{8}\.csv$/)
  assert.equal(report, `${file}.report.json`)
})

test('a name that is not UTF-8 is told', async (context) => {
  const stage = await setUp(context)
  const folder = stage.open()
  const name = Buffer.concat([Buffer.from('bad'), Buffer.from([0xff]), Buffer.from('.csv')])
  writeFileSync(Buffer.concat([Buffer.from(`${stage.directory}/`), name]), fileOf(0, 3))
  await folder.scan()
  assert.match(stage.log(), / left bad\ufffd\.csv why="its name is not UTF-8; rename it"$/m)
  assert.equal(folder.totals.left, 1)
})

test('folders that were taken away are made again', async (context) => {
  const stage = await setUp(context)
  const folder = stage.open()
  rmdirSync(join(stage.directory, 'done'))
  stage.drop('a.csv', fileOf(0, 3))
  await folder.scan()
  assert.deepEqual(stage.in('done'), ['a.csv'])
})

test('where the folder cannot be worked on that is told once, and it goes on when it can', async (context) => {
  const stage = await setUp(context)
  const ended = new AbortController()
  const folder = stage.open({ signal: ended.signal })
  const log = join(stage.directory, 'conversion_log.txt')
  mkdirSync(log)
  stage.drop('a.csv', fileOf(0, 3))
  await assert.rejects(folder.scan(), {
    code: 'SOURCE_UNREADABLE',
    message: /^the drop folder .*: EISDIR.*conversion_log\.txt/,
  })
  const told: (string | null)[] = []
  const watching = folder.watch(
    () => {
      ended.abort()
    },
    (trouble) => {
      told.push(trouble)
      if (trouble === null) return
      renameSync(log, join(stage.directory, 'done', 'conversion_log.txt'))
    },
  )
  while (!ended.signal.aborted) {
    stage.clock.advance(100)
    await setImmediate()
  }
  await watching
  assert.equal(told.length, 2)
  assert.match(told[0] ?? '', /EISDIR/)
  assert.equal(told[1], null)
  assert.ok(stage.in('done').includes('a.csv'))
  assert.match(readFileSync(log, 'utf8'), / done a\.csv /)
  assert.equal((await stage.sent()).length >= 1, true)
})
