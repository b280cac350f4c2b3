import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { ManualClock } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'
import { BulkPace } from './bulk-pace.ts'

/** Whether the wait is over, with time that is moved by hand. */
function paceWith(delayMaxMs: number, delayOf: (topic: string) => number | null) {
  const clock = new ManualClock()
  const asked: string[] = []
  const pace = new BulkPace({
    clock,
    delayMaxMs,
    delayOf: async (topic) => {
      asked.push(topic)
      return delayOf(topic)
    },
  })
  let isOver = false
  const waiting = pace.wait('clicks').then(() => {
    isOver = true
  })
  const after = async (ms: number) => {
    for (let passed = 0; passed <= ms; passed += 50) {
      if (passed > 0) clock.advance(50)
      await setImmediate()
    }
    return isOver
  }
  return { pace, waiting, after, asked }
}

test('a batch waits while what is before it takes longer than it may, and then goes', async () => {
  let delayMs = Infinity
  const { after, waiting, asked } = paceWith(2000, () => delayMs)
  assert.equal(await after(500), false)
  delayMs = 2001
  assert.equal(await after(500), false)
  delayMs = 2000
  assert.equal(await after(50), true)
  await waiting
  assert.deepEqual([...new Set(asked)], ['clicks'])
})

test('where the delay is not known, or cannot be asked for, nothing waits', async () => {
  const away = () => {
    throw new TidemarkError('KAFKA_UNREACHABLE', 'the brokers are away')
  }
  for (const delayOf of [() => null, away, () => 0]) {
    assert.equal(await paceWith(2000, delayOf).after(0), true)
  }
})

test('a batch that has waited for five seconds goes in though nothing is processed', async () => {
  const { after } = paceWith(2000, () => Infinity)
  assert.equal(await after(4900), false)
  assert.equal(await after(200), true)
})

test('without a bound nobody asks, and after the end nobody waits', async () => {
  const unbounded = paceWith(0, () => Infinity)
  assert.equal(await unbounded.after(0), true)
  assert.deepEqual(unbounded.asked, [])
  const ended = paceWith(2000, () => Infinity)
  assert.equal(await ended.after(100), false)
  await ended.pace.end()
  assert.equal(await ended.after(0), true)
  await ended.pace.wait('clicks')
})
