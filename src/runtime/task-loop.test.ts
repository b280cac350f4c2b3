import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '../core/clock.ts'
import { ManualClock, pause, systemClock } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'
import { openMemoryStorage } from '../state/memory-backend.ts'
import { StreamTask } from './stream-task.ts'
import counting, { counts, words } from './test-support/counting.ts'
import { readLatest, send, testRuntime } from './test-support/harness.ts'

/** Numerical Recipes' generator: the same sequence for the same seed. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** As a machine's: time goes on with every look at it, and timers fire a little before their time. */
class HastyClock implements Clock {
  readonly #inner = new ManualClock(1000)
  readonly #random: () => number
  readonly #timers = new Set<number>()

  constructor(random: () => number) {
    this.#random = random
  }

  nowMs(): number {
    return Math.floor(this.#inner.nowMs())
  }

  monotonicMs(): number {
    this.#inner.advance(this.#random() * 0.01)
    return this.#inner.monotonicMs()
  }

  after(delayMs: number, wake: () => void): () => void {
    const dueMs = Math.max(0, delayMs - this.#random() * 0.02)
    const atMs = this.#inner.monotonicMs() + dueMs
    this.#timers.add(atMs)
    const cancel = this.#inner.after(dueMs, () => {
      this.#timers.delete(atMs)
      wake()
    })
    return () => {
      this.#timers.delete(atMs)
      cancel()
    }
  }

  /** To the next timer. */
  skip(): void {
    const nextMs = Math.min(...this.#timers)
    if (nextMs < Infinity) this.#inner.advance(Math.max(0, nextMs - this.#inner.monotonicMs()))
  }
}

for (const seed of [1, 2, 3, 4]) {
  test(`a task fetches again after an outage of hundreds of tries, however early its timers (seed ${seed})`, async () => {
    const clock = new HastyClock(seeded(seed))
    const storage = await openMemoryStorage({ clock: systemClock })
    const fetch = storage.log.fetch.bind(storage.log)
    let refusals = 0
    storage.log.fetch = async (request) => {
      // The wait of the log is on another clock.
      if (refusals >= 400) return fetch({ ...request, waitMaxMs: 0 })
      refusals += 1
      throw new TidemarkError('KAFKA_UNREACHABLE', 'away')
    }
    const limits = { defaultPartitionCount: 1, unreachableBackOffMs: 5 }
    const runtime = testRuntime([counting], storage, { clock, limits })
    await runtime.start()
    await send(storage.log, words, [{ id: '1', word: 'a', atMs: 1 }])
    for (let turn = 0; turn < 2000 && runtime.status().totals.processed === 0; turn += 1) {
      clock.skip()
      for (let tick = 0; tick < 4; tick += 1) await new Promise(setImmediate)
    }
    assert.equal(refusals, 400, 'the log was asked until it answered')
    assert.equal((await readLatest(storage.log, counts.name)).get('a'), 1)
    await runtime.stop()
    await storage.close()
  })
}

test('a task that neither fetches nor waits for anything is an error, also while Kafka is away', async (t) => {
  const clock = new ManualClock(1000)
  const storage = await openMemoryStorage({ clock })
  const { fetchPositions } = StreamTask.prototype
  let isAway = false
  storage.log.fetch = () => {
    isAway = true
    return Promise.reject(new TidemarkError('KAFKA_UNREACHABLE', 'away'))
  }
  t.mock.method(StreamTask.prototype, 'fetchPositions', function (this: StreamTask) {
    return isAway ? [] : fetchPositions.call(this)
  })
  const limits = { stallMaxMs: 100, stopMaxMs: 10, defaultPartitionCount: 1 }
  const runtime = testRuntime([counting], storage, { clock, limits })
  await runtime.start()
  let failure: unknown = null
  void runtime.failed.then((cause) => {
    failure = cause
  })
  for (let turn = 0; failure === null && turn < 500; turn += 1) {
    clock.advance(10)
    await pause(systemClock, 1)
  }
  assert.ok(failure instanceof TidemarkError)
  assert.match(failure.message, /task counting-0_0 makes no progress: its input has taken/)
  await storage.close()
})
