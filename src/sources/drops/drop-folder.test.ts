import assert from 'node:assert/strict'
import {
  appendFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { eventTimeMaxMs } from '../../quality/event-time.ts'
import type { DropStep } from './drop-folder.ts'
import type { DropReport } from './drop-report.ts'
import { findIn, pastMs, setUp } from './drop-stage.test-support.ts'
import { fileOf, rowsOnce, sampleHeader, sampleRows, schema } from './drops.test-support.ts'
import { prepareDrop, wholeBytesMax } from './prepare-drop.ts'

function lines(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '')
}

test('a good file is sent once, written as Parquet, logged and moved to done', async (context) => {
  const stage = await setUp(context)
  stage.drop('math.csv', fileOf(0, 395))
  const folder = stage.open()
  assert.equal(await folder.scan(), 1)
  assert.equal(await folder.scan(), 0)
  const [record, ...others] = await stage.sent()
  assert.deepEqual(others, [])
  assert.equal(record?.row_number.length, 395)
  assert.equal(record.file?.file_name, 'math.csv')
  assert.equal(record.file.rows_read, 395)
  assert.deepEqual(stage.in('done'), ['math.csv'])
  const [parquet = ''] = stage.in('parquet')
  assert.match(parquet, /^math\.[0-9a-f]{8}\.parquet$/)
  assert.match(
    stage.log(),
    /^\S+Z done math\.csv content=[0-9a-f]{32} rows=395 removed=0 bytes=\d+ outliers=29 parquet=/,
  )
})

