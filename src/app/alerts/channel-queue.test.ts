import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { ManualClock } from '../../core/clock.ts'
import type { Alert, AlertMessage } from './alert.ts'
import { channelLimits, ChannelQueue, type ChannelLimits } from './channel-queue.ts'
import type { Channel, Delivery } from './channels/channel.ts'

const done: Delivery = { isDelivered: true, answer: 'ok' }
const busy: Delivery = { isDelivered: false, answer: 'busy', isFinal: false, retryAfterMs: null }

function message(what: string): AlertMessage {
  const alert: Alert = {
    ...{ name: 'GroupLag', labels: {}, what, mend: '', forMs: 0, startsAtMs: 0, endsAtMs: null },
  }
  return { instance: 'here', alerts: [alert] }
}

/** A queue over a channel that a function plays, with every attempt by text and time. */
function openQueue(
  answer: (what: string, signal: AbortSignal) => Promise<Delivery>,
  limits: Partial<ChannelLimits> = {},
) {
  const clock = new ManualClock()
  const attempts: [string, number][] = []
  const lines: string[] = []
  const channel: Channel = {
    name: 'webhook',
    target: 'somewhere',
    send: ({ alerts }, signal) => {
      const what = alerts[0]?.what ?? ''
      attempts.push([what, clock.nowMs()])
      return answer(what, signal)
    },
  }
  const tell = (line: string) => lines.push(line)
  const queue = new ChannelQueue({ channel, clock, limits, tell })
  /** Lets what is due happen, a second at a time. */
  const pass = async (ms: number) => {
    for (let passedMs = 0; passedMs < ms; passedMs += 1_000) {
      await setImmediate()
      clock.advance(Math.min(1_000, ms - passedMs))
    }
    await setImmediate()
  }
  return { queue, clock, attempts, lines, pass }
}

test('messages are delivered in order, and whoever offers them does not wait', async () => {
  const { queue, attempts, pass } = openQueue(() => Promise.resolve(done))
  queue.offer(message('a'))
  queue.offer(message('b'))
  assert.equal(attempts.length, 0)
  await pass(0)
  assert.deepEqual(
    attempts.map(([what]) => what),
    ['a', 'b'],
  )
  assert.equal(queue.counts().delivered, 2)
})

test('a refusal is tried again with growing pauses, and given up after the last attempt', async () => {
  const { queue, attempts, lines, pass } = openQueue(() => Promise.resolve(busy))
  queue.offer(message('a'))
  await pass(600_000)
  assert.deepEqual(
    attempts.map(([, atMs]) => atMs),
    [0, 2_000, 6_000, 14_000, 30_000, 62_000],
  )
  const { failed, retries, waiting, trouble } = queue.counts()
  assert.deepEqual([failed, retries, waiting, trouble], [1, 5, 0, 'busy'])
  assert.deepEqual(lines, ['alerts: webhook (somewhere) does not take messages: busy'])
})

test('a channel that asks for patience gets it, within bounds', async () => {
  let asked = 0
  const { queue, attempts, pass } = openQueue(() => {
    const retryAfterMs = [5_000, 1, 10_000_000][asked++]
    return Promise.resolve(retryAfterMs === undefined ? done : { ...busy, retryAfterMs })
  })
  queue.offer(message('a'))
  await pass(200_000)
  assert.deepEqual(
    attempts.map(([, atMs]) => atMs),
    [0, 5_000, 9_000, 9_000 + channelLimits.retryMaxMs],
  )
  assert.equal(queue.counts().delivered, 1)
})

test('what would be refused again is not tried again, and the next message is', async () => {
  const { queue, attempts, lines, pass } = openQueue((what) =>
    Promise.resolve(what === 'a' ? { ...busy, isFinal: true } : done),
  )
  queue.offer(message('a'))
  queue.offer(message('b'))
  await pass(0)
  assert.deepEqual(attempts, [
    ['a', 0],
    ['b', 0],
  ])
  assert.deepEqual([queue.counts().failed, queue.counts().delivered], [1, 1])
  assert.deepEqual(lines, [
    'alerts: webhook (somewhere) does not take messages: busy',
    'alerts: webhook (somewhere) takes messages again',
  ])
})

test('a channel that hangs is cut, told so, and tried again', async () => {
  let cuts = 0
  const { queue, attempts, pass } = openQueue((_, signal) => {
    signal.addEventListener('abort', () => (cuts += 1))
    return new Promise<Delivery>(() => {})
  })
  queue.offer(message('a'))
  await pass(9_000)
  assert.equal(cuts, 0)
  await pass(3_000)
  assert.deepEqual([attempts.length, cuts], [2, 1])
  assert.equal(queue.counts().trouble, 'no answer within 10000 ms')
})

test('of more messages than may wait the oldest are given up, but for the one under way', async () => {
  const limits = { messagesMax: 3, attemptsMax: 2 }
  const { queue, attempts, pass } = openQueue(() => Promise.resolve(busy), limits)
  for (const what of ['a', 'b', 'c', 'd', 'e']) queue.offer(message(what))
  assert.deepEqual([queue.counts().waiting, queue.counts().dropped], [3, 2])
  await pass(60_000)
  assert.deepEqual([...new Set(attempts.map(([what]) => what))], ['a', 'd', 'e'])
})

test('a close waits for what is delivered in time, and gives up the rest', async () => {
  const kept = openQueue(() => Promise.resolve(done))
  kept.queue.offer(message('a'))
  await kept.queue.close(1_000)
  assert.equal(kept.queue.counts().delivered, 1)
  const hanging = openQueue(() => new Promise<Delivery>(() => {}))
  hanging.queue.offer(message('a'))
  hanging.queue.offer(message('b'))
  const closing = hanging.queue.close(2_500)
  await hanging.pass(2_500)
  await closing
  assert.deepEqual(hanging.queue.counts(), {
    ...{ delivered: 0, failed: 0, dropped: 2, retries: 0, waiting: 0, trouble: null },
  })
  hanging.queue.offer(message('c'))
  await hanging.pass(10_000)
  assert.equal(hanging.attempts.length, 1)
})
