/** The whole of OULAD that is here through an instance: the published figures, and every column of every table and view. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { loadConfiguration } from '../../src/app/configuration.ts'
import { openInstance, type Instance } from '../../src/app/instance.ts'
import { systemClock } from '../../src/core/clock.ts'
import { importOuladTables } from '../../src/sources/import-oulad-tables.ts'
import { factsOf } from './oracle-open-university.ts'
import { viewsOf } from './oracle-open-university-risk.ts'
import { ouladEvents, type Row, type Tables } from './oracle-open-university-rows.ts'

const data = fileURLToPath(new URL('../../../shared/data/oulad', import.meta.url))
const questions = fileURLToPath(new URL('../../schemas/clickhouse/questions/', import.meta.url))
const idleMs = 600_000

describe('OULAD', { skip: !existsSync(data) && `there is no ${data}` }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-oulad-'))
  let instance: Instance
  let expected: Tables

  const importing = async (path: string) => {
    const { ingest } = instance.services
    const report = await importOuladTables({ paths: [path], ingest, clock: systemClock })
    assert.ok(await instance.whenIdle(idleMs))
    return report
  }
  const ask = async (query: string, query_params: Record<string, string> = {}): Promise<Row[]> => {
    const result = await instance.services.clickhouse.reader.query({
      query,
      query_params,
      format: 'JSONEachRow',
      clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
    })
    return result.json()
  }
  /** Times as milliseconds; without what says when a row was computed. */
  const rowsOf = async (table: string): Promise<Row[]> => {
    const time = 'toUnixTimestamp64Milli(event_time) AS event_time'
    const isFact = table in factsOf([])
    const columns = isFact ? `* EXCEPT (known_at, version) REPLACE (${time})` : '*'
    return ask(`SELECT ${columns} FROM open_university.${table}`)
  }

  before(async () => {
    const flags = { dataDir: join(directory, 'data'), topologies: ['open-university'] }
    const configuration = loadConfiguration({ flags, environment: {}, directory })
    instance = await openInstance(configuration, { listen: false })
    expected = factsOf(ouladEvents(data))
  })

  after(async () => {
    await instance.stop()
    rmSync(directory, { recursive: true })
  })

  test('all its files come in, and nothing is missing or refused', async () => {
    const report = await importing(data)
    assert.deepEqual(report.warnings, [])
    const counts = Object.fromEntries(
      [...report.topics].map(([topic, { taken }]) => [topic, taken]),
    )
    assert.deepEqual(counts, {
      courses: 22,
      assessments: 206,
      vle: 6364,
      student_info: 32_593,
      student_registration: 32_593,
      student_assessment: 173_912,
      student_vle: 350_298,
    })
    assert.deepEqual(await ask('SELECT id FROM tidemark.quarantine'), [])
  })

  test('the published figures are there', async () => {
    const [sums] = await ask(
      `SELECT sum(enrolments) AS enrolments, sum(withdrawn) AS withdrawn,
        sum(withdrawn_undated) AS undated, sum(passed) AS passed, sum(failed) AS failed,
        sum(distinctions) AS distinctions FROM open_university.enrolment_funnel`,
    )
    assert.deepEqual(sums, {
      enrolments: 32_593,
      withdrawn: 10_156,
      undated: 93,
      passed: 12_361,
      failed: 7052,
      distinctions: 3024,
    })
    assert.deepEqual(await ask('SELECT count() AS students FROM open_university.dim_student'), [
      { students: 28_785 },
    ])
    const [clicks] = await ask(
      `SELECT count() AS facts, sum(click_rows) AS click_rows,
        uniqExactIf(id_student, code_presentation = '2013J') AS students,
        sumIf(sum_click, code_presentation = '2013J') AS clicks
      FROM open_university.fact_vle_interactions WHERE code_module = 'AAA'`,
    )
    assert.deepEqual(clicks, {
      facts: 280_990,
      click_rows: 350_298,
      students: 378,
      clicks: 648_494,
    })
  })

  test('every column of every table is the oracle’s', async () => {
    for (const [table, rows] of Object.entries(expected)) {
      const found = await rowsOf(table)
      // The ids of clicks name their file and row; theirs are the importer's own.
      assertRows(withoutIds(found), withoutIds(rows), table)
    }
  })

  test('submissions, inactivity and risk are the oracle’s, under the rule as shipped and as changed', async () => {
    await assertViews(new Map())
    const rule = {
      weight_inactivity: 10,
      weight_missing: 60,
      weight_late: 5,
      weight_score: 20,
      weight_attempts: 5,
      inactivity_days_full: 14,
      score_enough: 50,
      attempts_full: 2,
      medium_from: 20,
      high_from: 40,
    }
    const content = { form: 'json', json: { code_module: 'AAA', ...rule } } as const
    await instance.services.ingest.ingest('at_risk_rules', [{ content }], {
      onError: 'refuse',
      source: 'file',
    })
    assert.ok(await instance.whenIdle(idleMs))
    await assertViews(new Map([['AAA', rule]]))
  })

  const assertViews = async (rules: Parameters<typeof viewsOf>[1]) => {
    for (const [view, rows] of Object.entries(viewsOf(expected, rules))) {
      assertRows(await rowsOf(view), rows, view)
    }
  }

  test('its seven tables are one, with the file that each row came from', async () => {
    const rows = await ask(
      'SELECT source_table, _source_file, count() AS rows FROM open_university.raw_oulad GROUP BY ALL ORDER BY rows',
    )
    assert.deepEqual(
      rows.map(({ source_table, _source_file }) => [source_table, _source_file]).slice(-2),
      [
        ['student_assessment', 'studentAssessment'],
        ['student_vle', 'studentVle.AAA'],
      ],
    )
    assert.equal(rows.length, 7)
  })

  test('the saved questions have answers', async () => {
    const names: Record<string, number> = {
      'enrolment-funnel': 22,
      'engagement-by-gender': 44,
      'engagement-by-attribute': 2,
      'weekly-engagement': 84,
      'students-at-risk': 1,
      'submission-status': 12,
      withdrawals: 5,
      'clicks-by-activity': 1,
    }
    const params = { attribute: 'gender', module: 'AAA', presentation: '2014J' }
    for (const [name, least] of Object.entries(names)) {
      const rows = await ask(readFileSync(join(questions, `${name}.sql`), 'utf8'), params)
      assert.ok(rows.length >= least, `${name}: ${rows.length} rows`)
    }
  })

  test('importing a file again changes no row', async () => {
    const versions = () =>
      ask(`SELECT
        (SELECT sum(version) FROM open_university.raw_student_registration) AS raw,
        (SELECT sum(version) FROM open_university.dim_registered_module) AS registered,
        (SELECT sum(version) FROM open_university.enrolment_funnel) AS funnels`)
    const before = await versions()
    await importing(join(data, 'studentRegistration.csv.gz'))
    assert.deepEqual(await versions(), before)
  })

  test('a mistyped day of someone who is in no list changes nobody’s risk and no funnel', async () => {
    const states = () =>
      Promise.all([
        rowsOf('at_risk'),
        ask('SELECT code_presentation, active, submitted FROM open_university.enrolment_funnel'),
      ])
    const before = await states()
    const click = { id_site: '546669', id_student: '99999999', sum_click: '1' }
    const at = { code_module: 'AAA', code_presentation: '2014J', date: '2500' }
    const json = { ...click, ...at, _source_file: 'mistyped', event_id: '1' }
    await instance.services.ingest.ingest('student_vle', [{ content: { form: 'json', json } }], {
      onError: 'refuse',
      source: 'file',
    })
    assert.ok(await instance.whenIdle(idleMs))
    const [{ rows } = {}] = await ask(
      'SELECT count() AS rows FROM open_university.student_engagement WHERE last_active_day = 2500',
    )
    assert.equal(rows, 1)
    const now = await states()
    for (const [index, table] of ['at_risk', 'enrolment_funnel'].entries()) {
      assertRows(now[index] ?? [], before[index] ?? [], table)
    }
  })
})

function withoutIds(rows: readonly Row[]): Row[] {
  return rows.map(({ event_id: _, ...row }) => row)
}

/** Compared as texts: of hundreds of thousands of rows the first that differ are enough. */
function assertRows(found: readonly Row[], rows: readonly Row[], table: string): void {
  const [actual, wanted] = [sorted(found), sorted(rows)]
  assert.equal(actual.length, wanted.length, `${table}: rows`)
  const differing = actual.flatMap((row, index) =>
    row === wanted[index] ? [] : [{ found: row, wanted: wanted[index] }],
  )
  assert.deepEqual(differing.slice(0, 3), [], `${table}: ${differing.length} rows differ`)
}

function sorted(rows: readonly Row[]): string[] {
  return rows
    .map((row) => JSON.stringify(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1))))
    .sort()
}
