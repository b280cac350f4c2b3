/** The views over small worlds: who is inactive and at risk where days are mistyped and reference data is missing. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { systemClock } from '../../src/core/clock.ts'
import { runMigrations } from '../../src/sinks/clickhouse/migrations.ts'
import { ask } from '../../src/sinks/clickhouse/run-statement.ts'
import {
  temporaryClickHouse,
  type TemporaryClickHouse,
} from '../../src/sinks/clickhouse/temporary-clickhouse.test-support.ts'
import { openUniversityEvents } from '../convergence/open-university-events.ts'
import type { SourceEvent } from '../convergence/scenario.ts'
import { viewsOf, type Rule } from './oracle-open-university-risk.ts'
import { factsOf } from './oracle-open-university.ts'
import type { Row, TableEvent, Tables } from './oracle-open-university-rows.ts'

const schemas = new URL('../../schemas/clickhouse/', import.meta.url).pathname
const worlds = 300
/** What the views read. */
const read = [
  'clean_assessments',
  'dim_presentation',
  'dim_registered_module',
  'fact_assessments',
  'fact_vle_interactions',
  'student_engagement',
  'enrolment_funnel',
  'at_risk_rules',
]

describe('views of open-university', () => {
  let temporary: TemporaryClickHouse

  before(async () => {
    temporary = await temporaryClickHouse()
    await runMigrations(temporary.clickhouse, { directory: schemas, clock: systemClock })
  })
  after(() => temporary.remove())

  const put = async (facts: Tables) => {
    for (const table of read) {
      const rows = facts[table] ?? []
      if (rows.length === 0) continue
      const values = rows.map(({ event_time: _, ...row }) => ({ ...row, version: 1 }))
      const lines = values.map((row) => JSON.stringify(row)).join('\n')
      await temporary.clickhouse.writer.command({
        query: `INSERT INTO open_university.${table}_versions FORMAT JSONEachRow ${lines}`,
      })
    }
  }
  const rowsOf = (view: string) =>
    ask<Row>(temporary.clickhouse, `SELECT * FROM open_university.${view}`)
  const clear = async () => {
    for (const table of read) {
      await temporary.clickhouse.writer.command({
        query: `TRUNCATE TABLE open_university.${table}_versions`,
      })
    }
  }

  test('every row of every view is the oracle’s', async () => {
    await clear()
    const samples = fc.sample(openUniversityEvents, { seed: 65, numRuns: worlds })
    const facts: Record<string, Row[]> = {}
    for (const [world, events] of samples.entries()) {
      for (const [table, rows] of Object.entries(factsOf(asTableEvents(events)))) {
        facts[table] = [...(facts[table] ?? []), ...rows.map((row) => ofWorld(row, world))]
      }
    }
    await put(facts)
    const rules = new Map(
      facts['at_risk_rules']!.map((row) => [row['code_module'] as string, row as Rule]),
    )
    for (const [view, rows] of Object.entries(viewsOf(facts, rules))) {
      assert.ok(rows.length > worlds / 10, view)
      assertRows(await rowsOf(view), rows, view)
    }
  })

  test('one mistyped day hides nobody at risk, whenever the length of the presentation comes', async () => {
    await clear()
    const of = { code_module: 'AAA', code_presentation: '2013J' }
    const click = (id_student: string, date: string): SourceEvent =>
      event('student_vle', { ...of, id_student, id_site: '5', date, sum_click: '1' })
    const event = (topic: string, value: object): SourceEvent => ({
      topic,
      value: { ...value, event_id: JSON.stringify(value) },
      timestampMs: 1,
    })
    const events = [
      ...['7', '8'].map((id_student) => event('student_info', { ...of, id_student })),
      event('student_assessment', { id_assessment: '1', id_student: '7', score: '20' }),
      event('assessments', { ...of, id_assessment: '1' }),
      ...[click('8', '150'), click('7', '1'), click('7', '3'), click('7', '400')],
    ]
    const rowOf = async (view: string) =>
      (await rowsOf(view)).find(({ id_student }) => id_student === 7)!
    await put(factsOf(asTableEvents(events)))
    const before = await rowOf('inactivity')
    assert.deepEqual([before['last_active_day'], before['latest_day']], [400, 400])

    const course = event('courses', { ...of, module_presentation_length: '200' })
    await put({ dim_presentation: factsOf(asTableEvents([course]))['dim_presentation']! })
    assert.deepEqual(await rowOf('inactivity'), {
      ...of,
      id_student: 7,
      last_active_day: 3,
      longest_inactivity_days: 1,
      latest_day: 150,
      inactivity_streak_days: 147,
    })
    const { points_inactivity, points_score, risk_score, risk_level } = await rowOf('at_risk')
    assert.deepEqual(
      { points_inactivity, points_score, risk_score, risk_level },
      { points_inactivity: 35, points_score: 10, risk_score: 45, risk_level: 'medium' },
    )
  })
})

/** Keys that no other world has; of rules none holds for all. */
function ofWorld(row: Row, world: number): Row {
  const { code_module: module, id_assessment: assessment } = row
  return {
    ...row,
    ...(typeof module === 'string' ? { code_module: `${module}${world}` } : {}),
    ...(typeof assessment === 'number' ? { id_assessment: assessment + 1000 * world } : {}),
  }
}

function asTableEvents(set: readonly SourceEvent[]): TableEvent[] {
  return set.map(({ topic, value, timestampMs }) => ({
    topic,
    value: value as TableEvent['value'],
    at: timestampMs,
  }))
}

/** Of thousands of rows the first that differ are enough. */
function assertRows(found: readonly Row[], rows: readonly Row[], view: string): void {
  const [actual, wanted] = [sorted(found), sorted(rows)]
  assert.equal(actual.length, wanted.length, `${view}: rows`)
  const differing = actual.flatMap((row, index) =>
    row === wanted[index] ? [] : [{ found: row, wanted: wanted[index] }],
  )
  assert.deepEqual(differing.slice(0, 3), [], `${view}: ${differing.length} rows differ`)
}

function sorted(rows: readonly Row[]): string[] {
  return rows
    .map((row) => JSON.stringify(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1))))
    .sort()
}
