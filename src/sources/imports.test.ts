/** The importers on the real data beside the repository; skipped with a reason where it is absent. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { systemClock } from '../core/clock.ts'
import { importEdnet } from './import-ednet.ts'
import { importOuladScores, presentationStartMs } from './import-oulad.ts'
import { openIngestFixture } from './ingest-fixture.test-support.ts'

const data = fileURLToPath(new URL('../../../shared/data/', import.meta.url))
const absent = (name: string) => {
  const path = join(data, name)
  return existsSync(path) ? false : `there is no ${path}`
}

test(
  'OULAD has 173,912 results, 173 without a score, of 23,369 students in 188 exams',
  {
    skip: absent('oulad'),
  },
  async () => {
    const { ingest, values, records, log } = await openIngestFixture()
    const options = { directory: join(data, 'oulad'), ingest, clock: systemClock }
    const report = await importOuladScores(options)
    assert.equal(report.topics.get('exam_score')?.taken, 173_912)
    assert.equal(report.topics.get('exam_score')?.quarantined, 0)
    const scores = await values('exam_score')
    const known = scores.flatMap(({ score }) => (score === null ? [] : [score as number]))
    assert.equal(scores.length - known.length, 173)
    assert.equal(new Set(scores.map(({ studentId }) => studentId)).size, 23_369)
    assert.equal(new Set(scores.map(({ exam }) => exam)).size, 188)
    const mean = known.reduce((sum, score) => sum + score, 0) / known.length
    assert.ok(Math.abs(mean - 75.7995729226023) < 1e-9)
    assert.equal(
      new Set((await records('exam_score')).map(({ key }) => key?.toString('hex'))).size,
      173_912,
    )
    const first = scores.find(({ event_id }) => event_id === 'oulad/1752/11391')
    assert.equal(first?.['timestamp'], Date.UTC(2013, 9, 1 + 18))
    assert.equal(first['score'], 78)
    await log.close()
  },
)

const assessments = 'code_module,code_presentation,id_assessment\nAAA,2013J,1\nAAA,2014B,2\n'

async function ofFiles(files: Record<string, string | Buffer>) {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-oulad-'))
  const fixture = await openIngestFixture()
  try {
    for (const [name, content] of Object.entries(files)) {
      writeFileSync(join(directory, name), content)
    }
    const report = await importOuladScores({
      directory,
      ingest: fixture.ingest,
      clock: systemClock,
    })
    const values = await fixture.values('exam_score')
    return { fixture, report, values, quarantined: await fixture.quarantined() }
  } finally {
    rmSync(directory, { recursive: true })
    await fixture.log.close()
  }
}

test('a score is missing where the file says empty or ?, in CSV and TSV, gzipped or not', async () => {
  const rows = 'id_assessment,id_student,date_submitted,is_banked,score\n1,a,3,0,?\n2,b,-1,1,\n'
  const expected = [
    ['a', null, Date.UTC(2013, 9, 4)],
    ['b', null, Date.UTC(2014, 0, 31)],
  ]
  const forms: Record<string, string | Buffer>[] = [
    { 'studentAssessment.csv': rows },
    { 'studentAssessment.csv.gz': gzipSync(rows) },
    { 'studentAssessment.tsv': rows.replaceAll(',', '\t') },
    { 'studentAssessment.tsv.gz': gzipSync(rows.replaceAll(',', '\t')) },
  ]
  for (const form of forms) {
    const { values } = await ofFiles({ 'assessments.csv': assessments, ...form })
    const found = values.map(({ studentId, score, timestamp }) => [studentId, score, timestamp])
    assert.deepEqual(found.sort(), expected)
  }
})

test('a result that makes no sense is quarantined with its line', async () => {
  const rows =
    'id_assessment,id_student,date_submitted,is_banked,score\n9,a,3,0,1\n1,b,soon,0,1\n1,c,1,0,good\n1,,1,0,5\n'
  const { values, quarantined } = await ofFiles({
    'assessments.csv': assessments,
    'studentAssessment.csv': rows,
  })
  assert.equal(values.length, 0)
  const reasons = quarantined.map(({ location, reason }) => `${location?.split(':')[1]} ${reason}`)
  assert.match(
    reasons.sort().join('\n'),
    /2 .*assessment "9"[^]*3 .*date_submitted is soon[^]*4 .*"good"[^]*5 .*studentId/,
  )
})

test('a missing file is named with all that was looked for', async () => {
  await assert.rejects(
    ofFiles({}),
    /studentAssessment\.csv, studentAssessment\.csv\.gz, .*\.tsv\.gz in \//,
  )
  await assert.rejects(ofFiles({ 'studentAssessment.csv': 'a\n' }), /none of assessments\.csv/)
  const files = { 'assessments.csv': assessments, 'studentAssessment.csv': 'a\n1\n' }
  await assert.rejects(ofFiles(files), /no column id_assessment, id_student, date_submitted, score/)
})

test('B starts in February and J in October', () => {
  assert.equal(presentationStartMs('2013B'), Date.UTC(2013, 1, 1))
  assert.equal(presentationStartMs('2014J'), Date.UTC(2014, 9, 1))
  assert.equal(presentationStartMs('x'), null)
})

test(
  'EdNet’s logs become answers, sessions and submissions, each action once',
  {
    skip: absent('ednet'),
  },
  async () => {
    const directory = join(data, 'ednet')
    const { ingest, values, quarantined, log } = await openIngestFixture()
    const report = await importEdnet({ directory, ingest, clock: systemClock })
    const taken = Object.fromEntries([...report.topics].map(([topic, { taken }]) => [topic, taken]))
    assert.deepEqual(await quarantined(), [])
    assert.deepEqual(taken, {
      questions: 13_169,
      tests: new Set((await values('questions')).map(({ test_id }) => test_id)).size,
      students: 4,
      sessions: 1262,
      answers: 1686,
      submissions: 1262,
    })
    assert.equal(report.leftOut.get('erase_choice'), 27)
    const answers = await values('answers')
    assert.equal(
      new Set(answers.map(({ answer_id }) => answer_id)).size,
      1685,
      'one line is there twice',
    )
    assert.ok(answers.every(({ session_id }) => session_id !== null))
    const tests = await values('tests')
    const questions = tests.reduce(
      (sum, { total_questions }) => sum + (total_questions as number),
      0,
    )
    assert.equal(questions, 13_169)
    await log.close()
  },
)

test('EdNet in TSV and gzip gives the same events, and quitting an open bundle is an incomplete submission', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-ednet-'))
  const { ingest, values, log } = await openIngestFixture()
  try {
    writeFileSync(
      join(directory, 'questions.tsv'),
      'question_id\tbundle_id\texplanation_id\tcorrect_answer\tpart\ttags\tdeployed_at\nq1\tb1\te1\tb\t1\t1;2\t5\n',
    )
    const log = [
      'timestamp,action_type,item_id,cursor_time,source,user_answer,platform',
      '10,respond,q9,,s,a,web',
      '11,enter,b1,,s,,web',
      '12,erase_choice,q1,,s,a,web',
      '13,respond,q1,,s,,web',
      '14,respond,q9,,s,c,web',
      '15,quit,b1,,s,,web',
      '16,quit,b1,,s,,web',
      '17,respond,q1,,s,b,web',
    ]
    writeFileSync(join(directory, 'u7.csv.gz'), gzipSync(log.join('\n')))
    const report = await importEdnet({ directory, ingest, clock: systemClock })
    assert.deepEqual(
      [...report.leftOut],
      [
        ['respond', 1],
        ['erase_choice', 1],
        ['quit', 1],
      ],
    )
  } finally {
    rmSync(directory, { recursive: true })
  }
  const answers = await values('answers')
  assert.deepEqual(
    answers.map((a) => [a['answer_id'], a['test_id'], a['session_id'], a['submitted_option']]),
    [
      ['u7-13-q1', 'b1', 'u7-11-b1', null],
      ['u7-14-q9', 'b1', 'u7-11-b1', 'c'],
      ['u7-17-q1', 'b1', null, 'b'],
    ],
  )
  const submissions = await values('submissions')
  assert.deepEqual(
    submissions.map(({ submit_time, completion_status }) => [submit_time, completion_status]),
    [[15, 'incomplete']],
  )
  await log.close()
})

test('an EdNet directory without logs or key is named', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-ednet-'))
  const { ingest, log } = await openIngestFixture()
  const importing = () => importEdnet({ directory, ingest, clock: systemClock })
  try {
    await assert.rejects(importing(), /none of questions\.csv/)
    writeFileSync(join(directory, 'questions.csv'), 'question_id\n')
    await assert.rejects(importing(), /no action log u<number>\.csv/)
  } finally {
    rmSync(directory, { recursive: true })
    await log.close()
  }
})
