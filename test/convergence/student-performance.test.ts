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

const cases = Number(process.env['TIDEMARK_TEST_CASES'] ?? 300)
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
}

function hasItsColumns(value: SourceEvent['value']): boolean {
  const count = (value['row_number'] as number[]).length
  return fields.every(({ name }) => (value[name] as Buffer).length === count)
}

/** One row of each part, with the latest time it was dropped, where that was not retracted; one row of each drop that was
 * not. */
function factsOf(set: readonly SourceEvent[]): { student_data: object[]; drops: object[] } {
  const rows = new Map<string, Record<string, unknown>>()
  const drops = new Map<string, object>()
  const retractedMs = new Map<string, number>()
  const retractedDrops = new Set<string>()
  for (const { value } of set) {
    const { file_hash, batch, row_number, dropped_at, file, is_retracted } =
      value as unknown as Batch
    const columns = fields.map(({ name }) => [name, value[name] as Buffer] as const)
    if (!hasItsColumns(value)) continue
    const key = `${file_hash}/${batch}`
    const drop = `${file_hash}/${String(file?.['file_name'])}/${dropped_at}`
    if (is_retracted) {
      retractedMs.set(key, Math.max(retractedMs.get(key) ?? 0, dropped_at))
      if (file !== null) retractedDrops.add(drop)
      continue
    }
    if (!(Number(rows.get(key)?.['event_time'] ?? -1) >= dropped_at)) {
      rows.set(key, {
        file_hash,
        batch,
        row_number,
        ...Object.fromEntries(columns),
        event_time: dropped_at,
      })
    }
    if (file === null) continue
    const findings = file['findings'] as Record<string, unknown>[]
    drops.set(drop, {
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
    })
  }
  for (const [key, row] of rows) {
    if ((retractedMs.get(key) ?? 0) >= Number(row['event_time'])) rows.delete(key)
  }
  for (const drop of retractedDrops) drops.delete(drop)
  return { student_data: [...rows.values()], drops: [...drops.values()] }
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
