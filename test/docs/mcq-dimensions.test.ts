/** The base tables of the test platform that are tables here, too: what comes in is what readers see. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FactTable } from '../../src/core/fact-table.ts'
import mcq, { factTables } from '../../topologies/mcq.ts'
import { delivering } from '../convergence/deliver.ts'

const entities = {
  students: { student_id: 's', student_name: 'Ann', email: 'ann@example.org', created_at: 5 },
  teachers: { teacher_id: 't', teacher_name: 'Bo', email: 'bo@example.org', department: 'Physics' },
  tests: {
    test_id: 'x',
    teacher_id: 't',
    test_name: 'Waves',
    created_at: 6,
    total_questions: 2,
  },
  questions: { question_id: 'q', test_id: 'x', correct_option: 'B', question_text: 'Why?' },
} as const

/** What an earlier version of each had instead. */
const former: Readonly<Record<string, object>> = {
  students: { email: 'old@example.org' },
  teachers: { department: null },
  tests: { total_questions: 1 },
  questions: { correct_option: 'A' },
}

test('students, teachers, tests and questions are tables with every field, the latest of each', async () => {
  const deliver = await delivering({ graph: mcq, factTables: factTables as readonly FactTable[] })
  const latest = Object.entries(entities)
  const events = latest.flatMap(([topic, value]) => [
    { topic, value: { ...value, ...former[topic] }, timestampMs: 10 },
    { topic, value, timestampMs: 20 },
  ])
  const tables = await deliver({ events, partitionCount: 3, batchRecords: 1, runAfter: [2] })
  for (const [topic, value] of latest) {
    assert.deepEqual(tables[topic], [{ ...value, event_time: 20 }], topic)
  }
})
