/** Student performance on its real files, through a drop folder: every row, the five answers, the refused file. */
import assert from 'node:assert/strict'
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { after, before, test } from 'node:test'
import { loadConfiguration } from '../../src/app/configuration.ts'
import { openDropFolder } from '../../src/app/drop-folder.ts'
import { openInstance, type Instance } from '../../src/app/instance.ts'
import { answersOf, fileOf } from './oracle-student-performance.ts'

const pathOf = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const sample = pathOf('../../samples/student-performance/student-mat.csv')
const extraField = pathOf(
  '../../../shared/data/uci-student-performance/student-mat-extra-field.csv',
)
const questions = pathOf('../../schemas/clickhouse/questions/student-performance-')
const idleMs = 60_000

const directory = mkdtempSync(join(tmpdir(), 'tidemark-students-'))
const dropped = join(directory, 'drop')
let instance: Instance

before(async () => {
  const flags = { dataDir: join(directory, 'data'), topologies: ['student-performance'] }
  const configuration = loadConfiguration({ flags, environment: {}, directory })
  instance = await openInstance(configuration, { listen: false })
})

after(async () => {
  await instance.stop()
  rmSync(directory, { recursive: true })
})

async function rowsOf(query: string): Promise<Record<string, unknown>[]> {
  const { reader } = instance.services.clickhouse
  const result = await reader.query({
    query,
    format: 'JSONEachRow',
    clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
  })
  return result.json()
}

async function drop(path: string, name: string): Promise<void> {
  const { folder, close } = openDropFolder(instance.services, dropped)
  copyFileSync(path, join(dropped, name))
  utimesSync(join(dropped, name), 1_700_000_000, 1_700_000_000)
  await folder.drain()
  await close()
  assert.ok(await instance.whenIdle(idleMs))
}

test('every row of the real file is queryable, and its Parquet is smaller than the seed’s', async () => {
  await drop(sample, 'student-mat.csv')
  const rows = await rowsOf(
    'SELECT * EXCEPT (event_time, known_at, version) FROM student_performance.student_data ORDER BY row_number',
  )
  const expected = fileOf(readFileSync(sample))
  assert.equal(expected.rows.length, 395)
  assert.deepEqual(rows, expected.rows)
  const [parquet = ''] = readdirSync(join(dropped, 'parquet'))
  assert.ok(statSync(join(dropped, 'parquet', parquet)).size < 17_000)
})

test('the same file again is listed as a duplicate, and its rows count once', async () => {
  await drop(sample, 'again.csv')
  assert.deepEqual(await rowsOf('SELECT count() AS rows FROM student_performance.student_data'), [
    { rows: 395 },
  ])
  const [file] = await rowsOf('SELECT * FROM student_performance.files')
  assert.deepEqual(file, {
    file_hash: fileOf(readFileSync(sample)).hash,
    file_name: 'again.csv',
    times_dropped: 2,
    rows_read: 395,
    rows_removed: 0,
    rows_kept: 395,
    batches: 1,
    batches_arrived: 1,
    is_complete: 1,
  })
  const findings = await rowsOf(
    'SELECT check_name, column_name, rows FROM student_performance.findings ORDER BY ALL',
  )
  assert.deepEqual(
    findings.map((finding) => Object.values(finding).join(' ')),
    ['duplicate_file  395', 'outliers absences 15', 'outliers age 1', 'outliers g2 13'],
  )
})

test('the five questions have the answers of the seed, and the true fifth', async () => {
  const expected = answersOf(fileOf(readFileSync(sample)).rows)
  for (const [name, answer] of Object.entries(expected)) {
    assert.deepEqual(await rowsOf(readFileSync(`${questions}${name}.sql`, 'utf8')), answer, name)
  }
  assert.deepEqual(expected, {
    'mothers-jobs': ['at_home', 'health', 'other', 'services', 'teacher'].map((mjob) => ({ mjob })),
    'rural-travel-time': [{ traveltime: 1, count: 35 }],
    'fathers-jobs': [
      { pstatus: 'a', fjob: 'other', job_count: 23 },
      { pstatus: 'a', fjob: 'services', job_count: 7 },
      { pstatus: 'a', fjob: 'teacher', job_count: 5 },
      { pstatus: 't', fjob: 'other', job_count: 194 },
      { pstatus: 't', fjob: 'services', job_count: 104 },
      { pstatus: 't', fjob: 'teacher', job_count: 24 },
    ],
    'class-failures': [
      { famsize: 'gt3', failures: 0, class_fail_count: 222 },
      { famsize: 'le3', failures: 0, class_fail_count: 90 },
    ],
    'median-absences': [
      { sex: 'f', famrel: 1, median_absences: 10 },
      { sex: 'f', famrel: 2, median_absences: 5 },
      { sex: 'f', famrel: 3, median_absences: 3 },
      { sex: 'm', famrel: 1, median_absences: 5 },
      { sex: 'm', famrel: 2, median_absences: 7 },
      { sex: 'm', famrel: 3, median_absences: 4 },
    ],
  })
})

test(
  'the file with a field too many is refused, with a report that names g4',
  existsSync(extraField)
    ? {}
    : { skip: 'the data set uci-student-performance is not on this machine' },
  async () => {
    await drop(extraField, 'student-mat-extra-field.csv')
    const path = join(dropped, 'failed', 'student-mat-extra-field.csv.report.json')
    const report = JSON.parse(readFileSync(path, 'utf8')) as { problems: { column: string }[] }
    assert.deepEqual(
      report.problems.map(({ column }) => column),
      ['g4'],
    )
    assert.deepEqual(await rowsOf('SELECT count() AS rows FROM student_performance.student_data'), [
      { rows: 395 },
    ])
  },
)

test('a record whose columns are not what the schema says is quarantined, and the next goes on', async () => {
  const json = { file_hash: 'by-hand', batch: 0, row_number: [1], dropped_at: 0, file: null }
  const { ingest } = instance.services
  const options = { onError: 'quarantine', source: 'ingest' } as const
  const report = await ingest.ingest(
    'student_performance',
    [
      { content: { form: 'json', json } },
      { content: { form: 'json', json: { ...json, file_hash: '' } } },
      { content: { form: 'json', json: { ...json, row_number: 'one' } } },
    ],
    options,
  )
  assert.deepEqual([report.taken, report.quarantined], [1, 2])
  assert.ok(await instance.whenIdle(idleMs))
  const kept = await rowsOf(
    "SELECT reason FROM tidemark.quarantine WHERE `check` = 'columns_match'",
  )
  assert.equal(kept.length, 1)
  assert.match(String(kept[0]?.['reason']), /school has 0 values; expected 1/)
})
