import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import fc from 'fast-check'
import { ManualClock, systemClock } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'
import { offset, partition, topicPartitionId } from '../core/record.ts'
import type { Offset, TopicPartition } from '../core/record.ts'
import type { Log } from '../log/log.ts'
import { openMemoryStorage } from '../state/memory-backend.ts'
import { InputLag } from './input-lag.ts'
import type { InputStatus } from './runtime-status.ts'
import type { RuntimeOptions } from './runtime.ts'
import counting, { words } from './test-support/counting.ts'
import { send, testRuntime, until } from './test-support/harness.ts'

function say(log: Log, count: number): Promise<void> {
  const values = Array.from({ length: count }, (_, index) => ({
    ...{ id: `${index}`, word: `w${index % 9}`, atMs: index },
  }))
  return send(log, words, values)
}

async function start(t: TestContext, options: Partial<RuntimeOptions> = {}) {
  const storage = await openMemoryStorage({ clock: systemClock })
  t.after(() => storage.close())
  const runtime = testRuntime([counting], storage, options)
  t.after(() => runtime.stop())
  await runtime.start()
  return { storage, runtime }
}

test('whenever it is asked for, what is durable is processed or lag', async (t) => {
  const sizes = { minLength: 1, maxLength: 8 }
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 300 }), sizes),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 100 }),
      async (batches, defaultPartitionCount, recordsMax) => {
        const limits = {
          ...{ defaultPartitionCount, batchRecordsMax: recordsMax * 3, turnRecordsMax: recordsMax },
          ...{ bufferedRecordsMax: 10, batchBytesMax: 100, commitIntervalMs: 3 },
        }
        const { storage, runtime } = await start(t, { limits })
        let durable = 0
        const look = (when: string) => {
          const { totals, tasks } = runtime.status()
          assert.equal(totals.processed + totals.lag, durable, when)
          assert.equal(
            tasks.reduce((sum, { lag }) => sum + lag, 0),
            totals.lag,
          )
        }
        for (const count of batches) {
          await say(storage.log, count)
          durable += count
          look('after an append')
        }
        await until('all is processed', () => {
          look('on the way')
          return runtime.status().totals.processed === durable
        })
        await runtime.stop()
        look('after the stop')
      },
    ),
    { numRuns: 30 },
  )
})

test('what nothing has fetched counts, and is not idle', async (t) => {
  let isPaused = true
  const { storage, runtime } = await start(t, {
    pausedUntil: () => (isPaused ? systemClock.nowMs() + 5 : null),
    limits: { bufferedRecordsMax: 1, batchBytesMax: 1 },
  })
  await runtime.whenIdle()
  await say(storage.log, 500)
  assert.equal(runtime.status().totals.lag, 500)
  let isIdle = false
  const idle = runtime.whenIdle().then(() => {
    isIdle = true
  })
  await until('buffers are full', () =>
    runtime.status().tasks.every(({ inputs }) => inputs.every(({ buffered }) => buffered > 0)),
  )
  await say(storage.log, 400)
  assert.deepEqual([runtime.status().totals.lag, await runtime.lag(), isIdle], [900, 900, false])
  isPaused = false
  await idle
  assert.deepEqual([runtime.status().totals.lag, runtime.status().totals.processed], [0, 900])
})

