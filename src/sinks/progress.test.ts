import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../core/clock.ts'
import { Progress } from './progress.ts'

test('who no longer waits for progress is forgotten, by its signal as by the time', async () => {
  const clock = new ManualClock()
  const progress = new Progress(clock, 1000)
  const over = new AbortController()
  const waits = Array.from({ length: 20 }, () => progress.next(over.signal))
  const timed = progress.next()
  assert.equal(progress.waiting, 21)
  over.abort()
  await Promise.all(waits)
  assert.equal(progress.waiting, 1)
  clock.advance(1000)
  await timed
  assert.equal(progress.waiting, 0)
  await progress.next(over.signal)
  assert.equal(progress.waiting, 0)
})

test('progress wakes all who wait', async () => {
  const progress = new Progress(new ManualClock(), 1000)
  const waits = [progress.next(), progress.next(new AbortController().signal)]
  progress.made()
  await Promise.all(waits)
  assert.equal(progress.waiting, 0)
})
