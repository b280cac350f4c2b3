/** Laws 1, 2, 4 and 8 of mcq and exam-scores: random sets, random deliveries, every column of every row. */
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
import {
  assertCrashesChangeNothing,
  assertRefusedAreKept,
  assertReplayGivesTheSame,
} from './laws.ts'
import { isReferenceData, isRefused, mcqEvents, mcqSet } from './mcq-events.ts'
import { casesOf, type SourceEvent } from './scenario.ts'

/** Cases of each topology; TIDEMARK_TEST_CASES asks for more or fewer. */
const cases = Number(process.env['TIDEMARK_TEST_CASES'] ?? 1000)

const ofMcq = { graph: mcq, factTables: mcqTables as readonly FactTable[] }
const mcqCases = casesOf(mcqEvents, isReferenceData)
const ofExamScores = { graph: examScores, factTables: examScoreTables as readonly FactTable[] }
const examCases = casesOf(examEvents)

test('mcq: any order, repetition, partitioning and batches give the rows of the set', async () => {
  const deliver = await delivering(ofMcq)
  const property = fc.asyncProperty(mcqCases, async ({ set, delivery }) => {
    const tables = await deliver(delivery)
    assertRows(tables, mcqOracle.factsOf(mcqSet(set)))
  })
  await fc.assert(property, { numRuns: cases })
})

test('exam-scores: any order, repetition, partitioning and batches give the rows of the set', async () => {
  const deliver = await delivering(ofExamScores)
  const property = fc.asyncProperty(examCases, async ({ set, delivery }) => {
    assertRows(await deliver(delivery), examFactsOf(set))
  })
  await fc.assert(property, { numRuns: cases })
})

test('mcq: a crash after any event changes no row and loses nothing', async () => {
  await assertCrashesChangeNothing(ofMcq, mcqCases, Math.ceil(cases / 10))
})

test('mcq: an event without its ids is kept in quarantine each time it comes, and has no part in any table', async () => {
  await assertRefusedAreKept(ofMcq, mcqCases, isRefused, Math.ceil(cases / 5))
})

test('mcq: a live run of many small batches and a replay of its log give the same rows, bit for bit', async () => {
  await assertReplayGivesTheSame(ofMcq, mcqCases, Math.ceil(cases / 5))
})

test('exam-scores: a crash after any event changes no row and loses nothing', async () => {
  await assertCrashesChangeNothing(ofExamScores, examCases, Math.ceil(cases / 10))
})

test('exam-scores: an event that fails a check is kept in quarantine each time it comes, and has no part in the facts', async () => {
  const isBad = (event: SourceEvent) => examFactsOf([event]).events.length === 0
  // One table lists what failed.
  const facts = ofExamScores.factTables.filter(
    ({ table }) => table !== 'data_quality_checks_results',
  )
  const subject = { graph: examScores, factTables: facts }
  await assertRefusedAreKept(subject, examCases, isBad, Math.ceil(cases / 5))
})

test('exam-scores: a live run of many small batches and a replay of its log give the same rows, bit for bit', async () => {
  await assertReplayGivesTheSame(ofExamScores, examCases, Math.ceil(cases / 5))
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

function examFactsOf(set: readonly SourceEvent[]): examOracle.ExamScoreFacts {
  const events = set.map(({ value, timestampMs }) => ({ ...value, at: timestampMs }))
  return examOracle.factsOf(events as unknown as examOracle.ScoreEvent[])
}

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