/** The log, but for these. */
function over(log: Log, own: Partial<Log>): Log {
  return new Proxy(log, {
    get: (target, name) => {
      const value: unknown = Reflect.get(name in own ? own : target, name)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

const limits = { defaultPartitionCount: 1, taskRestartBackOffMs: 1 }

test('between two attempts of a task its lag is told', async (t) => {
  const storage = await openMemoryStorage({ clock: systemClock })
  t.after(() => storage.close())
  const held = Promise.withResolvers<null>()
  let isFailing = false
  const log = over(storage.log, {
    transactionalProducer: async (id) => {
      if (isFailing) await held.promise
      return await storage.log.transactionalProducer(id)
    },
  })
  const onCommitStep = (step: number) => {
    if (isFailing && step === 1) throw new TidemarkError('TRANSACTION_ABORTED', 'not now')
  }
  const runtime = testRuntime([counting], { ...storage, log }, { limits, onCommitStep })
  t.after(() => runtime.stop())
  await runtime.start()
  await say(storage.log, 3)
  await runtime.whenIdle()
  isFailing = true
  await say(storage.log, 2)
  await until('it is to begin again', () => {
    const { tasks, totals } = runtime.status()
    assert.deepEqual([totals.lag, totals.processed], [2, 3])
    return tasks[0]?.state === null
  })
  isFailing = false
  held.resolve(null)
  await runtime.whenIdle()
  assert.equal(runtime.status().totals.lag, 0)
})

test('before a task has opened its inputs its lag is told', async (t) => {
  const { storage, runtime } = await start(t, { limits })
  await say(storage.log, 3)
  await runtime.whenIdle()
  await runtime.stop()
  await say(storage.log, 2)
  const held = Promise.withResolvers<null>()
  const log = over(storage.log, {
    transactionalProducer: async (id) => {
      await held.promise
      return await storage.log.transactionalProducer(id)
    },
  })
  const second = testRuntime([counting], { ...storage, log }, { limits })
  t.after(() => second.stop())
  await second.start()
  await until('what was committed is read', () => second.status().totals.lag === 2)
  await say(storage.log, 4)
  assert.deepEqual([second.status().totals.lag, second.status().tasks[0]?.state], [6, null])
  held.resolve(null)
  await second.whenIdle()
  assert.deepEqual([second.status().totals.lag, second.status().totals.processed], [0, 6])
})

// On a log that has to ask its servers.

const at = (number: number): TopicPartition => ({
  topic: words.name,
  partition: partition(number),
})

/** Two partitions of one task, read and committed up to 5, and seen to end there at 0. */
class Asked {
  readonly id = 'task'
  readonly clock = new ManualClock(0)
  readonly questions: {
    partitions: string[]
    answer: (ends: number[]) => void
    fail: () => void
  }[] = []
  inputs: InputStatus[] = [0, 1].map((number) => ({
    ...{ ...at(number), position: 5, committed: 5, buffered: 0 },
    end: { offset: 5, atMs: 0 },
  }))
  readonly lag = new InputLag({
    clock: this.clock,
    log: { askEndOffsets: (partitions) => this.#ask(partitions) } as Log,
    topologies: new Map(),
    tasks: () => [this],
  })

  /** The first second; it is asked after the second one. */
  constructor() {
    this.lag.start()
    this.clock.advance(1000)
    assert.equal(this.questions.length, 0, 'seen less than a second ago')
  }

  get now(): number {
    return this.lag.of(this)
  }

  fetched(number: number, end: number): void {
    this.inputs = this.inputs.map((input, index) =>
      index === number ? { ...input, end: { offset: end, atMs: this.clock.nowMs() } } : input,
    )
  }

  #ask(partitions: readonly TopicPartition[]): ReturnType<NonNullable<Log['askEndOffsets']>> {
    const { promise, resolve, reject } = Promise.withResolvers<ReadonlyMap<string, Offset>>()
    this.questions.push({
      partitions: partitions.map(topicPartitionId),
      answer: (ends) => {
        resolve(new Map(ends.map((end, index) => [topicPartitionId(at(index)), offset(end)])))
      },
      fail: () => {
        reject(new Error('away'))
      },
    })
    return promise
  }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

test('ends that no fetch has brought for a second are asked for, once a second', async () => {
  const asked = new Asked()
  asked.clock.advance(1000)
  assert.deepEqual(
    asked.questions.map(({ partitions }) => partitions),
    [['words-0', 'words-1']],
  )
  assert.equal(asked.now, 0, 'nobody waits for the answer')
  asked.questions[0]?.answer([8, 6])
  await turn()
  assert.equal(asked.now, 4)
  asked.fetched(0, 20)
  assert.equal(asked.now, 16, 'what was fetched since is newer')
  asked.clock.advance(1000)
  assert.deepEqual(asked.questions[1]?.partitions, ['words-1'])
  asked.lag.stop()
  asked.clock.advance(5000)
  assert.equal(asked.questions.length, 2)
})

test('servers that are away leave what was known, and what they answer late changes nothing', async () => {
  const asked = new Asked()
  asked.clock.advance(1000)
  const [first] = asked.questions
  asked.clock.advance(1000)
  asked.questions[1]?.answer([9])
  await turn()
  assert.equal(asked.now, 4, 'one of two has answered')
  first?.answer([7, 7])
  await turn()
  assert.equal(asked.now, 6, 'the first answer says something of the second partition only')
  asked.clock.advance(1000)
  asked.questions[2]?.fail()
  await turn()
  assert.equal(asked.now, 6)
  asked.lag.stop()
})
