/** OULAD with all that can be wrong with it, through `import`: told with file and line, kept, and the rest are facts. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { tidemark, up, type RunningInstance } from './doors-support/command.ts'

let directory: string
let instance: RunningInstance

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemark-oulad-'))
  instance = await up(join(directory, 'data'), ['--topologies', 'open-university'])
})
after(async () => {
  await instance.stop()
  await rm(directory, { recursive: true })
})

function importing(...words: readonly string[]) {
  return tidemark(['import', 'oulad', ...words, '--wait', '--data-dir', instance.dataDir])
}

async function rows<Row>(sql: string): Promise<Row[]> {
  const url = `${instance.url('clickhouse')}/?default_format=JSON`
  const response = await fetch(url, { method: 'POST', body: sql })
  const text = await response.text()
  assert.equal(response.status, 200, text)
  return (JSON.parse(text) as { data: Row[] }).data
}

/** Writes the tables into a folder of its own. */
async function folder(name: string, files: Readonly<Record<string, readonly string[]>>) {
  const path = join(directory, name)
  await mkdir(path)
  for (const [file, lines] of Object.entries(files)) {
    await writeFile(join(path, file), lines.map((line) => `${line}\n`).join(''))
  }
  return path
}

const headers = {
  courses: 'code_module,code_presentation,module_presentation_length',
  assessments: 'code_module,code_presentation,id_assessment,assessment_type,date,weight',
  vle: 'id_site,code_module,code_presentation,activity_type,week_from,week_to',
  info: 'code_module,code_presentation,id_student,gender,region,highest_education,imd_band,age_band,num_of_prev_attempts,studied_credits,disability,final_result',
  registration: 'code_module,code_presentation,id_student,date_registration,date_unregistration',
  results: 'id_assessment,id_student,date_submitted,is_banked,score',
  clicks: 'code_module,code_presentation,id_student,id_site,date,sum_click',
}

test('of each table bad rows are kept with place and reason, doubled ones count once, and good ones are facts', async () => {
  const path = await folder('bad', {
    'courses.csv': [headers.courses, 'AAA,2013J,268', 'AAA,2014J,long', 'AAA,autumn,268'],
    'assessments.csv': [
      headers.assessments,
      'AAA,2013J,1,TMA,19,10',
      'AAA,2013J,2,TMA,19,heavy',
      'AAA,2013J,,TMA,19,10',
    ],
    'vle.csv': [headers.vle, '5,AAA,2013J,resource,,', '6,AAA,2013J,resource,1.5,'],
    'studentInfo.csv': [
      headers.info,
      'AAA,2013J,7,M,Wales,HE,?,0-35,0,60,N,Pass',
      'AAA,2013J,8,M,Wales,HE,?,0-35,-1,60,N,Pass',
      'AAA,2013J,9,M,Wales',
    ],
    'studentRegistration.csv': [
      headers.registration,
      'AAA,2013J,7,-9,',
      'AAA,2013J,7,-9,',
      'AAA,2013J,8,10001,',
    ],
    'studentAssessment.csv': [
      headers.results,
      '1,7,18,0,78',
      '99,7,18,0,50',
      '1,8,18,0,seventy',
      '1,"9,18,0,60',
    ],
    'studentVle.csv': [
      headers.clicks,
      'AAA,2013J,7,5,0,4',
      'AAA,2013J,7,5,0,4',
      'AAA,2015J,7,5,0,1',
      'AAA,2013J,7,5,soon,4',
      'AAA,2013J,7,5,,4',
      'AAA,2013J,,5,0,4',
      'AAA,2013J,7,5,0,4,4',
      'AAA,2013J,7,5',
    ],
  })
  const first = await importing(path)
  assert.equal(first.code, 0, first.stderr)
  for (const line of [
    'student_info: 2 events, 1 quarantined',
    'student_assessment: 3 events, 1 quarantined',
    'student_vle: 5 events, 3 quarantined',
  ]) {
    assert.ok(first.stdout.includes(line), first.stdout)
  }
  assert.match(first.stderr, /studentInfo\.csv:4: .*the row has 5 cells, the header 12/)
  assert.match(first.stderr, /studentVle\.csv:7: .*id_student/)
  assert.match(first.stderr, /studentAssessment\.csv:5: .*never closes/)

  const kept = () =>
    rows<{ topic: string; check: string; found: string; hasBytes: number }>(
      `SELECT topic, check, any(reason) AS found, toUInt8(min(length(record_value)) > 0) AS hasBytes
       FROM tidemark.quarantine GROUP BY topic, check ORDER BY topic, check`,
    )
  const found = await kept()
  assert.deepEqual(
    found.map(({ topic, check }) => `${topic} ${check}`),
    [
      'assessments key_missing',
      'assessments weight_number',
      'courses code_presentation_format',
      'courses module_presentation_length_integer',
      'student_assessment schema_refused',
      'student_assessment score_number',
      'student_info num_of_prev_attempts_least',
      'student_info schema_refused',
      'student_registration date_registration_range',
      'student_vle date_integer',
      'student_vle date_required',
      'student_vle key_missing',
      'student_vle schema_refused',
      'vle week_from_integer',
    ],
  )
  assert.ok(found.every(({ hasBytes }) => hasBytes === 1))
  const reasonOf = (check: string) => found.find((row) => row.check === check)?.found
  assert.equal(reasonOf('weight_number'), 'weight is "heavy"; expected a number')
  assert.match(reasonOf('code_presentation_format') ?? '', /"autumn"; expected a year and a month/)

  const facts = await rows(
    `SELECT code_presentation, toUInt32(sum_click) AS clicks, click_rows
     FROM open_university.fact_vle_interactions ORDER BY 1`,
  )
  assert.deepEqual(facts, [
    { code_presentation: '2013J', clicks: 8, click_rows: 2 },
    { code_presentation: '2015J', clicks: 1, click_rows: 1 },
  ])
  const [counts] = await rows(
    `SELECT (SELECT toUInt32(count()) FROM open_university.raw_student_registration) AS registrations,
      (SELECT toUInt32(count()) FROM open_university.raw_student_vle) AS rawClicks,
      (SELECT toUInt32(count()) FROM open_university.clean_student_vle) AS cleanClicks`,
  )
  assert.deepEqual(counts, { registrations: 2, rawClicks: 5, cleanClicks: 3 })

  // What nobody describes counts, and is listed: the description may still come.
  const question = new URL(
    '../../schemas/clickhouse/questions/unknown-references.sql',
    import.meta.url,
  )
  const open = await rows<Record<string, string>>(readFileSync(question, 'utf8'))
  assert.deepEqual(
    open.map(({ source_table, missing, name }) => [source_table, missing, name]),
    [
      ['student_assessment', 'assessments', '99'],
      ['student_vle', 'courses', 'AAA 2015J'],
    ],
  )

  const again = await importing(path)
  assert.equal(again.code, 0, again.stderr)
  assert.deepEqual(await kept(), found)
  const clicks =
    'SELECT toUInt32(sum(sum_click)) AS clicks FROM open_university.fact_vle_interactions'
  assert.deepEqual(await rows(clicks), [{ clicks: 9 }])
})

