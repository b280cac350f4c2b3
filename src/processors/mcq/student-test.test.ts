import assert from 'node:assert/strict'
import { test } from 'node:test'
import { emptyStudentTest, funnelShareOf, joinSession, joinSubmission } from './student-test.ts'

const dayMs = 86_400_000

function durationMs(startMs: number, submitMs: number): number | null | undefined {
  const state = emptyStudentTest()
  const ids = { student_id: 'ann', test_id: 't1' }
  joinSession(state, { ...ids, session_id: 's1', expiry_time: null, timestamp: startMs }, startMs)
  joinSubmission(state, { ...ids, submit_time: submitMs, completion_status: 'completed' })
  return funnelShareOf(state)?.durationMs
}

test('a duration of more than ten years is not known: sums of a test stay exact', () => {
  assert.equal(durationMs(0, 3_660 * dayMs), 3_660 * dayMs)
  assert.equal(durationMs(0, 3_660 * dayMs + 1), null)
  assert.equal(durationMs(3_661 * dayMs, 0), null)
  assert.equal(durationMs(1000, 0), -1000)
})
