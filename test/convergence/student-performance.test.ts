/** Laws 1, 2, 4 and 8 for student performance: random sets, random deliveries, every column of every row. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { FactTable } from '../../src/core/fact-table.ts'
import { loadFileSchema } from '../../src/quality/file-schema.ts'
import graph, { factTables } from '../../topologies/student-performance.ts'
import { delivering } from './deliver.ts'
import {
  assertCrashesChangeNothing,
  assertRefusedAreKept,
  assertReplayGivesTheSame,
} from './laws.ts'
import { casesOf, type SourceEvent } from './scenario.ts'
import { studentEvents } from './student-performance-events.ts'

const cases = Number(process.env['TIDEMARK_TEST_CASES'] ?? 2000)
const ofDrops = { graph, factTables: factTables as readonly FactTable[] }
const scenarios = casesOf(studentEvents)
const { fields } = loadFileSchema('student-performance')

interface Batch {
  file_hash: string
  batch: number
  row_number: number[]
  dropped_at: number
  file: Record<string, unknown> | null
  is_retracted: boolean
  file_name: string | null
}

function hasItsColumns(value: SourceEvent['value']): boolean {
  const count = (value['row_number'] as number[]).length
  return fields.every(({ name }) => (value[name] as Buffer).length === count)
}

/** Whether it takes the other away: that very drop; where one of the two has no name, what is of that time; where neither
 * has, what is of that time or before. */
function retracts(by: Batch, drop: Batch): boolean {
  if (by.file_hash !== drop.file_hash || by.batch !== drop.batch) return false
  if (by.file_name === null) return drop.file_name === null && drop.dropped_at <= by.dropped_at
  const isNamedAlike = drop.file_name === null || drop.file_name === by.file_name
  return isNamedAlike && drop.dropped_at === by.dropped_at
}

/** Whether any drop of the part counts. Of those without a name only the latest is known. */
function countsAny(drops: readonly Batch[], retractions: readonly Batch[]): boolean {
  const isLeft = (drop: Batch) => !retractions.some((by) => retracts(by, drop))
  const unnamed = drops
    .filter(({ file_name }) => file_name === null)
    .sort((a, b) => b.dropped_at - a.dropped_at)
  const named = drops.filter(({ file_name }) => file_name !== null)
  return [...named, ...unnamed.slice(0, 1)].some(isLeft)
}

/** One row of each part of which a drop counts, with the latest time it was dropped; one row of each drop that was not
 * retracted. */
function factsOf(set: readonly SourceEvent[]): { student_data: object[]; drops: object[] } {
  const events = set
    .filter(({ value }) => hasItsColumns(value))
    .map(({ value }) => value as unknown as Batch)
  const retractions = events.filter(({ is_retracted }) => is_retracted)
  const parts = Map.groupBy(
    events.filter(({ is_retracted }) => !is_retracted),
    ({ file_hash, batch }) => `${file_hash}/${batch}`,
  )
  const rows: object[] = []
  const drops = new Map<string, object>()
  for (const came of parts.values()) {
    const [first] = came as [Batch]
    const { file_hash, batch, row_number } = first
    const columns = fields.map(({ name }) => [name, (first as unknown as Batch & Columns)[name]])
    if (countsAny(came, retractions)) {
      const event_time = Math.max(...came.map(({ dropped_at }) => dropped_at))
      rows.push({ file_hash, batch, row_number, ...Object.fromEntries(columns), event_time })
    }
    for (const drop of came) {
      if (drop.file === null || isTakenOff(drop, retractions)) continue
      drops.set(dropOf(drop), dropFact(drop, drop.file))
    }
  }
  return { student_data: rows, drops: [...drops.values()] }
}

type Columns = Readonly<Record<string, unknown>>

function isTakenOff(drop: Batch, retractions: readonly Batch[]): boolean {
  return retractions.some((each) => each.file !== null && dropOf(each) === dropOf(drop))
}

function dropOf({ file_hash, file, dropped_at }: Batch): string {
  return `${file_hash}/${String(file?.['file_name'])}/${dropped_at}`
}

function dropFact({ file_hash, dropped_at }: Batch, file: Columns): object {
  const findings = file['findings'] as Columns[]
  return {
    file_hash,
    file_name: file['file_name'],
    modified_at: dropped_at,
    bytes: file['bytes'],
    batches: file['batches'],
    rows_read: file['rows_read'],
    rows_removed: file['rows_removed'],
    finding_check: findings.map((finding) => finding['check']),
    finding_column: findings.map((finding) => finding['column']),
    finding_rows: findings.map((finding) => finding['rows']),
    finding_detail: findings.map((finding) => finding['detail']),
    event_time: dropped_at,
  }
}

function sorted(rows: readonly object[]): string[] {
  return rows
    .map((row) => JSON.stringify(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1))))
    .sort()
}

test('student-performance: any order, repetition, partitioning and batches give the rows of the set', async () => {
  const deliver = await delivering(ofDrops)
  const property = fc.asyncProperty(scenarios, async ({ set, delivery }) => {
    const tables = await deliver(delivery)
    const expected = factsOf(set)
    assert.deepEqual(sorted(tables['student_data'] ?? []), sorted(expected.student_data))
    assert.deepEqual(sorted(tables['drops'] ?? []), sorted(expected.drops))
  })
  await fc.assert(property, { numRuns: cases })
})

test('a crash after any event changes no row and loses nothing', async () => {
  await assertCrashesChangeNothing(ofDrops, scenarios, Math.ceil(cases / 6))
})

test('a part that fails a check is kept in quarantine each time it comes, and has no part in the facts', async () => {
  const isRefused = ({ value }: SourceEvent) => !hasItsColumns(value)
  await assertRefusedAreKept(ofDrops, scenarios, isRefused, Math.ceil(cases / 3))
})

test('a live run of many small batches and a replay of its log give the same rows, bit for bit', async () => {
  await assertReplayGivesTheSame(ofDrops, scenarios, Math.ceil(cases / 3))
})
