import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TaskStatus } from '../runtime/runtime-status.ts'
import type { NodeDrops } from '../runtime/task-metrics.ts'
import { failuresOf } from './failures.ts'

test('failures are summed over the tasks of a node, apart from other drops', () => {
  const task = (...drops: NodeDrops[]) => ({ drops }) as unknown as TaskStatus
  const failures = failuresOf([
    task(
      { node: 'copy', reason: 'failed', count: 2, last: 'a bad note' },
      { node: 'copy', reason: 'late', count: 7 },
    ),
    task({ node: 'copy', reason: 'failed', count: 1, last: 'no note' }),
    task({ node: 'pair', reason: 'failed', count: 4, last: 'odd' }),
  ])
  assert.deepEqual(failures, [
    { node: 'copy', count: 3, last: 'no note' },
    { node: 'pair', count: 4, last: 'odd' },
  ])
})
