/** Writers that pause: what they add to a file that was judged. */
import assert from 'node:assert/strict'
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { DropReport } from './drop-report.ts'
import type { JudgedFile } from './watched-list.ts'
import { findIn, setUp } from './drop-stage.test-support.ts'
import { fileOf, rowsOnce, sampleRows } from './drops.test-support.ts'
import { watchMs } from './taken-files.ts'

test('a writer that pauses at the end of a line has its rows counted once, those of the whole file', async (context) => {
  const stage = await setUp(context)
  const folder = stage.open({ find: findIn(stage) })
  stage.drop('paused.csv', fileOf(0, 10), stage.clock.nowMs())
  stage.drop('whole.csv', fileOf(20, 30), stage.clock.nowMs())
  stage.clock.advance(300)
  assert.equal(await folder.scan(), 2)
  stage.append('done/paused.csv', `${sampleRows[10]}\n`)
  assert.equal(await folder.scan(), 1)
  assert.equal(rowsOnce(await stage.sent()).size, 10)
  assert.equal(folder.totals.waiting, 1)
  stage.clock.advance(300)
  assert.equal(await folder.scan(), 1)
  assert.equal(rowsOnce(await stage.sent()).size, 21)
  assert.deepEqual(stage.in('done'), ['paused.csv', 'whole.csv'])
  assert.equal(stage.in('parquet').length, 2)
  const [reportName = '', ...others] = stage.in('failed')
  assert.deepEqual(others, [])
  assert.match(reportName, /^paused\.[0-9a-f]{8}\.csv\.report\.json$/)
  const text = readFileSync(join(stage.directory, 'failed', reportName), 'utf8')
  const report = JSON.parse(text) as DropReport
  assert.deepEqual(
    report.problems.map(({ check }) => check),
    ['file_complete'],
  )
  assert.match(report.how_to_mend, /^The 10 rows .* were retracted/)
  assert.match(stage.log(), / retracted paused\.csv .*rows=10 why="expected \d+ bytes/)
  assert.deepEqual([folder.totals.retracted, folder.totals.rowsRetracted], [1, 10])
  // The same beginning as a file of its own is new again.
  stage.drop('paused.csv', fileOf(0, 10), stage.clock.nowMs())
  stage.clock.advance(300)
  await folder.scan()
  assert.equal(rowsOnce(await stage.sent()).size, 31)
  assert.doesNotMatch(stage.log(), / duplicate /)
  stage.clock.advance(watchMs)
  await folder.scan()
  stage.append('done/whole.csv', 'long after\n')
  assert.equal(await folder.scan(), 0)
  assert.ok(stage.in('done').includes('whole.csv'))
})

test('what came whole before stays when another file of that beginning is written on', async (context) => {
  const stage = await setUp(context)
  const folder = stage.open({ find: findIn(stage) })
  stage.drop('first.csv', fileOf(0, 10), stage.clock.nowMs())
  stage.clock.advance(300)
  await folder.scan()
  stage.drop('paused.csv', fileOf(0, 10), stage.clock.nowMs())
  stage.clock.advance(300)
  await folder.scan()
  stage.append('done/paused.csv', `${sampleRows[10]}\n`)
  await folder.scan()
  stage.clock.advance(300)
  await folder.scan()
  assert.equal(rowsOnce(await stage.sent()).size, 10 + 11)
  const [report = ''] = stage.in('failed')
  assert.match(readFileSync(join(stage.directory, 'failed', report), 'utf8'), /those of first\.csv/)
  assert.match(stage.log(), / retracted paused\.csv .* same_as=first\.csv rows=0 /)
  assert.deepEqual([folder.totals.retracted, folder.totals.rowsRetracted], [0, 0])
  assert.deepEqual([folder.totals.rows, folder.totals.duplicates], [10 + 11, 1])
})

for (const [what, olderMs] of [
  ['the same time', 0],
  ['an older time', 5_000],
] as const) {
  test(`the rows of a copy with ${what} stay when the file it was copied from is written on`, async (context) => {
    const stage = await setUp(context)
    const folder = stage.open({ find: findIn(stage) })
    const startMs = stage.clock.nowMs()
    const drop = async (name: string, modifiedMs: number) => {
      stage.drop(name, fileOf(0, 10), modifiedMs)
      stage.clock.advance(300)
      await folder.scan()
    }
    await drop('a.csv', startMs)
    await drop('b.csv', startMs - olderMs)
    const grow = async (name: string) => {
      stage.append(`done/${name}`, `${sampleRows[10]}\n`)
      await folder.scan()
      stage.clock.advance(300)
      await folder.scan()
    }
    await grow('a.csv')
    assert.equal(rowsOnce(await stage.sent()).size, 10 + 11)
    assert.match(stage.log(), / retracted a\.csv .* same_as=b\.csv rows=0 /)
    assert.deepEqual([folder.totals.retracted, folder.totals.rowsRetracted], [0, 0])
    await drop('c.csv', startMs - 9_000)
    assert.match(stage.log(), / duplicate c\.csv .* same_as=b\.csv /)
    await grow('b.csv')
    assert.match(stage.log(), / retracted b\.csv .* same_as=c\.csv rows=0 /)
    assert.equal(rowsOnce(await stage.sent()).size, 10 + 11)
    await grow('c.csv')
    assert.match(stage.log(), / retracted c\.csv [^=]*=\S+ bytes=\d+ bytes_now=\d+ rows=10 /)
    assert.equal(rowsOnce(await stage.sent()).size, 11)
    assert.deepEqual([folder.totals.retracted, folder.totals.rowsRetracted], [1, 10])
    assert.equal(folder.totals.rows - folder.totals.rowsRetracted, 11)
    // Dropped later, the content is new, and that under the very name and time of what was retracted.
    await drop('d.csv', startMs - 20_000)
    assert.match(stage.log(), / done d\.csv /)
    await stage.open({ find: findIn(stage) }).scan()
    await drop('a.csv', startMs)
    assert.equal(rowsOnce(await stage.sent()).size, 11 + 10)
    await grow('d.csv')
    assert.equal(rowsOnce(await stage.sent()).size, 11 + 10)
  })
}

test('of two files of one name, time and content the one stays when the other is written on', async (context) => {
  const stage = await setUp(context)
  const folder = stage.open({ find: findIn(stage) })
  const startMs = stage.clock.nowMs()
  for (const _ of [1, 2]) {
    stage.drop('a.csv', fileOf(0, 10), startMs)
    stage.clock.advance(300)
    await folder.scan()
  }
  assert.deepEqual([folder.totals.done, folder.totals.duplicates], [1, 1])
  stage.append('done/a.csv', `${sampleRows[10]}\n`)
  await folder.scan()
  stage.clock.advance(300)
  await folder.scan()
  assert.equal(rowsOnce(await stage.sent()).size, 10 + 11)
  // One name, one Parquet file: that of the rows that stay is there, and that of the whole file.
  assert.equal(stage.in('parquet').length, 2)
})

test('two files of one content that are written on in one look take its rows away once', async (context) => {
  const stage = await setUp(context)
  const folder = stage.open({ find: findIn(stage) })
  const names = ['a.csv', 'b.csv']
  for (const name of names) stage.drop(name, fileOf(0, 10), stage.clock.nowMs())
  stage.clock.advance(300)
  await folder.scan()
  for (const [index, name] of names.entries()) {
    stage.append(`done/${name}`, `${sampleRows[10 + index]}\n`)
  }
  await folder.scan()
  assert.equal(rowsOnce(await stage.sent()).size, 0)
  assert.deepEqual([folder.totals.retracted, folder.totals.rowsRetracted], [1, 10])
  stage.clock.advance(300)
  await folder.scan()
  assert.equal(rowsOnce(await stage.sent()).size, 22)
})

test('a writer may pause for most of a day, and the instance be started again meanwhile', async (context) => {
  const stage = await setUp(context)
  const folder = stage.open({ find: findIn(stage) })
  stage.drop('paused.csv', fileOf(0, 10), stage.clock.nowMs())
  stage.clock.advance(300)
  await folder.scan()
  stage.clock.advance(watchMs / 2)
  await folder.scan()
  const next = stage.open({ find: findIn(stage) })
  await next.scan()
  stage.clock.advance(watchMs / 2 - 60_000)
  await next.scan()
  stage.append('done/paused.csv', `${sampleRows[10]}\n`)
  // It is back and taken at once: it was still for long.
  stage.clock.advance(60_000)
  assert.equal(await next.scan(), 2)
  assert.equal(rowsOnce(await stage.sent()).size, 11)
})

test('a list that an earlier version kept is watched on; its parts stay while another file of the content counts', async (context) => {
  const stage = await setUp(context)
  const names = ['a.csv', 'b.csv', 'own.csv']
  for (const name of names) {
    const content = name === 'own.csv' ? fileOf(20, 25) : fileOf(0, 10)
    stage.drop(name, content, stage.clock.nowMs())
  }
  stage.clock.advance(300)
  const find = findIn(stage)
  await stage.open({ find }).scan()
  const path = join(stage.directory, '.watched.json')
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
  const files = lines.map((line) => {
    const { judgedAtMs: _, ...file } = (JSON.parse(line) as { watched: JudgedFile }).watched
    return { ...file, sameAs: null }
  })
  writeFileSync(path, JSON.stringify(files))
  const folder = stage.open({ find })
  for (const name of ['a.csv', 'own.csv']) stage.append(`done/${name}`, `${sampleRows[10]}\n`)
  assert.equal(await folder.scan(), 2)
  const retracted = (await stage.sent()).filter(({ is_retracted }) => is_retracted === true)
  assert.deepEqual(
    retracted.map(({ file_name }) => file_name),
    ['own.csv'],
  )
})

test('a refused file that a writer finishes in failed is taken, and its report goes', async (context) => {
  const stage = await setUp(context)
  const folder = stage.open()
  const content = fileOf(0, 10)
  stage.drop('slow.csv', content.slice(0, -20), stage.clock.nowMs())
  stage.clock.advance(2_100)
  assert.equal(await folder.scan(), 1)
  assert.deepEqual(stage.in('failed'), ['slow.csv', 'slow.csv.report.json'])
  stage.append('failed/slow.csv', content.slice(-20))
  assert.equal(await folder.scan(), 1)
  stage.clock.advance(300)
  assert.equal(await folder.scan(), 1)
  assert.deepEqual([stage.in('done'), stage.in('failed')], [['slow.csv'], []])
  assert.equal(rowsOnce(await stage.sent()).size, 10)
  assert.match(stage.log(), / again slow\.csv content=/)
})

test('what was taken is watched by the next start too, and a crash amid a retraction changes nothing', async (context) => {
  const stage = await setUp(context)
  stage.drop('paused.csv', fileOf(0, 10), stage.clock.nowMs())
  stage.clock.advance(300)
  await stage.open().scan()
  stage.append('done/paused.csv', `${sampleRows[10]}\n`)
  // Where the report is to lie nothing can be written: the retraction is durable, and no more.
  const cut = stage.open()
  const failed = join(stage.directory, 'failed')
  rmSync(failed, { recursive: true })
  writeFileSync(failed, '')
  await assert.rejects(cut.scan(), { code: 'SOURCE_UNREADABLE', message: /ENOTDIR/ })
  rmSync(failed)
  assert.deepEqual(stage.in('done'), ['paused.csv'])
  const next = stage.open()
  await next.scan()
  stage.clock.advance(300)
  await next.scan()
  assert.equal(rowsOnce(await stage.sent()).size, 11)
  assert.deepEqual(stage.in('done'), ['paused.csv'])
})

test('beyond the most that are watched the oldest are let go, and the log says how many', async (context) => {
  const stage = await setUp(context)
  for (const name of ['a.csv', 'b.csv', 'c.csv', 'd.csv', 'e.csv']) {
    stage.drop(name, fileOf(0, 3), stage.clock.nowMs())
  }
  stage.clock.advance(300)
  await stage.open({ watchedFilesMax: 2 }).scan()
  assert.match(stage.log(), / unwatched [a-e]\.csv files=3 why="more than 2 files/)
})

test('a file that is written anew in its place between its reading and its move is judged anew', async (context) => {
  const stage = await setUp(context)
  const write = (from: number, to: number) => {
    writeFileSync(join(stage.directory, 'same.csv'), fileOf(from, to))
  }
  // Of long ago, so that it is not watched as a young one is; what is written then is shorter.
  stage.drop('same.csv', fileOf(0, 10), stage.clock.nowMs() - 2 * watchMs)
  let isWritten = false
  const folder = stage.open({
    find: findIn(stage),
    onStep: (step) => {
      if (step !== 'durable' || isWritten) return
      isWritten = true
      write(50, 53)
    },
  })
  assert.equal(await folder.scan(), 1)
  for (const _look of [1, 2, 3]) {
    stage.clock.advance(3_000)
    await folder.scan()
  }
  assert.equal(rowsOnce(await stage.sent()).size, 3)
  assert.deepEqual(stage.in('done'), ['same.csv'])
  assert.match(stage.log(), / retracted same\.csv /)
})

test('where another file lay under its name, one that is too old to be watched is not taken for it', async (context) => {
  const stage = await setUp(context)
  const folder = stage.open({ find: findIn(stage) })
  stage.drop('a.csv', fileOf(0, 5), stage.clock.nowMs())
  stage.clock.advance(300)
  assert.equal(await folder.scan(), 1)
  // As where a system gives a number of a file that is gone to the next one: it is the same file here.
  renameSync(join(stage.directory, 'done', 'a.csv'), join(stage.directory, 'a.csv'))
  stage.drop('a.csv', fileOf(20, 40), stage.clock.nowMs() - 2 * watchMs)
  assert.equal(await folder.scan(), 1)
  stage.clock.advance(3_600_000)
  assert.equal(await folder.scan(), 0)
  assert.equal(rowsOnce(await stage.sent()).size, 25)
  assert.doesNotMatch(stage.log(), / retracted /)
})
