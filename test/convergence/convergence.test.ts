/** Law 1: the facts are a function of the set of events. Random sets, random deliveries, every column of every row. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import examScores, { factTables as examScoreTables } from '../../topologies/exam-scores.ts'
import mcq, { factTables as mcqTables } from '../../topologies/mcq.ts'
import * as examOracle from '../golden/oracle-exam-scores.ts'
import * as mcqOracle from '../golden/oracle-mcq.ts'
import type { FactTable } from '../../src/core/fact-table.ts'
import { delivering, type Tables } from './deliver.ts'
import { examEvents } from './exam-events.ts'
import { isReferenceData, mcqEvents } from './mcq-events.ts'
import { deliveries, type Delivery, type SourceEvent } from './scenario.ts'

/** Cases of each topology; TIDEMARK_TEST_CASES asks for more or fewer. */
const cases = Number(process.env['TIDEMARK_TEST_CASES'] ?? 1000)

interface Case {
  readonly set: readonly SourceEvent[]
  readonly delivery: Delivery
}

function casesOf(
  sets: fc.Arbitrary<SourceEvent[]>,
  isReference: (event: SourceEvent) => boolean,
): fc.Arbitrary<Case> {
  return sets.chain((set) => deliveries(set, isReference).map((delivery) => ({ set, delivery })))
}

test('mcq: any order, repetition, partitioning and batches give the rows of the set', async () => {
  const deliver = await delivering({ graph: mcq, factTables: mcqTables as readonly FactTable[] })
  const property = fc.asyncProperty(
    casesOf(mcqEvents, isReferenceData),
    async ({ set, delivery }) => {
      const tables = await deliver(delivery)
      assertRows(tables, mcqOracle.factsOf(mcqSet(set)))
    },
  )
  await fc.assert(property, { numRuns: cases })
})

test('exam-scores: any order, repetition, partitioning and batches give the rows of the set', async () => {
  const deliver = await delivering({
    graph: examScores,
    factTables: examScoreTables as readonly FactTable[],
  })
  const property = fc.asyncProperty(
    casesOf(examEvents, () => false),
    async ({ set, delivery }) => {
      const tables = await deliver(delivery)
      const events = set.map(({ value, timestampMs }) => ({ ...value, at: timestampMs }))
      assertRows(tables, examOracle.factsOf(events as examOracle.ScoreEvent[]))
    },
  )
  await fc.assert(property, { numRuns: cases })
})

test('the harness sees a row that is wrong', () => {
  const row = { test_id: 't1', total_submissions: 1 }
  assert.throws(() => {
    assertRows(
      { test_funnel_fact: [{ ...row, total_submissions: 2 }] },
      { test_funnel_fact: [row] },
    )
  })
})

/** Every table of the oracle, every column of every row. */
function assertRows(tables: Tables, expected: object): void {
  for (const [table, rows] of Object.entries(expected) as [string, object[]][]) {
    assert.deepEqual(sorted(tables[table] ?? []), sorted(rows), table)
  }
}

function sorted(rows: readonly object[]): object[] {
  const text = (row: object) =>
    JSON.stringify(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)))
  return rows.map((row) => ({ ...row })).sort((a, b) => (text(a) < text(b) ? -1 : 1))
}

function mcqSet(set: readonly SourceEvent[]): mcqOracle.McqEvents {
  const of = (topic: string) =>
    set
      .filter((event) => event.topic === topic)
      .map(({ value, timestampMs }) => ({ ...value, at: timestampMs }))
  return {
    answers: of('answers'),
    sessions: of('sessions'),
    submissions: of('submissions'),
    questions: of('questions'),
    tests: of('tests'),
  } as unknown as mcqOracle.McqEvents
}
