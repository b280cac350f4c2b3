import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Cleanup } from './cleanup.ts'

test('what was opened last is closed first, once, and a failure keeps nothing from closing', async () => {
  const cleanup = new Cleanup()
  const closed: string[] = []
  const step = (name: string, fails = false) => {
    cleanup.add(() => {
      closed.push(name)
      return fails ? Promise.reject(new Error(`${name} failed`)) : Promise.resolve()
    })
  }
  step('log')
  step('engine', true)
  step('door')
  await assert.rejects(cleanup.run(), AggregateError)
  await assert.rejects(cleanup.run(), AggregateError)
  assert.deepEqual(closed, ['door', 'engine', 'log'])
})
