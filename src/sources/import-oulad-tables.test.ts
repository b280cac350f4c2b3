/** OULAD's tables into their topics: which files are found, what a row carries, and what is said of what is missing. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { systemClock } from '../core/clock.ts'
import type { ImportReport } from './import-report.ts'
import { importOuladScores } from './import-oulad.ts'
import { importOuladTables } from './import-oulad-tables.ts'
import type { IngestPort, IngestRecord } from './ingest-port.ts'

const files = {
  'courses.csv':
    '"code_module","code_presentation","module_presentation_length"\n"AAA","2013J","268"\n',
  'assessments.csv':
    'code_module,code_presentation,id_assessment,assessment_type,date,weight\nAAA,2013J,1,TMA,?,10\n',
  'vle.tsv': 'id_site\tcode_module\tcode_presentation\tactivity_type\tweek_from\tweek_to\n',
  'studentInfo.csv':
    'code_module,code_presentation,id_student,gender,region,highest_education,imd_band,age_band,' +
    'num_of_prev_attempts,studied_credits,disability,final_result\nAAA,2013J,7,M,,,,,0,60,N,Pass\n',
  'studentRegistration.csv':
    'code_module,code_presentation,id_student,date_registration,date_unregistration\nAAA,2013J,7,-9,\n',
  'studentAssessment.csv':
    'id_assessment,id_student,date_submitted,is_banked,score\n1,7,18,0,78\n1,7\n',
}
const clicks =
  'code_module,code_presentation,id_student,id_site,date,sum_click\n' +
  'AAA,2013J,7,5,-1,4\nAAA,2013J,7,5,-1,4\n'

interface Sent {
  readonly topic: string
  readonly record: IngestRecord
}

async function importing(
  contents: Readonly<Record<string, string | Buffer>>,
  run: (directory: string, ingest: IngestPort) => Promise<ImportReport>,
) {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-oulad-'))
  const sent: Sent[] = []
  const ingest: IngestPort = {
    ingest: (topic, records) => {
      sent.push(...records.map((record) => ({ topic, record })))
      return Promise.resolve({
        outcomes: [],
        taken: records.length,
        refused: 0,
        quarantined: 0,
        warnings: 0,
      })
    },
  }
  try {
    for (const [name, content] of Object.entries(contents)) {
      writeFileSync(join(directory, name), content)
    }
    const report = await run(directory, ingest)
    return { report, sent }
  } finally {
    rmSync(directory, { recursive: true })
  }
}

const whole = (directory: string, ingest: IngestPort) =>
  importOuladTables({ paths: [directory], ingest, clock: systemClock })

const discovering = (directory: string, ingest: IngestPort) =>
  importOuladTables({ paths: [directory], discover: true, ingest, clock: systemClock })

function valuesOf(sent: readonly Sent[], topic: string): unknown[] {
  return sent.flatMap(({ record, ...each }) =>
    each.topic === topic && record.content.form === 'json' ? [record.content.json] : [],
  )
}

test('rows go to their topics as the files have them, with the name of the file', async () => {
  const { report, sent } = await importing(
    { ...files, 'studentVle.AAA.csv.gz': gzipSync(clicks) },
    whole,
  )
  assert.deepEqual(report.warnings, [])
  const assessments = valuesOf(sent, 'assessments') as Record<string, string>[]
  assert.deepEqual(assessments.map(withoutRow), [
    {
      code_module: 'AAA',
      code_presentation: '2013J',
      id_assessment: '1',
      assessment_type: 'TMA',
      date: '?',
      weight: '10',
      _source_file: 'assessments',
    },
  ])
  const rows = valuesOf(sent, 'student_vle') as Record<string, string>[]
  assert.deepEqual(
    rows.map(({ _source_file, sum_click }) => [_source_file, sum_click]),
    [
      ['studentVle.AAA', '4'],
      ['studentVle.AAA', '4'],
    ],
  )
  assert.equal(new Set(rows.map(({ event_id }) => event_id)).size, 2)
})

function withoutRow({ _source_row, ...values }: Record<string, string>) {
  assert.match(_source_row ?? '', /^[0-9a-f]{16}:[1-9]\d*$/)
  return values
}

test('a row says its place in the content of its file, whatever the name of that', async () => {
  const twice = `${files['courses.csv']}"AAA","2013J","269"\n`
  const rowsOf = async (name: string, content: string | Buffer) => {
    const { sent } = await importing({ [name]: content }, whole)
    const rows = valuesOf(sent, 'courses') as Record<string, string>[]
    return rows.map((row) => row['_source_row'])
  }
  const rows = await rowsOf('courses.csv', twice)
  assert.deepEqual(
    rows.map((row) => row?.split(':')[1]),
    ['1', '2'],
  )
  assert.deepEqual(await rowsOf('courses.again.csv.gz', gzipSync(twice)), rows)
  assert.notDeepEqual(await rowsOf('courses.csv', `${twice}"AAA","2014J","1"\n`), rows)
})

test('a row with too few cells is handed over as unreadable, with its line', async () => {
  const { sent } = await importing(files, whole)
  const bad = sent.find(({ record }) => record.content.form === 'unreadable')
  assert.match(bad?.record.location ?? '', /studentAssessment\.csv:3$/)
  assert.deepEqual((bad?.record.content as { faults: unknown }).faults, [
    { path: '', reason: 'the row has 2 cells, the header 5' },
  ])
})

test('a file that is not there is a warning', async () => {
  const { 'courses.csv': _, ...others } = files
  const { report } = await importing(others, whole)
  assert.deepEqual(
    report.warnings?.map((warning) => warning.replace(/ in .*;/, ';')),
    [
      'found no courses.csv; nothing of courses is imported',
      'found no studentVle.csv; nothing of student_vle is imported',
    ],
  )
})

test('clicks keep their identity when their file is packed, or its lines end otherwise', async () => {
  const plain = await importing({ 'studentVle.csv': clicks }, whole)
  const packed = await importing({ 'studentVle.csv.gz': gzipSync(clicks) }, whole)
  assert.deepEqual(valuesOf(packed.sent, 'student_vle'), valuesOf(plain.sent, 'student_vle'))
  const saved = `\ufeff${clicks.replaceAll('\n', '\r\n')}`
  const otherwise = await importing({ 'studentVle.csv': saved }, whole)
  assert.deepEqual(valuesOf(otherwise.sent, 'student_vle'), valuesOf(plain.sent, 'student_vle'))
})

test('each file can come alone, under any name', async () => {
  const { report } = await importing({ 'moved.csv': files['courses.csv'] }, (directory, ingest) =>
    importOuladTables({ paths: [join(directory, 'moved.csv')], ingest, clock: systemClock }),
  )
  assert.deepEqual([...report.topics.keys()], ['courses'])
})

test('tables in a directory are discovered by their columns; others are named', async () => {
  const { report, sent } = await importing(
    { 'a.csv': files['courses.csv'], 'b.csv': clicks, 'c.csv': 'x,y\n1,2\n', 'd.csv': '' },
    discovering,
  )
  assert.deepEqual([...report.topics.keys()], ['courses', 'student_vle'])
  assert.match(report.warnings?.[0] ?? '', /c\.csv: left out, its columns x, y are no table/)
  assert.match(report.warnings?.[1] ?? '', /d\.csv: left out: .*header/)
  const [course] = valuesOf(sent, 'courses') as Record<string, string>[]
  assert.equal(course?.['_source_file'], 'a')
})

test('extensions are the same in any case', async () => {
  const contents = {
    'courses.CSV': files['courses.csv'],
    'vle.TSV': `${files['vle.tsv']}5\tAAA\t2013J\turl, page\t\t\n`,
    'studentVle.AAA.Csv.GZ': gzipSync(clicks),
  }
  for (const run of [whole, discovering]) {
    const { report, sent } = await importing(contents, run)
    assert.deepEqual([...report.topics.keys()], ['courses', 'vle', 'student_vle'])
    const [site] = valuesOf(sent, 'vle') as Record<string, string>[]
    assert.equal(site?.['activity_type'], 'url, page')
    const [click] = valuesOf(sent, 'student_vle') as Record<string, string>[]
    assert.equal(click?.['_source_file'], 'studentVle.AAA')
  }
  const { report } = await importing(
    {
      'assessments.CSV': files['assessments.csv'],
      'studentAssessment.Csv': files['studentAssessment.csv'],
    },
    (directory, ingest) => importOuladScores({ directory, ingest, clock: systemClock }),
  )
  assert.deepEqual([...report.topics.keys()], ['exam_score'])
})

test('discovery names what looks like a table and is not taken, and each table that it did not find', async () => {
  const { report } = await importing(
    {
      'courses.csv': files['courses.csv'],
      'studentInfo.txt': files['studentInfo.csv'],
      'registered.dat': files['studentRegistration.csv'],
      'STUDENT_VLE.xlsx': Buffer.from([0x50, 0x4b, 3, 4, 0]),
      'README.md': '# OULAD\n',
      'notes.txt': '',
    },
    discovering,
  )
  const unlike = 'has a name that ends in none of .csv, .csv.gz, .tsv, .tsv.gz'
  const remedy = 'rename it, or import it by its own path'
  const leftOut = (name: string, file: string) =>
    `${name}: left out: it looks like ${file}, but ${unlike}; ${remedy}`
  const notFound = (file: string, topic: string) =>
    `found no table with the columns of ${file}.csv; nothing of ${topic} is imported`
  assert.deepEqual(
    report.warnings?.map((warning) =>
      warning.replace(/^\/.*\/(?=[\w.]+: )/, '').replace(/ in \/[^;]*;/, ';'),
    ),
    [
      leftOut('STUDENT_VLE.xlsx', 'studentVle'),
      leftOut('registered.dat', 'studentRegistration'),
      leftOut('studentInfo.txt', 'studentInfo'),
      notFound('assessments', 'assessments'),
      notFound('vle', 'vle'),
      notFound('studentInfo', 'student_info'),
      notFound('studentRegistration', 'student_registration'),
      notFound('studentAssessment', 'student_assessment'),
      notFound('studentVle', 'student_vle'),
    ],
  )
})

test('a file that looks like a table and is called otherwise is named', async () => {
  const { report } = await importing(
    { 'courses.csv': files['courses.csv'], 'studentinfo.csv': files['studentInfo.csv'] },
    whole,
  )
  assert.match(
    report.warnings?.[0] ?? '',
    /studentinfo\.csv: left out: it looks like studentInfo, but is not called studentInfo\.csv; rename it, or/,
  )
})

test('where nothing is found, what looks like a table is in the error', async () => {
  for (const run of [whole, discovering]) {
    const refused = importing({ 'studentVle.txt': clicks }, run)
    await assert.rejects(refused, /found nothing of OULAD in .*; \/.*studentVle\.txt: left out: it/)
  }
})

test('a table without one of its columns, and a directory without any, are refused with what was looked for', async () => {
  await assert.rejects(importing({ 'courses.csv': 'code_module\nAAA\n' }, whole), {
    code: 'SOURCE_UNREADABLE',
    message: /no column code_presentation, module_presentation_length/,
  })
  await assert.rejects(importing({ 'other.csv': 'a\n' }, whole), /found nothing of OULAD in/)
})

test('a column that the table does not have is left out with a warning', async () => {
  const { report, sent } = await importing(
    {
      'courses.csv': 'code_module,code_presentation,module_presentation_length,more\nA,2013J,1,x\n',
    },
    whole,
  )
  assert.match(report.warnings?.at(-1) ?? '', /left out column more/)
  assert.equal('more' in (valuesOf(sent, 'courses')[0] as object), false)
})

test('rows that are long make batches of fewer rows, so that what is kept of them fits', async () => {
  const long = 'x'.repeat(60_000)
  const bad = Array.from({ length: 100 }, (_, row) => `1,${row},18,0,78,${long}\n`).join('')
  const contents = {
    'assessments.csv': files['assessments.csv'],
    'studentAssessment.csv': 'id_assessment,id_student,date_submitted,is_banked,score\n' + bad,
  }
  const batches: number[] = []
  const measured = (ingest: IngestPort): IngestPort => ({
    ingest: (topic, records, options) => {
      let bytes = 0
      for (const { original } of records) {
        const kept = typeof original === 'function' ? original() : original
        bytes += kept?.value?.length ?? 0
      }
      batches.push(bytes)
      return ingest.ingest(topic, records, options)
    },
  })
  await importing(contents, (directory, ingest) =>
    importOuladTables({ paths: [directory], ingest: measured(ingest), clock: systemClock }),
  )
  await importing(contents, (directory, ingest) =>
    importOuladScores({ directory, ingest: measured(ingest), clock: systemClock }),
  )
  assert.ok(Math.max(...batches) > 1024 * 1024)
  assert.ok(Math.max(...batches) < 2.1 * 1024 * 1024, `${Math.max(...batches)} bytes at once`)
})
