import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failuresOf } from './failures.ts'

test('failures are told by node, apart from other drops', () => {
  const failures = failuresOf([
    { node: 'copy', reason: 'failed', count: 3, last: 'no note' },
    { node: 'copy', reason: 'late', count: 7 },
    { node: 'pair', reason: 'failed', count: 4, last: 'odd' },
  ])
  assert.deepEqual(failures, [
    { node: 'copy', count: 3, last: 'no note' },
    { node: 'pair', count: 4, last: 'odd' },
  ])
})
