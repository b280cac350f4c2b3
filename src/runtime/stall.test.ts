import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, pause, systemClock } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'
import type { ProcessorContext } from '../processors/processor.ts'
import { openMemoryStorage } from '../state/memory-backend.ts'
import { defineTopology } from '../topology/define.ts'
import { counts, words } from './test-support/counting.ts'
import { send, testRuntime, until } from './test-support/harness.ts'

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

test('a processor that says that it gets on may take longer', async () => {
  const clock = new ManualClock(1000)
  let isDone = false
  const thorough = defineTopology('thorough', (builder) => {
    let context: ProcessorContext
    const init = (own: ProcessorContext) => {
      context = own
    }
    const work = async () => {
      for (let part = 0; part < 10; part += 1) {
        clock.advance(60)
        context.noteProgress()
        await pause(systemClock, 0)
      }
    }
    const flush = async () => {
      await work()
      isDone = true
    }
    builder
      .stream('word', words)
      .process<string, number>('work', { supplier: () => ({ init, process: work, flush }) })
      .to('out', counts)
  })
  const storage = await openMemoryStorage({ clock })
  const limits = { stallMaxMs: 100, stopMaxMs: 10, defaultPartitionCount: 1 }
  const runtime = testRuntime([thorough], storage, { clock, limits })
  let failure: unknown = null
  void runtime.failed.then((cause) => {
    failure = cause
  })
  await runtime.start()
  await send(storage.log, words, [{ id: '1', word: 'a', atMs: 1 }])
  await until('it is done or has failed', () => {
    clock.advance(1)
    return isDone || failure !== null
  })
  assert.equal(failure, null)
  await runtime.stop()
  await storage.close()
})
