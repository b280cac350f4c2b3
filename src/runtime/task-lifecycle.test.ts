import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TaskLifecycle } from './task-lifecycle.ts'

test('a task lives from created through running to closed', () => {
  const lifecycle = new TaskLifecycle('mcq-0_0')
  for (const state of ['RESTORING', 'RUNNING', 'SUSPENDED', 'CLOSED'] as const) {
    lifecycle.moveTo(state)
    assert.equal(lifecycle.state, state)
  }
})

test('a task that has not been restored does not run, and a closed one does nothing', () => {
  const lifecycle = new TaskLifecycle('mcq-0_0')
  assert.throws(() => {
    lifecycle.moveTo('RUNNING')
  }, /task mcq-0_0 goes from CREATED to RUNNING/)
  lifecycle.moveTo('CLOSED')
  assert.throws(() => {
    lifecycle.moveTo('RESTORING')
  }, /from CLOSED to RESTORING/)
})
