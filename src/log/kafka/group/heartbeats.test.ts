import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { ManualClock } from '../../../core/clock.ts'
import { Heartbeats } from './heartbeats.ts'

function fresh(send: () => Promise<void>) {
  const clock = new ManualClock()
  const events: string[] = []
  const heartbeats = new Heartbeats({
    clock,
    intervalMs: 100,
    sessionTimeoutMs: 1_000,
    send: () => {
      events.push(`beat ${clock.nowMs()}`)
      return send()
    },
    onFailure: (failure) => events.push(String(failure)),
    onExpired: () => events.push(`expired ${clock.nowMs()}`),
  })
  const advance = async (byMs: number, stepMs = 100) => {
    for (let passedMs = 0; passedMs < byMs; passedMs += stepMs) {
      clock.advance(stepMs)
      await setImmediate()
    }
  }
  return { heartbeats, clock, events, advance }
}

describe('heartbeats', () => {
  test('keep the session up while they are answered', async () => {
    const { heartbeats, clock, events, advance } = fresh(() => Promise.resolve())
    heartbeats.start(clock.monotonicMs())
    await advance(5_000)
    assert.equal(events.length, 50)
    heartbeats.stop()
    await advance(2_000)
    assert.equal(events.length, 50)
  })

  test('end it a session time-out after the last answered request was sent', async () => {
    let isAnswered = true
    const { heartbeats, clock, events, advance } = fresh(() =>
      isAnswered ? Promise.resolve() : Promise.reject(new Error('unreachable')),
    )
    heartbeats.start(clock.monotonicMs())
    await advance(300)
    isAnswered = false
    await advance(3_000)
    assert.equal(events.at(-1), 'expired 1300')
    assert.equal(events.filter((event) => event === 'Error: unreachable').length, 9)
  })

  test('end it where one is never answered', async () => {
    const { heartbeats, clock, events, advance } = fresh(() => new Promise(() => undefined))
    heartbeats.start(clock.monotonicMs())
    await advance(2_000)
    assert.deepEqual(events, ['beat 100', 'expired 1000'])
  })

  test('end it at once where the process was asleep for longer', async () => {
    const { heartbeats, clock, events, advance } = fresh(() => Promise.resolve())
    heartbeats.start(clock.monotonicMs())
    await advance(60_000, 60_000)
    assert.deepEqual(events, ['beat 100', 'expired 1000'])
  })

  test('take no answer that belongs to an earlier membership', async () => {
    const answers: (() => void)[] = []
    const { heartbeats, clock, events, advance } = fresh(
      () => new Promise((resolve) => answers.push(resolve)),
    )
    heartbeats.start(clock.monotonicMs())
    await advance(500)
    heartbeats.start(0)
    answers[0]?.()
    await advance(600)
    assert.equal(events.at(-1), 'expired 1000')
  })
})
