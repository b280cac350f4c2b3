/** Which of OULAD's two topologies hear of files that came without others, and what is said where one cannot. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { systemClock } from '../core/clock.ts'
import type { LocalIngest } from '../sources/ingest-records.ts'
import { openIngestFixture } from '../sources/ingest-fixture.test-support.ts'
import type { IngestPort } from '../sources/ingest-port.ts'
import { importOulad } from './import-oulad.ts'

const files = {
  'assessments.csv':
    'code_module,code_presentation,id_assessment,assessment_type,date,weight\nAAA,2013J,1,TMA,?,10\n',
  'courses.csv': 'code_module,code_presentation,module_presentation_length\nAAA,2013J,268\n',
  'studentAssessment.csv': 'id_assessment,id_student,date_submitted,is_banked,score\n1,7,18,0,78\n',
}

const needed =
  'exam scores need studentAssessment.csv and assessments.csv in one folder: import that folder'

async function stage(t: TestContext, names: readonly (keyof typeof files)[]) {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-oulad-'))
  t.after(() => {
    rmSync(directory, { recursive: true })
  })
  for (const name of names) writeFileSync(join(directory, name), files[name])
  const { ingest, log, values } = await openIngestFixture()
  t.after(() => log.close())
  const importing = (port: IngestPort, ...paths: readonly string[]) =>
    importOulad({
      paths: paths.map((path) => join(directory, path)),
      ingest: port,
      clock: systemClock,
    })
  return { directory, ingest, importing, scores: () => values('exam_score') }
}

/** As of an instance that runs open-university, beside `exam-scores` where the ingest has its topic. */
function withTables(ingest: LocalIngest, scores: 'and scores' | 'alone'): IngestPort {
  return {
    ingest: (topic, records, options) => {
      if (topic === 'exam_score')
        return ingest.ingest(scores === 'alone' ? 'none' : topic, records, options)
      const outcomes = { taken: records.length, refused: 0, quarantined: 0, warnings: 0 }
      return Promise.resolve({ outcomes: [], ...outcomes })
    },
  }
}

test('results that came as a file by itself are no exam scores, which is said with what is missing', async (t) => {
  const { directory, ingest, importing, scores } = await stage(t, [
    'studentAssessment.csv',
    'assessments.csv',
    'courses.csv',
  ])
  const both = withTables(ingest, 'and scores')
  const { topics, warnings } = await importing(both, 'studentAssessment.csv', 'courses.csv')
  assert.deepEqual([...topics.keys()].sort(), ['courses', 'student_assessment'])
  const file = join(directory, 'studentAssessment.csv')
  assert.deepEqual(warnings, [
    `no exam scores are imported: ${file} came without its folder; ${needed}`,
  ])
  assert.equal((await scores()).length, 0)

  // As the warning says.
  const whole = await importing(both, '.')
  assert.deepEqual(
    whole.warnings?.filter((warning) => warning.includes('exam scores')),
    [],
  )
  assert.equal((await scores()).length, 1)
  assert.deepEqual((await importing(both, 'courses.csv')).warnings, [])
})

test('a folder without assessments.csv gives no exam scores, which is said with what is missing', async (t) => {
  const { ingest, importing } = await stage(t, ['studentAssessment.csv'])
  const { topics, warnings } = await importing(withTables(ingest, 'and scores'), '.')
  assert.deepEqual([...topics.keys()], ['student_assessment'])
  assert.match(
    warnings?.at(-1) ?? '',
    /^no exam scores are imported: found none of assessments\.csv/,
  )
  assert.ok(warnings?.at(-1)?.endsWith(`; ${needed}`), warnings?.at(-1))
})

test('an instance that does not run exam-scores misses none', async (t) => {
  const { ingest, importing } = await stage(t, ['studentAssessment.csv'])
  const alone = withTables(ingest, 'alone')
  assert.deepEqual((await importing(alone, 'studentAssessment.csv')).warnings, [])
  const { warnings = [] } = await importing(alone, '.')
  assert.ok(
    warnings.every((warning) => !warning.includes('exam scores')),
    warnings.join('\n'),
  )
})

test('an instance that runs exam-scores alone refuses what is not enough for them', async (t) => {
  const { ingest, importing } = await stage(t, ['studentAssessment.csv', 'courses.csv'])
  for (const file of ['studentAssessment.csv', 'courses.csv']) {
    await assert.rejects(importing(ingest, file), (thrown: Error & { code?: string }) => {
      assert.equal(thrown.code, 'SOURCE_UNREADABLE')
      assert.ok(thrown.message.endsWith(`${file} came without its folder; ${needed}`))
      return true
    })
  }
  const neither: IngestPort = {
    ingest: (_topic, records, options) => ingest.ingest('none', records, options),
  }
  await assert.rejects(importing(neither, 'studentAssessment.csv'), { code: 'TOPIC_UNKNOWN' })
})
