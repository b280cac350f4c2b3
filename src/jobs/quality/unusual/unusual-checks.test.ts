/** Rows unlike the others, on tables: what a model learns, keeps, finds and tells. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, afterEach, before, describe, it } from 'node:test'
import { ask } from '../../../sinks/clickhouse/run-statement.ts'
import type { Row } from '../../../sinks/sink.ts'
import { Random } from '../../../sources/random.ts'
import { dayRow } from '../attempt-rows.test-support.ts'
import { dayMs } from '../period.ts'
import { qualityReportJob, type QualityReport } from '../quality-jobs.ts'
import { qualityDefaults, type LearningOptions } from '../quality-options.ts'
import { nowMs, QualityBench, resultOf } from '../quality.test-support.ts'

const days = 'adaptive_learning.daily_aggregations'
const check = `${days}/unusual_days`
const question = new URL(
  '../../../../schemas/clickhouse/questions/unusual-days.sql',
  import.meta.url,
)

describe('rows unlike the others', () => {
  let bench: QualityBench
  before(async () => {
    bench = await QualityBench.open()
  })
  after(() => bench.close())
  afterEach(async () => {
    await bench.clear(days)
    const { writer } = bench.temporary.clickhouse
    for (const table of ['quality_models', 'quality_unusual', 'quality_results']) {
      await writer.command({ query: `TRUNCATE TABLE tidemark.${table}` })
    }
  })

  /** Learners' days as they mostly are. */
  async function putUsual(count: number, more: Row = {}): Promise<void> {
    const random = new Random(1)
    const rows = Array.from({ length: count }, (_, index) => {
      const total = 1 + Math.round(random.logNormal(10, 0.4))
      const right = Math.min(total, Math.max(0, Math.round(total * (0.5 + 0.15 * random.normal()))))
      return dayRow(`learner-${index}`, {
        total_attempts: total,
        correct_attempts: right,
        accuracy: right / total,
        avg_response_time_ms: random.logNormal(20_000, 0.3),
        total_study_time_minutes: random.logNormal(4, 0.4),
        unique_items_attempted: Math.max(1, Math.round(total * 0.8)),
        ...more,
      })
    })
    await bench.put(days, rows)
  }
  const hurried = {
    total_attempts: 400,
    correct_attempts: 100,
    accuracy: 0.25,
    avg_response_time_ms: 600,
    total_study_time_minutes: 4,
    unique_items_attempted: 320,
  }
  const measure = (learning: Partial<LearningOptions> = {}) =>
    bench.measure('adaptive-learning', {
      tables: [days],
      learning: { ...qualityDefaults.learning, ...learning },
    })
  const report = async (): Promise<QualityReport> => {
    const ports = bench.ports({}, 'adaptive-learning')
    const job = qualityReportJob(ports)
    const context = { signal: new AbortController().signal, onProgress: () => {} }
    return job.run(job.parse({}), context)
  }
  const models = () =>
    ask<{ model: string; rows_learnt: number | string }>(
      bench.temporary.clickhouse,
      'SELECT model, rows_learnt FROM tidemark.quality_models ORDER BY trained_at',
    )

  it('are hardly any among usual ones', async () => {
    await putUsual(600)
    const result = resultOf(await measure(), check)
    assert.deepEqual([result.level, result.passed, result.rows], ['Info', true, 600])
    assert.ok(result.failed <= 6, result.detail)
    assert.match(result.detail, /by isolation-forest-[0-9a-f]{12}, 600 rows until 2026-03-02/)
  })

  it('are told with their reasons, but not whose they are; many fail the check', async () => {
    await putUsual(600)
    const random = new Random(2)
    const bots = Array.from({ length: 8 }, (_, index) => {
      const total = Math.round(random.logNormal(400, 0.3))
      const right = Math.round(total * (0.2 + 0.1 * random.next()))
      return dayRow(`bot-${index}`, {
        ...{ total_attempts: total, correct_attempts: right, accuracy: right / total },
        avg_response_time_ms: Math.round(random.logNormal(600, 0.3)),
        total_study_time_minutes: random.logNormal(4, 0.3),
        unique_items_attempted: Math.round(total * (0.5 + 0.5 * random.next())),
      })
    })
    await bench.put(days, bots)
    const result = resultOf(await measure(), check)
    assert.ok(result.failed >= 8, result.detail)
    assert.deepEqual([result.threshold, result.passed], [1, false])
    assert.match(result.detail, /^0\.[67]\d: .*avg_response_time_ms \d{3}, usually \d{5} \(−1\d/)
    assert.doesNotMatch(result.detail, /bot|learner/)
    const thresholds = new Map([[check, 50]])
    const lenient = await bench.measure('adaptive-learning', { tables: [days], thresholds })
    assert.equal(resultOf(lenient, check).passed, true)
  })

  it('are listed by the saved question while they are in the table', async () => {
    await putUsual(600)
    await bench.put(days, [dayRow('bot', hurried)])
    const { run_id, results } = await report()
    const { failed } = resultOf(results, check)
    const { clickhouse } = bench.temporary
    const list = () =>
      ask<{ user_id: string; unusual: number; reasons: string; model: string }>(
        clickhouse,
        readFileSync(question, 'utf8'),
      )
    const listed = await list()
    assert.equal(listed.length, failed)
    assert.equal(listed[0]?.user_id, 'bot')
    assert.match(listed[0].reasons, /total_attempts 400, usually 1\d \(\+/)
    assert.equal(listed[0].model, (await models())[0]?.model)
    const kept = await ask<{ run_id: string }>(clickhouse, 'SELECT * FROM tidemark.quality_unusual')
    assert.ok(kept.every((row) => row.run_id === run_id))
    assert.doesNotMatch(JSON.stringify(kept), /bot|learner/)
    // Who is forgotten is not found any more.
    await bench.clear(days)
    assert.deepEqual(await list(), [])
  })

  it('are judged by one model for a day, then by one that has learnt anew', async () => {
    await putUsual(600)
    await measure()
    await bench.put(days, [dayRow('late', hurried)])
    const [first] = await models()
    assert.match(resultOf(await measure(), check).detail, new RegExp(`by ${first?.model}, 600`))
    assert.equal((await models()).length, 1)
    await measure({ intervalMs: 0 })
    const [, second] = await models()
    assert.equal(Number(second?.rows_learnt), 601)
    // Other settings are another model.
    await measure({ spread: 2 })
    assert.equal((await models()).length, 3)
  })

  it('come from no model where there are too few rows, or none in so many days', async () => {
    await putUsual(199)
    const few = resultOf(await measure(), check)
    assert.deepEqual([few.passed, few.measured, few.rows], [null, null, 0])
    assert.equal(few.detail, '199 rows of 90 days; a model needs 200')
    await putUsual(300)
    await bench.put(days, [])
    assert.equal(resultOf(await measure(), check).rows, 300)
    assert.deepEqual(
      await models().then((all) => all.map(({ rows_learnt }) => Number(rows_learnt))),
      [300],
    )
  })

  it('are of no more rows than are allowed, and of those with a number in each feature', async () => {
    await putUsual(600)
    const empty = { total_attempts: 0, accuracy: null, avg_response_time_ms: null }
    await bench.put(days, [dayRow('idle', empty), dayRow('odd', { unique_items_attempted: 0 })])
    assert.equal(resultOf(await measure(), check).rows, 600)
    const sample = resultOf(await measure({ rowsMax: 250 }), check)
    assert.equal(sample.rows, 250)
    assert.match(sample.detail, /, 250 rows until/)
    const again = resultOf(await measure({ rowsMax: 250, intervalMs: 0 }), check)
    assert.deepEqual(again, sample)
  })

  it('are learnt from what was computed in the days before', async () => {
    await putUsual(300, { known_at: nowMs - 91 * dayMs })
    await bench.put(days, [dayRow('new')])
    assert.match(resultOf(await measure(), check).detail, /^1 rows of 90 days/)
    assert.equal(resultOf(await measure({ days: 92 }), check).rows, 1)
  })
})
