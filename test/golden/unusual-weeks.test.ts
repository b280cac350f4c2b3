/** A model that learns from real students' weeks: hardly any of them is unusual, and what was planted among them is. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { qualityReportJob } from '../../src/jobs/quality/quality-jobs.ts'
import { QualityBench, resultOf } from '../../src/jobs/quality/quality.test-support.ts'
import { ask } from '../../src/sinks/clickhouse/run-statement.ts'
import type { Row } from '../../src/sinks/sink.ts'

const file = fileURLToPath(
  new URL('../../../shared/data/oulad/studentVle.AAA.csv.gz', import.meta.url),
)
const needsOulad = existsSync(file) ? {} : { skip: 'the data set oulad is not on this machine' }
const weeks = 'open_university.student_weekly_engagement'
const question = new URL('../../schemas/clickhouse/questions/unusual-weeks.sql', import.meta.url)

let bench: QualityBench
before(async () => {
  bench = await QualityBench.open()
})
after(() => bench.close())

test(
  'OULAD’s weeks of module AAA are usual but for a few, and bots are found',
  needsOulad,
  async () => {
    const real = studentWeeks()
    assert.equal(real.length, 20_565)
    await bench.put(weeks, real)
    const usual = resultOf(await bench.measure('open-university', { tables: [weeks] }), check)
    assert.deepEqual([usual.rows, usual.passed], [20_565, true])
    assert.ok(usual.failed < 100, `${usual.failed}`)
    // 1,411 clicks on 4 days: there is no week like it.
    assert.match(usual.detail, /clicks_per_active_day 352\.8, usually 12\.5 \(\+3\.7 deviations\)/)

    const bots = [
      { id_student: -1, active_days: 7, sum_click: 20_000 },
      { id_student: -2, active_days: 1, sum_click: 5_000 },
      { id_student: -3, active_days: 2, sum_click: 15_000 },
    ]
    const of = { code_module: 'AAA', code_presentation: '2014J', week: 5 }
    await bench.put(
      weeks,
      bots.map((bot) => ({ ...of, ...bot })),
    )
    // A day later the model learns anew.
    bench.clock.advance(24 * 60 * 60_000)
    const job = qualityReportJob(bench.ports({}, 'open-university'))
    const context = { signal: new AbortController().signal, onProgress: () => {} }
    await job.run(job.parse({}), context)
    const listed = await ask<{ id_student: number | string }>(
      bench.temporary.clickhouse,
      readFileSync(question, 'utf8'),
    )
    const first = listed.slice(0, 3).map(({ id_student }) => Number(id_student))
    assert.deepEqual(first.toSorted(), [-1, -2, -3])
  },
)

const check = `${weeks}/unusual_weeks`

/** Clicks and days with one, by student, presentation and week. */
function studentWeeks(): readonly Row[] {
  const [, ...lines] = gunzipSync(readFileSync(file)).toString('utf8').trim().split('\n')
  const found = new Map<string, { days: Set<number>; clicks: number }>()
  for (const line of lines) {
    const [, presentation = '', student = '', , date = '', clicks = ''] = line.split(',')
    const key = `${presentation},${student},${Math.floor(Number(date) / 7)}`
    const week = found.get(key) ?? { days: new Set(), clicks: 0 }
    found.set(key, week)
    week.days.add(Number(date))
    week.clicks += Number(clicks)
  }
  return [...found].map(([key, { days, clicks }]) => {
    const [code_presentation = '', student = '', week = ''] = key.split(',')
    const of = { code_module: 'AAA', code_presentation, id_student: Number(student) }
    return { ...of, week: Number(week), active_days: days.size, sum_click: clicks }
  })
}
