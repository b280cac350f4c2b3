import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, pause, systemClock } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'
import { openMemoryStorage } from '../state/memory-backend.ts'
import counting, { words } from './test-support/counting.ts'
import { send, testRuntime, until } from './test-support/harness.ts'

const limits = {
  stallMaxMs: 100,
  commitRetryMaxMs: 50,
  commitWaitMaxMs: 5000,
  stopMaxMs: 10,
  defaultPartitionCount: 1,
}

/** A runtime whose commits are not answered. */
async function open() {
  const clock = new ManualClock(1000)
  const storage = await openMemoryStorage({ clock })
  const producerOf = storage.log.transactionalProducer.bind(storage.log)
  const state = { isCommitting: false, lastRetryMs: null as number | null }
  storage.log.transactionalProducer = async (id) => {
    const producer = await producerOf(id)
    const begin = producer.begin.bind(producer)
    producer.begin = () => {
      const transaction = begin()
      transaction.commit = () => {
        state.isCommitting = true
        return new Promise(() => undefined)
      }
      return transaction
    }
    return producer
  }
  Object.defineProperty(storage.log, 'lastRetryMs', { get: () => state.lastRetryMs })
  const runtime = testRuntime([counting], storage, { clock, limits })
  let failure: unknown = null
  void runtime.failed.then((cause) => {
    failure = cause
  })
  await runtime.start()
  await send(storage.log, words, [{ id: '1', word: 'a', atMs: 1 }])
  await until('it commits', () => {
    clock.advance(1)
    return state.isCommitting
  })
  return { clock, runtime, state, failure: () => failure, close: () => storage.close() }
}

type Opened = Awaited<ReturnType<typeof open>>

async function wait({ clock, state, failure }: Opened, ms: number, isTried: boolean) {
  for (let waitedMs = 0; waitedMs < ms && failure() === null; waitedMs += 20) {
    if (isTried) state.lastRetryMs = clock.nowMs()
    clock.advance(20)
    await pause(systemClock, 0)
  }
}

test('a commit that is tried again waits for Kafka; once it is not, it is an error', async () => {
  const opened = await open()
  await wait(opened, 3000, true)
  assert.equal(opened.failure(), null)
  assert.equal(opened.runtime.status().tasks[0]?.waitingFor, 'kafka')
  await wait(opened, 1000, false)
  const failure = opened.failure()
  assert.ok(failure instanceof TidemarkError)
  assert.match(
    failure.message,
    /task counting-0_0 makes no progress: its commit has taken 3 s so far \(stallMaxMs\)/,
  )
  await opened.close()
})

test('a commit that is tried again for too long is an error', async () => {
  const opened = await open()
  await wait(opened, 10_000, true)
  const failure = opened.failure()
  assert.ok(failure instanceof TidemarkError)
  assert.match(
    failure.message,
    /task counting-0_0 makes no progress: its commit has taken 5 s so far \(commitWaitMaxMs\)/,
  )
  await opened.close()
})