test('a file that is not what the schema says goes to failed with a report that says why', async (context) => {
  const stage = await setUp(context)
  stage.drop('extra.csv', fileOf(0, 3).replace('G3', 'G3;g4'))
  const folder = stage.open()
  await folder.scan()
  assert.deepEqual(await stage.sent(), [])
  assert.deepEqual(stage.in('failed'), ['extra.csv', 'extra.csv.report.json'])
  const text = readFileSync(join(stage.directory, 'failed', 'extra.csv.report.json'), 'utf8')
  const report = JSON.parse(text) as DropReport
  assert.deepEqual(
    report.problems.map(({ check, column, line }) => [check, column, line]),
    [['field_expected', 'g4', 1]],
  )
  assert.equal(report.expected_columns.length, 33)
  assert.equal(report.found_columns?.length, 34)
  assert.match(stage.log(), / failed extra\.csv .*problems=1 why=".*g4/)
  assert.deepEqual(stage.in('parquet'), [])
})

test('the same content again is a duplicate, under whatever name, and its rows count once', async (context) => {
  const stage = await setUp(context)
  const open = () => stage.open({ find: findIn(stage) })
  const folder = open()
  stage.drop('a.csv', fileOf(0, 10))
  await folder.scan()
  stage.drop('b.csv', fileOf(0, 10))
  await folder.scan()
  // A start anew remembers nothing itself.
  stage.drop('a.csv', fileOf(0, 10), pastMs + 5_000)
  const next = open()
  await next.scan()
  assert.equal(rowsOnce(await stage.sent()).size, 10)
  assert.deepEqual([folder.totals.done, folder.totals.duplicates], [1, 1])
  assert.equal(next.totals.duplicates, 1)
  const outcomes = lines(stage.log()).map((line) => line.split(' ').slice(1, 3).join(' '))
  assert.deepEqual(outcomes, ['done a.csv', 'duplicate b.csv', 'duplicate a.csv'])
  assert.match(stage.log(), /duplicate b\.csv .* same_as=a\.csv/)
  assert.deepEqual(stage.in('done').length, 3)
})

test('of two files of one name neither is overwritten', async (context) => {
  const stage = await setUp(context)
  const folder = stage.open()
  for (const content of [fileOf(0, 10), fileOf(10, 20), 'no\n', 'nor this\n']) {
    stage.drop('daily.csv', content)
    await folder.scan()
  }
  assert.equal(stage.in('done').length, 2)
  assert.equal(stage.in('parquet').length, 2)
  assert.equal(stage.in('failed').length, 4)
})

test('a file is left alone while it is written, and while its last line has no end', async (context) => {
  const stage = await setUp(context)
  const path = join(stage.directory, 'slow.csv')
  const content = fileOf(0, 10)
  const nowMs = stage.clock.nowMs()
  const folder = stage.open()
  stage.drop('slow.csv', content.slice(0, 500), nowMs)
  assert.equal(await folder.scan(), 0)
  stage.clock.advance(300)
  // Still for long enough, but it ends within a line.
  assert.equal(await folder.scan(), 0)
  assert.equal(folder.totals.waiting, 1)
  appendFileSync(path, content.slice(500))
  utimesSync(path, (nowMs + 300) / 1000, (nowMs + 300) / 1000)
  assert.equal(await folder.scan(), 0)
  stage.clock.advance(300)
  assert.equal(await folder.scan(), 1)
  assert.equal(rowsOnce(await stage.sent()).size, 10)
})

test('a young file that is only a header, or wrong so far, is given time before it is refused', async (context) => {
  const stage = await setUp(context)
  const folder = stage.open()
  const nowMs = stage.clock.nowMs()
  stage.drop('begun.csv', `${sampleHeader}\n`, nowMs)
  stage.drop('wrong.csv', 'no\n', nowMs)
  stage.clock.advance(300)
  assert.equal(await folder.scan(), 0)
  assert.equal(folder.totals.waiting, 2)
  stage.drop('begun.csv', fileOf(0, 10), nowMs)
  assert.equal(await folder.scan(), 1)
  stage.clock.advance(2_000)
  assert.equal(await folder.scan(), 1)
  assert.deepEqual(stage.in('done'), ['begun.csv'])
  assert.deepEqual(stage.in('failed'), ['wrong.csv', 'wrong.csv.report.json'])
})

test('a file whose time lies in the future is taken once it was seen twice the same', async (context) => {
  const stage = await setUp(context)
  const folder = stage.open()
  stage.drop('ahead.csv', fileOf(0, 10), Date.now() + 3_600_000)
  assert.equal(await folder.scan(), 0)
  stage.clock.advance(300)
  appendFileSync(join(stage.directory, 'ahead.csv'), `${sampleRows[20]}\n`)
  utimesSync(join(stage.directory, 'ahead.csv'), 3e9, 3e9)
  assert.equal(await folder.scan(), 0)
  utimesSync(join(stage.directory, 'ahead.csv'), 4e9, 4e9)
  assert.equal(await folder.scan(), 0)
  stage.clock.advance(2_000)
  assert.equal(await folder.scan(), 1)
  assert.equal(rowsOnce(await stage.sent()).size, 11)
})

test('a wrong or unfinished file whose time lies in the future is judged like any other', async (context) => {
  const stage = await setUp(context)
  const folder = stage.open()
  const ahead = Date.now() + 3_600_000
  stage.drop('wrong.csv', 'school;sex\na;b\n', ahead)
  stage.drop('unfinished.csv', fileOf(0, 10).trimEnd(), ahead)
  assert.equal(await folder.scan(), 0)
  stage.clock.advance(2_000)
  assert.equal(await folder.scan(), 2)
  assert.deepEqual(stage.in('done'), ['unfinished.csv'])
  assert.deepEqual(stage.in('failed'), ['wrong.csv', 'wrong.csv.report.json'])
  assert.equal(folder.totals.waiting, 0)
})

test('a file whose time is beyond what a record may bear is taken with the latest time that it may', async (context) => {
  const stage = await setUp(context)
  const folder = stage.open()
  stage.drop('far.csv', fileOf(0, 10), Date.UTC(2300, 0, 1))
  assert.equal(await folder.scan(), 0)
  stage.clock.advance(2_000)
  assert.equal(await folder.scan(), 1)
  assert.deepEqual(stage.in('done'), ['far.csv'])
  const times = new Set((await stage.sent()).map((row) => row.dropped_at))
  assert.deepEqual([...times], [eventTimeMaxMs])
})

test('what is hidden or named as unfinished is no drop', async (context) => {
  const stage = await setUp(context)
  for (const name of ['.hidden.csv', 'a.csv.part', 'b.tmp', 'c.csv~']) stage.drop(name, 'x\n')
  mkdirSync(join(stage.directory, '.folder'))
  const folder = stage.open()
  assert.equal(await folder.scan(), 0)
  assert.deepEqual([folder.totals.waiting, folder.totals.left], [0, 0])
  assert.deepEqual(stage.in('failed'), [])
})

test('links and folders are left where they are, unread, with one line each in the log', async (context) => {
  const stage = await setUp(context)
  const secret = join(stage.directory, '.secret')
  writeFileSync(secret, 'a secret\n')
  symlinkSync(secret, join(stage.directory, 'link.csv'))
  symlinkSync(join(stage.directory, 'nowhere'), join(stage.directory, 'broken.csv'))
  mkdirSync(join(stage.directory, 'folder.csv'))
  const folder = stage.open()
  assert.equal(await folder.scan(), 3)
  assert.equal(await folder.scan(), 0)
  assert.deepEqual([folder.totals.left, folder.totals.failed], [3, 0])
  const told = lines(stage.log()).map((line) => line.split(' ').slice(1).join(' '))
  const only = 'only files of the folder itself are taken"'
  assert.deepEqual(told.sort(), [
    `left broken.csv why="it is a symbolic link; ${only}`,
    `left folder.csv why="it is a folder; ${only}`,
    `left link.csv why="it is a symbolic link; ${only}`,
  ])
  assert.deepEqual(stage.in('failed'), [])
  assert.ok(existsSync(join(stage.directory, 'link.csv')))
})

test('another delimiter, or line ends that are none, is one problem', async (context) => {
  const stage = await setUp(context)
  stage.drop('pipes.csv', fileOf(0, 5).replaceAll(';', '|'))
  stage.drop('old-mac.csv', fileOf(0, 395).replaceAll('\n', '\r'))
  await stage.open().scan()
  assert.match(
    stage.log(),
    / failed pipes\.csv .*problems=1 why=".*expected 33 names with ; , or tab between them/,
  )
  assert.match(stage.log(), / failed old-mac\.csv .*problems=1 why=".*end with CR alone/)
})

test('a packed file that is cut off is refused with what is wrong with it', async (context) => {
  const stage = await setUp(context)
  stage.drop('cut.csv.gz', gzipSync(fileOf(0, 50)).subarray(0, 300))
  await stage.open().scan()
  assert.deepEqual(stage.in('failed'), ['cut.csv.gz', 'cut.csv.gz.report.json'])
  assert.deepEqual(stage.in('.reading'), [])
  assert.match(stage.log(), /found unexpected end of file"$/m)
})

test('a file that is renamed or replaced while it is read is neither lost nor counted twice', async (context) => {
  const stage = await setUp(context)
  stage.drop('before.csv', fileOf(0, 10))
  stage.drop('replaced.csv', fileOf(10, 20))
  const onStep = (step: DropStep, name: string) => {
    if (step !== 'sent') return
    if (name === 'before.csv') {
      renameSync(join(stage.directory, name), join(stage.directory, 'after.csv'))
    } else if (name === 'replaced.csv') {
      writeFileSync(join(stage.directory, '.new'), fileOf(20, 30))
      utimesSync(join(stage.directory, '.new'), pastMs / 1000, pastMs / 1000)
      renameSync(join(stage.directory, '.new'), join(stage.directory, name))
    }
  }
  await stage.open({ onStep }).scan()
  await stage.open({ find: findIn(stage) }).scan()
  assert.equal(rowsOnce(await stage.sent()).size, 30)
  assert.deepEqual(stage.in('done'), ['after.csv', 'replaced.csv'])
})

test('a file that changes while it is read is read again later', async (context) => {
  const stage = await setUp(context)
  stage.drop('grows.csv', fileOf(0, 10))
  let isFirst = true
  const folder = stage.open({
    prepare: async (request) => {
      if (isFirst) {
        isFirst = false
        writeFileSync(request.path, fileOf(0, 12))
        return { kind: 'later', name: request.name }
      }
      return prepareDrop(request, schema)
    },
  })
  assert.equal(await folder.scan(), 0)
  assert.equal(folder.totals.waiting, 1)
  stage.clock.advance(5_000)
  assert.equal(await folder.scan(), 1)
  assert.equal(rowsOnce(await stage.sent()).size, 12)
})

test('a crash after any step loses nothing and counts nothing twice', async (context) => {
  for (const at of ['sent', 'durable', 'logged', 'moved'] as const) {
    for (const victim of ['a.csv', 'b.csv', 'bad.csv']) {
      const stage = await setUp(context)
      stage.drop('a.csv', fileOf(0, 10))
      stage.drop('b.csv', fileOf(5, 20))
      stage.drop('bad.csv', 'no table\n')
      const onStep = (step: DropStep, name: string) => {
        if (step === at && name === victim) throw new Error('crash')
      }
      await stage
        .open({ onStep })
        .scan()
        .catch(() => {})
      await stage.open({ find: findIn(stage) }).scan()
      const what = `${at} of ${victim}`
      assert.equal(rowsOnce(await stage.sent()).size, 25, what)
      assert.deepEqual(stage.in('done'), ['a.csv', 'b.csv'], what)
      assert.deepEqual(stage.in('failed'), ['bad.csv', 'bad.csv.report.json'], what)
      assert.equal(stage.in('parquet').length, 2, what)
      assert.doesNotMatch(stage.log(), /duplicate /, what)
    }
  }
})

test('a large file goes through in parts, from a copy that is gone afterwards', async (context) => {
  const stage = await setUp(context)
  const count = Math.ceil(wholeBytesMax / 120)
  const rows = Array.from({ length: count }, (_, index) => sampleRows[index % 395])
  const content = `${[sampleHeader, ...rows].join('\n')}\n`
  assert.ok(content.length > wholeBytesMax)
  stage.drop('large.csv', content)
  stage.drop('large.csv.gz', gzipSync(content))
  stage.drop('bad.csv', `${content}${content}`)
  const folder = stage.open()
  assert.equal(await folder.scan(), 3)
  const sent = await stage.sent()
  const files = sent.flatMap(({ file }) => (file === null ? [] : [file.file_name]))
  assert.deepEqual(files.sort(), ['large.csv', 'large.csv.gz'])
  assert.equal(rowsOnce(sent).size, count)
  assert.deepEqual([folder.totals.rows, folder.totals.duplicates], [count, 1])
  assert.deepEqual(stage.in('done'), ['large.csv', 'large.csv.gz'])
  assert.deepEqual(stage.in('failed'), ['bad.csv', 'bad.csv.report.json'])
  assert.deepEqual(stage.in('.reading'), [])
  assert.equal(stage.in('parquet').length, 1)
})

test('copies and half-written Parquet of a crash are removed at the next start', async (context) => {
  const stage = await setUp(context)
  stage.open()
  writeFileSync(join(stage.directory, '.reading', 'copy.csv'), 'x')
  writeFileSync(join(stage.directory, 'parquet', 'x.parquet.part'), 'x')
  stage.open()
  assert.deepEqual([stage.in('.reading'), stage.in('parquet')], [[], []])
})

test('however many files there are, few are in hand at a time', async (context) => {
  const stage = await setUp(context)
  const count = 100
  for (let index = 0; index < count; index++)
    stage.drop(`f${index}.csv`, fileOf(index % 380, (index % 380) + 3))
  let [inHand, most] = [0, 0]
  const folder = stage.open({
    prepare: async (request) => {
      most = Math.max(most, ++inHand)
      const drop = await prepareDrop(request, schema)
      inHand--
      return drop
    },
  })
  assert.equal(await folder.scan(), count)
  assert.ok(most <= 16, `${most} files were in hand`)
  assert.equal(existsSync(join(stage.directory, 'f0.csv')), false)
  assert.equal(stage.in('done').length, count)
  assert.equal(folder.totals.done + folder.totals.duplicates, count)
})

test('a group of files is settled while the next one is sent, and what goes wrong there ends the look', async (context) => {
  const stage = await setUp(context)
  const count = 300
  for (let index = 0; index < count; index++) {
    stage.drop(`f${String(index).padStart(3, '0')}.csv`, fileOf(index, index + 3))
  }
  const asked = Promise.withResolvers<undefined>()
  const answer = Promise.withResolvers<undefined>()
  const later = Promise.withResolvers<undefined>()
  const folder = stage.open({
    find: async () => {
      asked.resolve(undefined)
      await answer.promise
      throw new Error('away')
    },
    // Of the second group.
    onStep: (step, name) => {
      if (step === 'sent' && name === 'f200.csv') later.resolve(undefined)
    },
  })
  const look = folder.scan()
  await asked.promise
  await later.promise
  assert.deepEqual(stage.in('done'), [])
  answer.resolve(undefined)
  await assert.rejects(look, /away/)
  const next = stage.open({ find: findIn(stage) })
  assert.equal(await next.scan(), count)
  assert.equal(stage.in('done').length, count)
  assert.equal(rowsOnce(await stage.sent()).size, 3 * count)
})

test('two names of one packed file are two drops, and a look in trouble leaves no copies behind', async (context) => {
  const stage = await setUp(context)
  stage.drop('a.csv.gz', gzipSync(fileOf(0, 10)))
  linkSync(join(stage.directory, 'a.csv.gz'), join(stage.directory, 'b.csv.gz'))
  stage.drop('c.csv.gz', gzipSync(fileOf(20, 30)))
  const troubled = stage.open({
    onStep: () => {
      throw new Error('trouble')
    },
  })
  for (const _look of [1, 2, 3]) await assert.rejects(troubled.scan(), /trouble/)
  assert.ok(stage.in('.reading').length < 3, stage.in('.reading').join())
  const folder = stage.open({ find: findIn(stage) })
  assert.equal(await folder.scan(), 3)
  assert.deepEqual(stage.in('done'), ['a.csv.gz', 'b.csv.gz', 'c.csv.gz'])
  assert.deepEqual(stage.in('.reading'), [])
  assert.equal(rowsOnce(await stage.sent()).size, 20)
})
