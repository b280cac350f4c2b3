/** Level Info, on rows: what is found in a series that was made strange, and not in a steady one. */
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import type { Row } from '../../sinks/sink.ts'
import { attemptRow, refusedRow } from './attempt-rows.test-support.ts'
import { dayMs } from './period.ts'
import { minuteMs, nowMs, QualityBench, resultOf } from './quality.test-support.ts'

const attempts = 'adaptive_learning.user_attempts'
const quarantine = 'tidemark.quarantine'

describe('anomalies', () => {
  let bench: QualityBench
  before(async () => {
    bench = await QualityBench.open()
  })
  after(() => bench.close())
  afterEach(() => bench.clear(attempts, quarantine))

  const judge = () => bench.measure('adaptive-learning', { tables: [attempts] })

  /** Attempts of the days before today, the last of them yesterday. */
  const putDays = async (...counts: readonly number[]) => {
    const rows: Row[] = []
    for (const [index, count] of counts.entries()) {
      const eventMs = nowMs - (counts.length - index) * dayMs
      for (let each = 0; each < count; each++) {
        rows.push(attemptRow(rows.length, { event_time: eventMs + each, known_at: eventMs + 1000 }))
      }
    }
    await bench.put(attempts, rows)
  }
  const steady = [100, 104, 97, 101, 99, 103, 98, 102, 100, 96, 101, 99, 100, 102]

  it('are no days of a steady series', async () => {
    await putDays(...steady)
    const result = resultOf(await judge(), `${attempts}/rows_a_day`)
    assert.deepEqual([result.passed, result.rows, result.failed], [true, 7, 0])
    assert.equal(result.level, 'Info')
  })

  it('are days with far more or far fewer rows than those before, days without any among them', async () => {
    await putDays(...steady, 300, 99, 0, 101)
    const result = resultOf(await judge(), `${attempts}/rows_a_day`)
    assert.deepEqual([result.passed, result.rows, result.failed], [false, 7, 2])
    assert.equal(
      result.detail,
      '2026-02-26: 300 rows, usually 100; 2026-02-28: 0 rows, usually 100',
    )
  })

  it('are not looked for where too few days came before', async () => {
    await putDays(100, 1, 500)
    const result = resultOf(await judge(), `${attempts}/rows_a_day`)
    assert.deepEqual([result.passed, result.measured, result.rows], [null, null, 0])
  })

  it('are response times far from the others of their topic, where they are many', async () => {
    const times = Array.from({ length: 100 }, (_, index) =>
      attemptRow(index, {
        time_taken_ms: 8000 + 40 * index,
        topic: index < 50 ? 'algebra' : 'sets',
      }),
    )
    await bench.put(attempts, times)
    const usual = resultOf(await judge(), `${attempts}/response_times`)
    assert.deepEqual([usual.passed, usual.rows, usual.failed], [true, 100, 0])

    const slow = Array.from({ length: 6 }, (_, index) =>
      attemptRow(100 + index, { time_taken_ms: 90_000 }),
    )
    await bench.put(attempts, slow)
    const found = resultOf(await judge(), `${attempts}/response_times`)
    assert.deepEqual([found.passed, found.rows, found.failed], [false, 106, 6])
    assert.equal(found.measured, 600 / 106)
    assert.equal(found.detail, 'most, 6, of topic algebra')
  })

  it('are response times of a topic with too few answers for quartiles: of these nothing is said', async () => {
    await bench.put(attempts, [attemptRow(0), attemptRow(1, { time_taken_ms: 90_000 })])
    const result = resultOf(await judge(), `${attempts}/response_times`)
    assert.deepEqual([result.passed, result.measured], [null, null])
  })

  it('are shares of refused records that rise, mended since or not, but not ones that stay', async () => {
    const before = { known_at: nowMs - 10 * dayMs, event_time: nowMs - 10 * dayMs - minuteMs }
    const refusedBefore = { quarantined_at: nowMs - 10 * dayMs }
    await bench.put(attempts, [
      ...Array.from({ length: 100 }, (_, index) => attemptRow(index, before)),
      ...Array.from({ length: 100 }, (_, index) => attemptRow(100 + index)),
    ])
    await bench.put(quarantine, [
      refusedRow('old-1', refusedBefore),
      refusedRow('old-2', refusedBefore),
      refusedRow('new-1'),
      refusedRow('new-2', { status: 'redriven' }),
    ])
    const same = resultOf(await judge(), `${quarantine}/refused_share_rises`)
    assert.deepEqual([same.passed, same.measured], [true, 0])
    assert.equal(same.detail, '2 of 102, in the 28 days before 2 of 102')

    const many = Array.from({ length: 30 }, (_, index) => refusedRow(`many-${index}`))
    await bench.put(quarantine, many)
    const risen = resultOf(await judge(), `${quarantine}/refused_share_rises`)
    assert.deepEqual([risen.passed, risen.rows, risen.failed], [false, 132, 32])
  })

  it('have figures beside them: how fresh facts are, what is on its way, how large tables are', async () => {
    await bench.put(attempts, [attemptRow(0), attemptRow(1)])
    const results = await judge()
    assert.equal(resultOf(results, `${attempts}/age_when_known_ms`).measured, 1000)
    assert.equal(resultOf(results, `${attempts}/latest_event_age_ms`).measured, 61 * minuteMs)
    assert.equal(resultOf(results, '/lag_records').measured, 3)
    assert.equal(resultOf(results, '/lag_fact_rows').measured, 2)
    assert.equal(resultOf(results, `${attempts}/rows_new`).measured, 2)
    assert.ok((resultOf(results, `${attempts}/bytes_on_disk`).measured ?? 0) > 100)
  })
})
