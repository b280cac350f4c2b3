/** Files dropped into a running instance, as a user does it: killed and started again, with good and bad files. */
import assert from 'node:assert/strict'
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { after, afterEach, test } from 'node:test'
import { InstanceProcess, killAllInstances } from './support/instance-process.ts'
import { runCommand } from './support/run-command.ts'
import { until } from './support/until.ts'
import { freePortOffset } from './support/free-port-offset.ts'

const sample = fileURLToPath(
  new URL('../../samples/student-performance/student-mat.csv', import.meta.url),
)
const [header = '', ...rows] = readFileSync(sample, 'utf8').trimEnd().split('\n')
const directory = mkdtempSync(join(tmpdir(), 'tidemark-drops-'))
const topologies = ['--topologies', 'student-performance']

afterEach(killAllInstances)
after(() => {
  rmSync(directory, { recursive: true, force: true })
})

async function ask(instance: InstanceProcess, query: string): Promise<unknown> {
  const body = `${query} FORMAT JSONEachRow`
  const response = await fetch(instance.url('clickhouse'), { method: 'POST', body })
  const text = await response.text()
  assert.ok(response.ok, text)
  return JSON.parse(text)
}

test('killed again and again while files come, an instance counts every row of them once', async () => {
  const dataDir = join(directory, 'killed')
  const drop = join(directory, 'killed-drop')
  mkdirSync(drop)
  const files = 120
  for (let file = 0; file < files; file++) {
    const own = rows.slice(file, file + 50 + (file % 7))
    writeFileSync(join(drop, `f${file}.csv`), `${[header, ...own].join('\n')}\n`)
  }
  writeFileSync(join(drop, 'bad.csv'), `${header};g4\n`)
  const expected = Array.from({ length: files }, (_, file) => 50 + (file % 7))
  const portOffset = await freePortOffset()
  const start = () =>
    new InstanceProcess({ dataDir, portOffset, words: [...topologies, '--drop', drop] })
  const done = () => (existsSync(join(drop, 'done')) ? readdirSync(join(drop, 'done')).length : 0)
  for (const atLeast of [1, 60]) {
    const instance = start()
    await until(`${atLeast} files are done`, () => (done() >= atLeast ? true : null))
    await instance.end('SIGKILL')
  }
  const instance = start()
  await instance.ready()
  await until('every file is done', () => (done() === files ? true : null))
  await instance.idle()
  const sum = expected.reduce((total, count) => total + count, 0)
  assert.deepEqual(
    await ask(
      instance,
      `SELECT toInt32(count()) AS rows, toInt32(uniqExact(file_hash, row_number)) AS different,
        toInt32(uniqExact(file_hash)) AS files FROM student_performance.student_data`,
    ),
    { rows: sum, different: sum, files },
  )
  assert.deepEqual(
    await ask(
      instance,
      'SELECT toInt32(count()) AS files FROM student_performance.files WHERE is_complete AND times_dropped = 1',
    ),
    { files },
  )
  assert.deepEqual(readdirSync(join(drop, 'failed')).sort(), ['bad.csv', 'bad.csv.report.json'])
  assert.equal(readdirSync(join(drop, 'parquet')).length, files)
  const log = readFileSync(join(drop, 'conversion_log.txt'), 'utf8')
  assert.doesNotMatch(log, / duplicate /)
})

test('of a file that a writer goes on to write after a pause, only the rows of the whole count', async () => {
  const drop = join(directory, 'paused-drop')
  mkdirSync(drop)
  const portOffset = await freePortOffset()
  const words = [...topologies, '--drop', drop]
  const instance = new InstanceProcess({ dataDir: join(directory, 'paused'), portOffset, words })
  await instance.ready()
  const writer = openSync(join(drop, 'paused.csv'), 'w')
  try {
    writeSync(writer, `${[header, ...rows.slice(0, 199)].join('\n')}\n`)
    await until('what there is so far is taken', () =>
      existsSync(join(drop, 'done', 'paused.csv')) ? true : null,
    )
    writeSync(writer, `${rows.slice(199).join('\n')}\n`)
  } finally {
    closeSync(writer)
  }
  const log = () => readFileSync(join(drop, 'conversion_log.txt'), 'utf8')
  await until('the whole file is taken', () => (/ rows=395 /.test(log()) ? true : null))
  await instance.idle()
  assert.deepEqual(
    await ask(
      instance,
      `SELECT (SELECT toInt32(count()) FROM student_performance.student_data) AS rows,
        (SELECT toInt32(count()) FROM student_performance.drops) AS drops,
        (SELECT groupArray((toInt32(rows_kept), is_complete)) FROM student_performance.files) AS files`,
    ),
    { rows: 395, drops: 1, files: [[395, 1]] },
  )
  assert.match(log(), / retracted paused\.csv .* rows=199 /)
})

test('ingest takes good files, says why it refuses others, and leaves both where they are', async () => {
  const dataDir = join(directory, 'ingested')
  const extra = join(directory, 'extra.csv')
  writeFileSync(extra, readFileSync(sample, 'utf8').replace('G3', 'G3;g4'))
  const copy = join(directory, 'copy.csv')
  copyFileSync(sample, copy)
  const portOffset = await freePortOffset()
  const instance = new InstanceProcess({ dataDir, portOffset, words: topologies })
  await instance.ready()
  const ingest = (...files: string[]) =>
    runCommand([
      'ingest',
      '--data-dir',
      dataDir,
      ...topologies,
      '--wait',
      'student_performance',
      ...files,
    ])
  const taken = await ingest(sample, copy)
  assert.equal(taken.code, 0, taken.stderr)
  assert.match(taken.stdout, /student-mat\.csv: 395 rows taken, 0 removed/)
  const refused = await ingest(extra)
  assert.equal(refused.code, 1)
  assert.match(
    refused.stderr,
    /extra\.csv: refused, nothing of it was taken\n {2}line 1, g4: expected/,
  )
  const missing = await ingest(join(directory, 'nothing.csv'))
  assert.equal(missing.code, 1)
  assert.match(missing.stderr, /SOURCE_UNREADABLE: .*nothing\.csv: it is not there/)
  assert.ok(existsSync(extra) && existsSync(copy))
  assert.deepEqual(
    await ask(instance, 'SELECT toInt32(count()) AS rows FROM student_performance.student_data'),
    { rows: 395 },
  )
})

test('a drop folder without a topology that reads it is refused with what to do', async () => {
  const words = ['--topologies', 'exam-scores', '--no-samples', '--drop', join(directory, 'none')]
  const port = ['--port-offset', String(await freePortOffset())]
  const { code, stderr } = await runCommand([
    'up',
    '--data-dir',
    join(directory, 'none'),
    ...port,
    ...words,
  ])
  assert.equal(code, 2)
  assert.match(stderr, /CONFIGURATION_INVALID: .*--topologies student-performance/)
})
