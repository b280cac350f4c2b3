import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Growth } from './growth.ts'

test('growth is what came within the window, from nothing at the first look', () => {
  const growth = new Growth(300)
  assert.equal(growth.of('a', 5, 0), 5)
  assert.equal(growth.of('a', 7, 100), 7)
  assert.equal(growth.of('b', 1, 100), 1)
  assert.equal(growth.of('a', 7, 299), 7)
  assert.equal(growth.of('a', 7, 405), 0)
  assert.equal(growth.of('a', 9, 410), 2)
})

test('many looks in a window cost thirty samples, and tell the growth to a thirtieth of it', () => {
  const growth = new Growth(30_000)
  let count = 0
  let found = 0
  for (let nowMs = 0; nowMs <= 120_000; nowMs += 10) {
    count += 1
    found = growth.of('a', count, nowMs)
  }
  assert.ok(Math.abs(found - 3_000) <= 100, String(found))
})
