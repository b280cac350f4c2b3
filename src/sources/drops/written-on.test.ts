/** Writers that pause: what they add to a file that was judged. */
import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { DropReport } from './drop-report.ts'
import { findIn, setUp } from './drop-stage.test-support.ts'
import { fileOf, rowsOnce, sampleRows } from './drops.test-support.ts'

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
  stage.clock.advance(60_000)
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
