/** Files dropped into a running instance, as a user does it: killed and started again, with good and bad files. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { after, afterEach, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { loadConfiguration } from '../../src/app/configuration.ts'
import { loadFileSchema } from '../../src/quality/file-schema.ts'
import { ingestDropFiles } from '../../src/sources/drops/ingest-drop-files.ts'
import { withIdleInstance } from './support/idle-instance.ts'
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

test('the rows of a file stay when another of the same content and a later time is written on', async () => {
  const drop = join(directory, 'copied-drop')
  mkdirSync(drop)
  const portOffset = await freePortOffset()
  const words = [...topologies, '--drop', drop]
  const instance = new InstanceProcess({ dataDir: join(directory, 'copied'), portOffset, words })
  await instance.ready()
  const content = `${[header, ...rows.slice(0, 100)].join('\n')}\n`
  const log = () => {
    const path = join(drop, 'conversion_log.txt')
    return existsSync(path) ? readFileSync(path, 'utf8') : ''
  }
  const untilLogged = (pattern: RegExp) =>
    until(String(pattern), () => (pattern.test(log()) ? true : null))
  const dropOld = async (name: string, modifiedSeconds: number) => {
    const aside = join(drop, `.${name}`)
    writeFileSync(aside, content)
    utimesSync(aside, modifiedSeconds, modifiedSeconds)
    renameSync(aside, join(drop, name))
    await untilLogged(new RegExp(` duplicate ${name} `))
  }
  writeFileSync(join(drop, 'a.csv'), content)
  await untilLogged(/ done a\.csv .* rows=100 /)
  await dropOld('b.csv', 1_700_000_000)
  appendFileSync(join(drop, 'done', 'a.csv'), `${rows.slice(100, 110).join('\n')}\n`)
  await untilLogged(/ done a\.csv .* rows=110 /)
  assert.match(log(), / retracted a\.csv .* same_as=b\.csv rows=0 /)
  const counted = async () => {
    await instance.idle()
    return ask(
      instance,
      `SELECT (SELECT toInt32(count()) FROM student_performance.student_data) AS rows,
        (SELECT arraySort(groupArray((file_name, toInt32(rows_kept), toInt32(times_dropped))))
          FROM student_performance.files) AS files`,
    )
  }
  const whole = ['a.csv', 110, 1]
  assert.deepEqual(await counted(), { rows: 210, files: [whole, ['b.csv', 100, 1]] })
  await dropOld('c.csv', 1_600_000_000)
  assert.deepEqual(await counted(), { rows: 210, files: [whole, ['c.csv', 100, 2]] })
})

test('ingest and import take good files, say why they refuse others, and leave both where they are', async () => {
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
  const missing = await ingest(join(directory, 'nothing.csv'), sample)
  assert.equal(missing.code, 1)
  assert.match(missing.stderr, /SOURCE_UNREADABLE: .*nothing\.csv: it is not there/)
  assert.match(missing.stdout, /student-mat\.csv: 395 rows taken/)
  const dataset = join(directory, 'dataset')
  mkdirSync(dataset)
  const importing = () =>
    runCommand([
      'import',
      'student-performance',
      dataset,
      '--data-dir',
      dataDir,
      ...topologies,
      '--wait',
    ])
  const nothing = await importing()
  assert.equal(nothing.code, 1)
  assert.match(nothing.stderr, /SOURCE_UNREADABLE: found none of \*\.csv, .* in .*dataset/)
  copyFileSync(extra, join(dataset, 'a-bad.csv'))
  writeFileSync(
    join(dataset, 'b-good.csv.gz'),
    gzipSync(`${[header, ...rows.slice(0, 9)].join('\n')}\n`),
  )
  copyFileSync(sample, join(dataset, 'c-same.csv'))
  writeFileSync(join(dataset, 'student.txt'), 'what the columns are')
  mkdirSync(join(dataset, 'old.csv'))
  symlinkSync(join(dataset, 'gone'), join(dataset, 'a-gone.csv'))
  for (const _twice of [1, 2]) {
    const imported = await importing()
    assert.equal(imported.code, 1)
    assert.match(imported.stderr, /a-bad\.csv: refused, nothing of it was taken/)
    assert.match(imported.stderr, /SOURCE_UNREADABLE: .*a-gone\.csv: it is not there/)
    assert.match(imported.stdout, /b-good\.csv\.gz: 9 rows taken, .*\n[^]*c-same\.csv: 395 rows/)
    assert.doesNotMatch(imported.stdout + imported.stderr, /student\.txt/)
  }
  assert.ok(existsSync(extra) && existsSync(copy))
  assert.deepEqual(
    await ask(instance, 'SELECT toInt32(count()) AS rows FROM student_performance.student_data'),
    { rows: 404 },
  )
})

test('a file counts once, packed or not, and one that an earlier version took packed is not taken anew', async () => {
  const dataDir = join(directory, 'packed')
  const drop = join(directory, 'packed-drop')
  mkdirSync(drop)
  const file = (name: string, from: number, to: number) => {
    const path = join(drop, name)
    const content = `${[header, ...rows.slice(from, to)].join('\n')}\n`
    writeFileSync(path, name.endsWith('.gz') ? gzipSync(content) : content)
    return path
  }
  const old = file('old.csv.gz', 0, 20)
  const flags = { dataDir, topologies: ['student-performance'], workers: 0 }
  await withIdleInstance(
    loadConfiguration({ flags, environment: {}, directory }),
    async ({ services: { ingest, clock } }) => {
      const schema = loadFileSchema('student-performance')
      // What was taken before the identity was that of what is packed.
      const counts = () => Promise.resolve(true)
      const outcomes = ingestDropFiles({ files: [old], schema, ingest, clock, counts })
      for await (const { kind } of outcomes) assert.equal(kind, 'taken')
    },
  )
  const tidemark = async (...words: readonly string[]) => {
    const { code, stdout, stderr } = await runCommand([
      ...words,
      '--data-dir',
      dataDir,
      ...topologies,
    ])
    assert.equal(code, 0, stderr)
    return stdout
  }
  const query =
    'SELECT toInt32(count()) AS rows, toInt32(uniqExact(file_hash)) AS files FROM student_performance.student_data'
  const counted = async () => {
    const text = await tidemark('sql', query, '--format', 'json')
    return (JSON.parse(text) as { data: unknown }).data
  }
  const names = [old, file('new.csv', 20, 50), file('new.csv.gz', 20, 50)]
  await tidemark('ingest', 'student_performance', ...names, '--wait')
  assert.deepEqual(await counted(), [{ rows: 50, files: 2 }])
  const portOffset = await freePortOffset()
  const words = [...topologies, '--drop', drop]
  const instance = new InstanceProcess({ dataDir, portOffset, words })
  await instance.ready()
  const done = join(drop, 'done')
  const isDone = () => (existsSync(done) && readdirSync(done).length === names.length ? true : null)
  await until('every file is done', isDone)
  await instance.idle()
  assert.deepEqual(await counted(), [{ rows: 50, files: 2 }])
  const log = readFileSync(join(drop, 'conversion_log.txt'), 'utf8')
  const formerHash = createHash('sha256')
    .update(readFileSync(join(done, 'old.csv.gz')))
    .digest('hex')
  assert.ok(log.includes(` old.csv.gz content=${formerHash.slice(0, 32)} `), log)
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
