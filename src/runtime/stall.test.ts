import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, pause, systemClock } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'
import { openMemoryStorage } from '../state/memory-backend.ts'
import { defineTopology } from '../topology/define.ts'
import { counts, words } from './test-support/counting.ts'
import { send, testRuntime } from './test-support/harness.ts'

test('a processor whose promise never settles is an error that names the await, not a hang', async () => {
  const hanging = defineTopology('hanging', (builder) => {
    builder
      .stream('word', words)
      .process<string, number>('hang', {
        supplier: () => ({ process: () => new Promise<void>(() => undefined) }),
      })
      .to('out', counts)
  })
  const clock = new ManualClock(1000)
  const storage = await openMemoryStorage({ clock })
  const limits = { stallMaxMs: 100, stopMaxMs: 10, defaultPartitionCount: 1 }
  const runtime = testRuntime([hanging], storage, { clock, limits })
  await runtime.start()
  await send(storage.log, words, [{ id: '1', word: 'a', atMs: 1 }])
  let failure: unknown = null
  void runtime.failed.then((cause) => {
    failure = cause
  })
  for (let turn = 0; failure === null && turn < 2000; turn += 1) {
    clock.advance(10)
    await pause(systemClock, 1)
  }
  assert.ok(failure instanceof TidemarkError)
  assert.match(failure.message, /task hanging-0_0 makes no progress: its process has taken/)
  await storage.close()
})