test('a file without a column, without a header or of another kind is refused, and says what is missing', async () => {
  const cases: [string, string, RegExp][] = [
    ['studentVle.csv', `${headers.clicks.replace(',date', '')}\nAAA,2013J,7,5,4\n`, /lack date/],
    ['courses.csv', '', /there is no header line/],
    ['other.csv', 'a,b\n1,2\n', /its columns a, b are no table of OULAD/],
  ]
  for (const [name, content, reason] of cases) {
    const path = join(directory, name)
    await writeFile(path, content)
    const { code, stderr } = await importing(path)
    assert.equal(code, 1)
    assert.ok(stderr.includes(path), stderr)
    assert.match(stderr, reason)
  }
})

test('a rule of the at-risk score that nothing can be computed with is kept, and the one before it stays', async () => {
  const path = join(directory, 'rules.jsonl')
  await writeFile(
    path,
    '{"code_module": "", "weight_late": 0}\n{"code_module": "", "inactivity_days_full": 0}\n',
  )
  const { code, stderr } = await tidemark([
    ...['ingest', 'at_risk_rules', path, '--topologies', 'open-university', '--wait'],
    ...['--data-dir', instance.dataDir],
  ])
  assert.equal(code, 0, stderr)
  assert.deepEqual(
    await rows(`SELECT reason FROM tidemark.quarantine WHERE topic = 'at_risk_rules'`),
    [{ reason: 'inactivity_days_full is 0; expected more than 0' }],
  )
  assert.deepEqual(
    await rows('SELECT weight_late, inactivity_days_full FROM open_university.at_risk_rules'),
    [{ weight_late: 0, inactivity_days_full: 28 }],
  )
})

test('of two lines of a file for one key the later one counts, as much of a rule as of a row', async () => {
  const ingesting = async (topic: string, name: string, lines: readonly object[]) => {
    const path = join(directory, name)
    await writeFile(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
    const { code, stderr } = await tidemark([
      ...['ingest', topic, path, '--topologies', 'open-university', '--wait'],
      ...['--data-dir', instance.dataDir],
    ])
    assert.equal(code, 0, stderr)
  }
  const weights = [35, 36, 33, 34]
  const rules = weights.map((weight_inactivity) => ({ code_module: 'DDD', weight_inactivity }))
  await ingesting('at_risk_rules', 'twice.jsonl', rules)
  assert.deepEqual(
    await rows(
      `SELECT weight_inactivity FROM open_university.at_risk_rules WHERE code_module = 'DDD'`,
    ),
    [{ weight_inactivity: 34 }],
  )
  const of = { code_module: 'DDD', code_presentation: '2013J' }
  const lengths = ['268', '269', '240', '241']
  const courses = lengths.map((module_presentation_length) => ({
    ...of,
    module_presentation_length,
  }))
  await ingesting('courses', 'courses.jsonl', courses)
  assert.deepEqual(
    await rows(
      `SELECT module_presentation_length FROM open_university.dim_presentation WHERE code_module = 'DDD'`,
    ),
    [{ module_presentation_length: 241 }],
  )
})
