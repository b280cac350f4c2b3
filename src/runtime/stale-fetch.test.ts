import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, pause, systemClock } from '../core/clock.ts'
import { openMemoryStorage } from '../state/memory-backend.ts'
import { defineTopology } from '../topology/define.ts'
import { counts, words } from './test-support/counting.ts'
import { send, testRuntime, until } from './test-support/harness.ts'

const ticking = defineTopology('ticking', (builder) => {
  builder
    .stream('word', words)
    .process<string, number>('tick', {
      supplier: () => ({
        init: (context) => {
          context.schedule(10, 'stream-time', () => undefined)
        },
        process: () => undefined,
      }),
    })
    .to('out', counts)
})

test('while a partition is not answered stream time stays, whatever is told of it', async () => {
  const clock = new ManualClock(1000)
  const storage = await openMemoryStorage({ clock })
  const fetch = storage.log.fetch.bind(storage.log)
  let isAway = false
  let unanswered = 0
  storage.log.fetch = async (request) => {
    const fetched = await fetch(request)
    if (!isAway) return fetched
    unanswered += 1
    return fetched.map((range) => ({ ...range, isStale: true as const }))
  }
  const limits = { idleAdvanceAfterMs: 100, fetchWaitMaxMs: 10, defaultPartitionCount: 1 }
  const runtime = testRuntime([ticking], storage, { clock, limits })
  await runtime.start()
  await send(storage.log, words, [{ id: '1', word: 'a', atMs: 1 }])
  const streamTimeMs = () => runtime.status().tasks[0]?.streamTimeMs ?? -Infinity
  await until('quiet input lets stream time go on', async () => {
    clock.advance(5)
    await pause(systemClock, 1)
    return streamTimeMs() > 200
  })
  isAway = true
  await until('the partition is away', async () => {
    clock.advance(5)
    await pause(systemClock, 1)
    return unanswered > 2
  })
  const awayMs = streamTimeMs()
  await until('it has been away for long', async () => {
    clock.advance(5)
    await pause(systemClock, 1)
    return unanswered > 50
  })
  assert.equal(streamTimeMs(), awayMs)
  isAway = false
  await until('it is back', async () => {
    clock.advance(5)
    await pause(systemClock, 1)
    return streamTimeMs() > awayMs
  })
  await runtime.stop()
  await storage.close()
})
