/** Laws 1, 2, 4 and 8 for OULAD: random sets of rows, random deliveries, every column of every row of every table. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import openUniversity, { factTables } from '../../topologies/open-university.ts'
import type { TableEvent } from '../golden/oracle-open-university-rows.ts'
import { factsOf } from '../golden/oracle-open-university.ts'
import { delivering, type Tables } from './deliver.ts'
import {
  assertCrashesChangeNothing,
  assertRefusedAreKept,
  assertReplayGivesTheSame,
} from './laws.ts'
import { shippedRule } from '../../src/processors/open-university/shipped-rule.test-support.ts'
import { isReferenceData, openUniversityEvents } from './open-university-events.ts'
import { casesOf, type SourceEvent } from './scenario.ts'

/** TIDEMARK_TEST_CASES asks for more or fewer. */
const numRuns = Number(process.env['TIDEMARK_TEST_CASES'] ?? 1000)

const ofRows = { graph: openUniversity, factTables }
const cases = casesOf(openUniversityEvents, isReferenceData)

test('any order, repetition, partitioning and batches give the rows of the set', async () => {
  const deliver = await delivering(ofRows)
  const property = fc.asyncProperty(cases, async ({ set, delivery }) => {
    assertRows(await deliver(delivery), factsOf(asTableEvents(set)))
  })
  await fc.assert(property, { numRuns })
})

test('a result leaves the presentation that its assessment leaves in the same batch', async () => {
  const deliver = await delivering(ofRows)
  const assessment = (code_module: string) => ({
    id_assessment: '1',
    code_module,
    code_presentation: '2013J',
  })
  const result = { id_assessment: '1', id_student: '7' }
  const event = (topic: string, value: object, timestampMs: number): SourceEvent => ({
    topic,
    value: value as SourceEvent['value'],
    timestampMs,
  })
  const set = [
    event('assessments', assessment('AAA'), 1),
    event('student_assessment', result, 2),
    event('assessments', assessment('BBB'), 3),
    event('student_assessment', { ...result, date_submitted: '5' }, 4),
  ]
  for (const batchRecords of [1, 2, 100]) {
    const delivery = { events: set, partitionCount: 1, batchRecords, runAfter: [1] }
    const tables = await deliver(delivery)
    assertRows(tables, factsOf(asTableEvents(set)))
  }
})

test('of lines of one key in a file the last one counts, whatever came first, when, and in which batch', async () => {
  const deliver = await delivering(ofRows)
  const line = fc.record({ region: fc.constantFrom('Wales', 'Scotland', 'Ireland'), ms: fc.nat(5) })
  const events = fc.array(line, { minLength: 2, maxLength: 6 }).map((lines) =>
    lines.map(({ region, ms }, index): SourceEvent => ({
      topic: 'student_info',
      value: {
        code_module: 'AAA',
        code_presentation: '2013J',
        id_student: '7',
        region,
        _source_file: 'studentInfo',
        _source_row: `0123456789abcdef:${index + 1}`,
      },
      timestampMs: ms,
    })),
  )
  const property = fc.asyncProperty(casesOf(events), async ({ set, delivery }) => {
    const tables = await deliver(delivery)
    const { region } = set.at(-1)!.value
    for (const table of ['raw_student_info', 'clean_student_info', 'dim_student']) {
      assert.deepEqual(
        tables[table]?.map((row) => row['region']),
        [region],
        table,
      )
    }
  })
  await fc.assert(property, { numRuns: Math.ceil(numRuns / 5) })
})

test('of rules of one moment the last line of their file counts, whatever came first and in which batch', async () => {
  const deliver = await delivering(ofRows)
  const { weight_inactivity: _, ...others } = shippedRule
  const events = fc
    .array(fc.integer({ min: 0, max: 100 }), { minLength: 2, maxLength: 12 })
    .map((weights) =>
      weights.map((weight_inactivity, index): SourceEvent => {
        const _source_row = `0123456789abcdef:${index + 1}`
        const value = { code_module: 'AAA', weight_inactivity, ...others, _source_row }
        return { topic: 'at_risk_rules', value, timestampMs: 5 }
      }),
    )
  const property = fc.asyncProperty(casesOf(events), async ({ set, delivery }) => {
    const { at_risk_rules: rules = [] } = await deliver(delivery)
    const { _source_row, ...last } = set.at(-1)!.value
    assert.deepEqual(rules, [{ ...last, event_time: 5 }])
  })
  await fc.assert(property, { numRuns: Math.ceil(numRuns / 5) })
})

test('a crash after any event changes no row and loses nothing', async () => {
  await assertCrashesChangeNothing(ofRows, cases, Math.ceil(numRuns / 20))
})

test('a row that fails a check is kept in quarantine, each time it comes', async () => {
  const isRefused = (event: SourceEvent) => !isKept(event)
  // Raw tables have rows as they came.
  const facts = factTables.filter(({ table }) => !table.startsWith('raw_'))
  const subject = { graph: openUniversity, factTables: facts }
  await assertRefusedAreKept(subject, cases, isRefused, Math.ceil(numRuns / 10))
})

test('a live run of many small batches and a replay of its log give the same rows, bit for bit', async () => {
  await assertReplayGivesTheSame(ofRows, cases, Math.ceil(numRuns / 20))
})

/** True where the oracle makes a clean row of it, or a rule. */
function isKept(event: SourceEvent): boolean {
  const tables = factsOf(asTableEvents([event]))
  const isClean = Object.entries(tables).some(
    ([table, rows]) => table.startsWith('clean_') && rows.length > 0,
  )
  return isClean || tables['at_risk_rules']!.length > 0
}

function asTableEvents(set: readonly SourceEvent[]): TableEvent[] {
  return set.map(({ topic, value, timestampMs }) => ({
    topic,
    value: value as TableEvent['value'],
    at: timestampMs,
  }))
}

/** Every table of the oracle, every column of every row. */
function assertRows(tables: Tables, expected: object): void {
  for (const [table, rows] of Object.entries(expected) as [string, object[]][]) {
    assert.deepEqual(sorted(tables[table] ?? []), sorted(rows), table)
  }
}

function sorted(rows: readonly object[]): string[] {
  return rows
    .map((row) => JSON.stringify(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1))))
    .sort()
}
