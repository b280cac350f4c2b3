import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { test } from 'node:test'
import { ManualClock, pause } from '../core/clock.ts'
import { IdleWaits } from './idle-waits.ts'

function busy() {
  const clock = new ManualClock()
  const failure = Promise.withResolvers<never>()
  let settling = 0
  const settle = async (signal: AbortSignal) => {
    settling += 1
    await pause(new ManualClock(), Infinity, signal)
    settling -= 1
  }
  const waits = new IdleWaits({ clock, settle, failed: failure.promise })
  return { clock, failure, waits, settling: () => settling }
}

test('of waits that were over before all was idle none goes on', async () => {
  const { clock, waits, settling } = busy()
  for (let round = 0; round < 50; round += 1) {
    const idle = waits.whenIdle(1)
    clock.advance(1)
    assert.equal(await idle, false)
  }
  await setImmediate()
  assert.equal(settling(), 0)
})

test('who waits hears that the instance has failed, then and later', async () => {
  const { failure, waits, settling } = busy()
  const waiting = [waits.whenIdle(1000), waits.whenIdle(1000)]
  const broken = new Error('broken')
  failure.reject(broken)
  for (const each of waiting) await assert.rejects(each, broken)
  await assert.rejects(waits.whenIdle(1000), broken)
  await setImmediate()
  assert.equal(settling(), 0)
})

test('what is idle is idle at once', async () => {
  const clock = new ManualClock()
  const failed = new Promise<never>(() => {})
  const waits = new IdleWaits({ clock, settle: () => Promise.resolve(), failed })
  assert.equal(await waits.whenIdle(1000), true)
})
