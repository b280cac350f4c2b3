/** Laws 1, 2, 4 and 8 for OULAD: random sets of rows, random deliveries, every column of every row of every table. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import openUniversity, { factTables } from '../../topologies/open-university.ts'
import type { TableEvent } from '../golden/oracle-open-university-rows.ts'
import { factsOf } from '../golden/oracle-open-university.ts'
import { deliverThroughCrashes } from './crashing.ts'
import { delivering, type Tables } from './deliver.ts'
import { isReferenceData, openUniversityEvents } from './open-university-events.ts'
import { deliveries, type Delivery, type SourceEvent } from './scenario.ts'

/** TIDEMARK_TEST_CASES asks for more or fewer. */
const numRuns = Number(process.env['TIDEMARK_TEST_CASES'] ?? 1000)

const cases = openUniversityEvents.chain((set) =>
  deliveries(set, isReferenceData).map((delivery) => ({ set, delivery })),
)

test('any order, repetition, partitioning and batches give the rows of the set', async () => {
  const deliver = await delivering({ graph: openUniversity, factTables })
  const property = fc.asyncProperty(cases, async ({ set, delivery }) => {
    assertRows(await deliver(delivery), factsOf(asTableEvents(set)))
  })
  await fc.assert(property, { numRuns })
})

test('a result leaves the presentation that its assessment leaves in the same batch', async () => {
  const deliver = await delivering({ graph: openUniversity, factTables })
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

test('a crash after any event changes no row and loses nothing', async () => {
  const property = fc.asyncProperty(cases, async ({ delivery }) => {
    assert.deepEqual(await run(delivery, true), await run(delivery, false))
  })
  await fc.assert(property, { numRuns: Math.ceil(numRuns / 20) })
})

test('a row that fails a check is kept in quarantine, each time it comes', async () => {
  const property = fc.asyncProperty(cases, async ({ delivery }) => {
    const bad = delivery.events.filter((event) => !isKept(event))
    assert.equal((await run(delivery, false)).quarantined, bad.length)
  })
  await fc.assert(property, { numRuns: Math.ceil(numRuns / 10) })
})

/** True where the oracle makes a clean row of it, or a rule. */
function isKept(event: SourceEvent): boolean {
  const tables = factsOf(asTableEvents([event]))
  const isClean = Object.entries(tables).some(
    ([table, rows]) => table.startsWith('clean_') && rows.length > 0,
  )
  return isClean || tables['at_risk_rules']!.length > 0
}

async function run(delivery: Delivery, crashes: boolean) {
  const subject = { graph: openUniversity, factTables }
  const { tables, quarantine } = await deliverThroughCrashes(subject, delivery, crashes)
  const entries = quarantine.map(({ value }) => value)
  const refused = entries.filter((entry) => entry !== null && entry.level !== 'Warning')
  const origins = refused.map((entry) => [entry?.topic, entry?.partition, entry?.offset])
  return { tables, quarantined: new Set(origins.map((origin) => JSON.stringify(origin))).size }
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
