import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Punctuations } from './punctuations.ts'
import type { TaskNode } from './task-graph.ts'

const node = { name: 'ticking' } as TaskNode
const nothing = () => undefined

test('by the wall clock the first is due after one interval, and missed ones are left out', () => {
  const punctuations = new Punctuations()
  punctuations.schedule(node, 10, 'wall-clock-time', 100, nothing)
  assert.equal(punctuations.takeDue('wall-clock-time', 109).length, 0)
  assert.equal(punctuations.takeDue('wall-clock-time', 110).length, 1)
  assert.equal(punctuations.nextDueMs('wall-clock-time'), 120)
  assert.equal(punctuations.takeDue('wall-clock-time', 155).length, 1)
  assert.equal(punctuations.nextDueMs('wall-clock-time'), 160)
})

test('in stream time the first is due with the first record, the next at whole intervals', () => {
  const punctuations = new Punctuations()
  punctuations.schedule(node, 10, 'stream-time', 0, nothing)
  assert.equal(punctuations.takeDue('stream-time', -Infinity).length, 0)
  assert.equal(punctuations.takeDue('stream-time', 33).length, 1)
  assert.equal(punctuations.takeDue('stream-time', 39).length, 0)
  assert.equal(punctuations.takeDue('stream-time', 40).length, 1)
})

test('a cancelled punctuation is never due again', () => {
  const punctuations = new Punctuations()
  const scheduled = punctuations.schedule(node, 10, 'wall-clock-time', 0, nothing)
  scheduled.cancel()
  assert.equal(punctuations.takeDue('wall-clock-time', 1000).length, 0)
  assert.equal(punctuations.nextDueMs('wall-clock-time'), null)
})

test('an interval that is not positive is refused with the name of the node', () => {
  assert.throws(
    () => new Punctuations().schedule(node, 0, 'wall-clock-time', 0, nothing),
    /node ticking .* each 0 ms/,
  )
})
