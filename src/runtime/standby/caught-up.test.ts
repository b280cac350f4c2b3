import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CaughtUp } from './caught-up.ts'

test('a standby has caught up once, and again after it has fallen behind or was none for a while', () => {
  const told: string[] = []
  const caughtUp = new CaughtUp(10, (id) => told.push(id))
  for (const lag of [null, 50, 11, 10, null, 3, 10]) caughtUp.note('a', lag)
  assert.deepEqual(told.splice(0), ['a'])
  assert.ok(caughtUp.has('a'))
  caughtUp.note('a', 11)
  assert.ok(!caughtUp.has('a'))
  caughtUp.note('a', 0)
  assert.deepEqual(told.splice(0), ['a'])
  caughtUp.note('b', 0)
  caughtUp.retain(new Set(['b']))
  caughtUp.note('a', 0)
  caughtUp.note('b', 0)
  assert.deepEqual(told, ['b', 'a'])
})
