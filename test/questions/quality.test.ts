/** The questions about checks of quality: of one day with faults, and of the next, on which some are mended. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { QualityReport } from '../../src/jobs/quality/quality-jobs.ts'
import { AskedInstance } from './asked-instance.ts'

const dayMs = 86_400_000
const minuteMs = 60_000
/** Today at noon: what checks have found is kept for 400 days. */
const noonMs = Math.floor(Date.now() / dayMs) * dayMs + dayMs / 2
const nextNoonMs = noonMs + dayMs

function result(event_id: string, score: number | null, own: object = {}) {
  return { event_id, studentId: `of ${event_id}`, exam: 1, score, timestamp: noonMs, ...own }
}

/** Two of four have no score, and a fifth is refused. */
const results = [
  ...[result('e1', 1), result('e2', null), result('e3', null), result('e4', 0.5)],
  result('e5', 1, { exam: -1 }),
]
const mended = [
  result('e2', 0.25, { timestamp: nextNoonMs }),
  result('e3', 0.75, { timestamp: nextNoonMs }),
]

/** As what came 10 minutes before noon, a second each, of no session. */
function attempts(user: string, count: number, of: (place: number) => object) {
  return Array.from({ length: count }, (_, place) => ({
    ...{ user_id: user, attempt_id: `a${place}`, topic: 'logic' },
    timestamp: noonMs - 10 * minuteMs + 1000 * place,
    ...of(place),
  }))
}

const usualLearners = 210
const usual = Array.from({ length: usualLearners }, (_, learner) =>
  attempts(`u${learner}`, 5 + (learner % 3), (place) => ({
    item_id: `i${place}`,
    correct: (learner + place) % 4 !== 0,
    time_taken_ms: 8000 + 100 * ((7 * learner + 3 * place) % 40),
  })),
).flat()
/** One item again and again, wrong each time, in no time. */
const bot = attempts('bot', 40, () => ({ item_id: 'i1', correct: false, time_taken_ms: 200 }))
const attemptCount = usualLearners * 6 + bot.length

describe('of the quality of tables', () => {
  let instance: AskedInstance
  /** Of today, and of tomorrow. */
  let reports: readonly QualityReport[]

  before(async () => {
    instance = await AskedInstance.open(['exam-scores', 'adaptive-learning'], noonMs)
    // Nothing to measure yet: no score, and not what the day ends with.
    await instance.report()
    await instance.tell('exam_score', ...results)
    await instance.tell('user.attempts', ...usual, ...bot)
    instance.setNow(noonMs + minuteMs)
    const today = await instance.report()
    instance.setNow(nextNoonMs)
    await instance.tell('exam_score', ...mended)
    instance.setNow(nextNoonMs + minuteMs)
    reports = [today, await instance.report('exam-scores')]
  })
  after(() => instance.stop())

  const today = timeText(noonMs + minuteMs)
  const tomorrow = timeText(nextNoonMs + minuteMs)

  test('quality-failures: what the latest run of each topology found, the gravest first', async () => {
    const failed = await instance.answer('quality-failures')
    assert.deepEqual(
      failed.map(({ detail: _, ...rest }) => rest),
      [
        {
          ...{ measured_at: tomorrow, topology: 'exam-scores', table: 'tidemark.quarantine' },
          ...{ check: 'refused_by_rule', dimension: 'accuracy', level: 'Error' },
          ...{ measured: 20, threshold: 1, rows_looked_at: 5, rows_failed: 1 },
        },
        {
          ...{ measured_at: today, topology: 'adaptive-learning' },
          ...{ table: 'adaptive_learning.user_attempts', check: 'filled:session_id' },
          ...{ dimension: 'completeness', level: 'Warning', measured: 100, threshold: 50 },
          ...{ rows_looked_at: attemptCount, rows_failed: attemptCount },
        },
      ],
    )
    assert.equal(failed[0]?.['detail'], 'exam_number_not_negative: 1')
  })

  test('quality-history: the scores of each run, the latest first', async () => {
    const run = (time: string, topology: string, scores: Readonly<Record<string, number>>) =>
      Object.entries(scores).map(([dimension, score]) => ({
        ...{ measured_at: time, topology, dimension, score },
      }))
    const good = { consistency: 100, timeliness: 100, validity: 100 }
    // Two formulas hold and one of five records is refused, all three Errors: (100 + 100 + 80) / 3.
    const accuracy = 93.33
    // Keys are filled in five tables, by weight 8 each; half of the scores are not, by weight 1: 4050 / 41.
    const completeness = 98.78
    assert.deepEqual(await instance.answer('quality-history'), [
      // The other topology was not looked at.
      ...run(tomorrow, '', { '': 98.67 }),
      ...run(tomorrow, 'exam-scores', { '': 98.67, accuracy, completeness: 100, ...good }),
      ...run(today, '', { '': 98.81 }),
      // Keys are filled in three tables, and no session is named: 2400 / 25.
      ...run(today, 'adaptive-learning', { '': 99.2, accuracy: 100, completeness: 96, ...good }),
      ...run(today, 'exam-scores', { '': 98.42, accuracy, completeness, ...good }),
    ])
  })

  test('table-growth: the size of each table at the end of each day, and what it has grown', async () => {
    const [before, now] = reports.map(sizesOf)
    assert.ok(before !== undefined && now !== undefined)
    const rows = (date: string, sizes: Sizes, earlier: Sizes) =>
      [...sizes]
        .map(([table, { bytes, versions }]) => {
          const grown = bytes - (earlier.get(table)?.bytes ?? bytes)
          return { date: date.slice(0, 10), table, bytes, versions, bytes_grown: grown }
        })
        .sort((a, b) => b.bytes - a.bytes || (a.table < b.table ? -1 : 1))
    const answer = await instance.answer('table-growth')
    assert.deepEqual(answer, [...rows(tomorrow, now, before), ...rows(today, before, new Map())])
    const attempts = answer.find(({ table }) => table === 'adaptive_learning.user_attempts')
    assert.equal(attempts?.['versions'], attemptCount)
    const events = answer.find(({ table }) => table === 'exam_scores.events')
    assert.ok(Number(events?.['bytes_grown']) > 0, 'two events came on the second day')
  })

  test('unusual-days: whose day is unlike the others, and by what', async () => {
    const [found, ...others] = await instance.answer('unusual-days')
    assert.deepEqual(others, [])
    const { unusual: score, reasons, model: _, ...day } = found ?? {}
    const date = new Date(noonMs)
    assert.deepEqual(day, {
      ...{ user_id: 'bot', year: date.getUTCFullYear(), month: date.getUTCMonth() + 1 },
      ...{ day: date.getUTCDate(), total_attempts: 40, accuracy: 0, avg_response_time_ms: 200 },
      ...{ total_study_time_minutes: 0, unique_items_attempted: 1, total_sessions: 0 },
    })
    assert.ok(Number(score) > 0.6 && Number(score) < 1, String(score))
    assert.match(String(reasons), /total_attempts 40, usually 6 /)
  })
})

type Sizes = ReadonlyMap<string, { readonly bytes: number; readonly versions: number }>

/** By table, as the report itself tells them. */
function sizesOf({ results: told }: QualityReport): Sizes {
  return new Map(
    told
      .filter(({ check }) => check === 'bytes_on_disk')
      .map(({ table, measured, rows }) => [table, { bytes: measured ?? 0, versions: rows }]),
  )
}

function timeText(ms: number): string {
  return new Date(ms).toISOString().replace('T', ' ').replace('Z', '')
}
