/** The jobs: what they answer, what they keep, and what they refuse. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { ask } from '../../sinks/clickhouse/run-statement.ts'
import type { Job } from '../job.ts'
import { attemptRow } from './attempt-rows.test-support.ts'
import { dayMs } from './period.ts'
import {
  qualityCheckJob,
  qualityProfileJob,
  qualityReportJob,
  type QualityPorts,
  type QualityVerdict,
} from './quality-jobs.ts'
import { readLatestScores, type LatestScores } from './quality-store.ts'
import { nowMs, QualityBench } from './quality.test-support.ts'

const attempts = 'adaptive_learning.user_attempts'

async function run<Request, Result extends object>(
  job: Job<Request, Result>,
  request: unknown = {},
): Promise<Result> {
  const context = { signal: new AbortController().signal, onProgress: () => {} }
  return await job.run(job.parse(request), context)
}

describe('the jobs of quality', () => {
  let bench: QualityBench
  before(async () => {
    bench = await QualityBench.open()
    await bench.put(
      attempts,
      Array.from({ length: 50 }, (_, index) => attemptRow(index)),
    )
  })
  after(() => bench.close())

  const ports = (more: Partial<QualityPorts> = {}): QualityPorts => ({
    ...bench.ports({}, 'adaptive-learning'),
    ...more,
  })

  it('check: good while no grave check fails and the score is high enough', async () => {
    const told: LatestScores[] = []
    const onScores = (scores: LatestScores) => void told.push(scores)
    const job = qualityCheckJob(ports({ onScores }))
    const good = (await run(job)) as QualityVerdict
    assert.equal(good.is_good, true)
    assert.equal(good.score, 100)
    assert.deepEqual(
      told.map(({ score }) => score),
      [100],
    )

    await bench.put(attempts, [attemptRow(50, { quality: 9 })])
    const bad = (await run(job, { topologies: ['adaptive-learning'] })) as QualityVerdict
    assert.equal(bad.is_good, false)
    assert.deepEqual(
      bad.failures.map(({ check }) => check),
      ['range:quality'],
    )
    assert.ok(bad.score !== null && bad.score < 100)

    const thresholds = new Map([[`${attempts}/range:quality`, 5]])
    const lenient = bench.ports({ thresholds }, 'adaptive-learning')
    const enough = (await run(qualityCheckJob(lenient), { score_min: 90 })) as QualityVerdict
    assert.deepEqual([enough.is_good, enough.failures], [true, []])
    const tooLow = (await run(qualityCheckJob(lenient), { score_min: 100 })) as QualityVerdict
    assert.deepEqual([tooLow.is_good, tooLow.failures], [false, []])
  })

  it('check: where there is nothing to measure, nothing is bad and no score is told', async () => {
    const to = new Date(nowMs - 300 * dayMs).toISOString()
    const told: LatestScores[] = []
    const onScores = (scores: LatestScores) => void told.push(scores)
    const verdict = await run(qualityCheckJob(ports({ onScores })), { to, score_min: 99 })
    assert.deepEqual([verdict.score, (verdict as QualityVerdict).is_good], [null, true])
    assert.deepEqual(told, [], 'what was long ago is no state of the instance')
  })

  it('report: every result and score is kept by run, and the latest scores are found again', async () => {
    bench.clock.advance(1000)
    const told: LatestScores[] = []
    const onScores = (scores: LatestScores) => void told.push(scores)
    const report = await run(qualityReportJob(ports({ onScores })), { days: 2 })
    const stored = await ask<Record<string, unknown>>(
      bench.temporary.clickhouse,
      `SELECT topology, \`table\`, \`check\`, dimension, level, measured, threshold, passed,
  toUInt32(rows_looked_at) AS rows, toUInt32(rows_failed) AS failed, detail
FROM tidemark.quality_results WHERE run_id = {run:String} ORDER BY \`table\`, \`check\``,
      { run: report.run_id },
    )
    const inOrder = report.results.toSorted((left, right) =>
      `${left.table}/${left.check}` < `${right.table}/${right.check}` ? -1 : 1,
    )
    assert.deepEqual(
      stored.toSorted((left, right) =>
        `${String(left['table'])}/${String(left['check'])}` <
        `${String(right['table'])}/${String(right['check'])}`
          ? -1
          : 1,
      ),
      inOrder.map((result) => ({ ...result })),
    )
    assert.equal(Date.parse(report.period.to) - Date.parse(report.period.from), 2 * dayMs)
    const latest = await readLatestScores(bench.temporary.clickhouse)
    assert.deepEqual(latest, told[0])
    assert.equal(latest.runId, report.run_id)
    assert.equal(latest.score, report.score)
  })

  it('check: a run that is young enough will do, and an older one will not', async () => {
    const told: LatestScores[] = []
    const onScores = (scores: LatestScores) => void told.push(scores)
    const job = qualityCheckJob(ports({ onScores }))
    bench.clock.advance(1000)
    const first = await run(job)
    bench.clock.advance(60_000)
    const known = await run(job, { age_max_ms: 60_000 })
    assert.deepEqual([known.run_id, 'is_known' in known], [first.run_id, true])
    assert.deepEqual(told[1], told[0])
    bench.clock.advance(1)
    const second = await run(job, { age_max_ms: 60_000 })
    assert.notEqual(second.run_id, first.run_id)
  })

  it('profile: counts, missing values, extremes, mean and quantiles by column', async () => {
    const { columns } = await run(qualityProfileJob(ports()), { table: attempts })
    const of = (name: string) => columns.find(({ column }) => column === name)
    // 50 of quality 5 and one of 9.
    assert.deepEqual(of('quality'), {
      column: 'quality',
      type: 'Int32',
      rows: 51,
      nulls: 0,
      distinct: 2,
      min: '5',
      max: '9',
      mean: 259 / 51,
      p05: 5,
      p25: 5,
      median: 5,
      p75: 5,
      p95: 5,
    })
    const user = of('user_id')
    assert.deepEqual(
      [user?.distinct, user?.min, user?.max, user?.mean],
      [10, 'user-0', 'user-9', null],
    )
    const abilities = of('irt_ability_before')
    assert.deepEqual([abilities?.min, abilities?.max, abilities?.distinct], ['1', '1', null])
    assert.match(of('event_time')?.min ?? '', /^2026-03-02 10:59:00/)
    const empty = await run(qualityProfileJob(ports()), { table: 'mcq.teachers' })
    assert.deepEqual(
      [empty.columns[0]?.rows, empty.columns[0]?.min, empty.columns[0]?.mean],
      [0, null, null],
    )
  })

  it('refuse requests that are wrong, naming every field, and tables that are not there', async () => {
    const check = qualityCheckJob(ports())
    const faults: readonly (readonly [unknown, RegExp])[] = [
      [7, /expected an object of fields/],
      [{ days: 0 }, /days: expected a number from .* to 100000, found 0/],
      [
        { from: 'yesterday', by: 'now' },
        /from: expected a time .*; by: expected one of known_at, event_time/,
      ],
      [{ from: '2026-02-01', to: '2026-01-01' }, /from: expected a time before to/],
      [{ from: '2026-02-01', days: 3 }, /days: from says it already/],
      [
        { topologies: ['nowhere'] },
        /topologies: "nowhere" is not running; running are adaptive-learning/,
      ],
      [{ score_min: 101 }, /score_min: expected a number from 0 to 100/],
      [{ day: 3 }, /day: no such field; there are topologies, days/],
    ]
    for (const [request, message] of faults) {
      assert.throws(() => check.parse(request), { code: 'REQUEST_INVALID', message })
    }
    await assert.rejects(run(check, { from: '2100-01-01' }), { code: 'REQUEST_INVALID' })
    const profile = qualityProfileJob(ports())
    assert.throws(() => profile.parse({ table: "x'; DROP TABLE y" }), /expected database\.table/)
    await assert.rejects(run(profile, { table: 'mcq.nothing' }), /there is no table mcq\.nothing/)
  })
})
