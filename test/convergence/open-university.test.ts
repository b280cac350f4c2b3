/** Laws 1, 2, 4 and 8 for OULAD: random sets of rows, random deliveries, every column of every row of every table. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import openUniversity, { factTables } from '../../topologies/open-university.ts'
import type { TableEvent } from '../golden/oracle-open-university-rows.ts'
import { factsOf } from '../golden/oracle-open-university.ts'
import { delivering, type Tables } from './deliver.ts'
import { isReferenceData, openUniversityEvents } from './open-university-events.ts'
import { deliveries, type SourceEvent } from './scenario.ts'

/** TIDEMARK_TEST_CASES asks for more or fewer. */
const cases = Number(process.env['TIDEMARK_TEST_CASES'] ?? 200)

test('any order, repetition, partitioning and batches give the rows of the set', async () => {
  const deliver = await delivering({ graph: openUniversity, factTables })
  const sets = openUniversityEvents.chain((set) =>
    deliveries(set, isReferenceData).map((delivery) => ({ set, delivery })),
  )
  const property = fc.asyncProperty(sets, async ({ set, delivery }) => {
    assertRows(await deliver(delivery), factsOf(asTableEvents(set)))
  })
  await fc.assert(property, { numRuns: cases })
})

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
