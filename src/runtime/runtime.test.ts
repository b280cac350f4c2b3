import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { ManualClock, pause, systemClock } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'
import { topicName } from '../core/record.ts'
import { stringSerde } from '../core/serde.ts'
import type { TopicDefinition } from '../core/topic.ts'
import { numberSerde } from '../processors/number-serde.ts'
import type { Processor } from '../processors/processor.ts'
import { openMemoryStorage } from '../state/memory-backend.ts'
import type { InMemoryStorage } from '../state/memory-backend.ts'
import type { KeyValueStore } from '../state/stores.ts'
import { defineTopology } from '../topology/define.ts'
import type { TopologyGraph } from '../topology/graph.ts'
import { keyValueStore } from '../topology/stores.ts'
import type { Runtime } from './runtime.ts'
import counting, { counts, words } from './test-support/counting.ts'
import type { Word } from './test-support/counting.ts'
import { readAll, readLatest, send, testRuntime } from './test-support/harness.ts'
import { schemaOf } from './test-support/json-codec.ts'

const opened: { storage: InMemoryStorage; runtime: Runtime }[] = []

afterEach(async () => {
  for (const { storage, runtime } of opened.splice(0)) {
    await runtime.stop()
    await storage.close()
  }
})

async function open(
  graph: TopologyGraph = counting,
  options: Parameters<typeof testRuntime>[2] = {},
  storage?: InMemoryStorage,
): Promise<{ storage: InMemoryStorage; runtime: Runtime }> {
  const over = storage ?? (await openMemoryStorage({ clock: systemClock }))
  const runtime = testRuntime([graph], over, options)
  opened.push({ storage: over, runtime })
  return { storage: over, runtime }
}

function say(...texts: string[]): Word[] {
  return texts.map((word, index) => ({ id: `${index}`, word, atMs: index }))
}

/** Polls, because what is waited for has no event of its own; gives up after 10 s. */
async function until(what: string, condition: () => boolean): Promise<void> {
  const endMs = systemClock.monotonicMs() + 10_000
  while (!condition()) {
    assert.ok(systemClock.monotonicMs() < endMs, `within 10 s: ${what}`)
    await pause(systemClock, 2)
  }
}

test('records are counted in every partition, and whenIdle waits for all of them', async () => {
  const { storage, runtime } = await open()
  await runtime.start()
  await send(storage.log, words, say('a', 'b', 'c', 'a', 'd', 'a'))
  await runtime.whenIdle()
  assert.deepEqual([...(await readLatest(storage.log, counts.name))].sort(), [
    ['a', 3],
    ['b', 1],
    ['c', 1],
    ['d', 1],
  ])
  const { totals, tasks, state } = runtime.status()
  assert.equal(state, 'running')
  assert.equal(tasks.length, 4)
  assert.deepEqual([totals.processed, totals.lag, totals.quarantined], [6, 0, 0])
})

test('what cannot be read is in quarantine in the same commit as the offset behind it', async () => {
  const { storage, runtime } = await open()
  await runtime.start()
  await send(storage.log, words, say('a'))
  const [first] = await readAll(storage.log, words.name)
  const partition = first?.partition ?? 0
  const record = { key: Buffer.from('x'), value: Buffer.from('{"broken'), timestampMs: 5 }
  await storage.log.append([
    { topic: words.name, partition: partition as never, records: [record] },
  ])
  await send(storage.log, words, say(''))
  await runtime.whenIdle()
  const kept = (await readAll(storage.log, 'tidemark.quarantine')).map(
    ({ value }) => value as never,
  )
  const seen = kept.map(({ check, topic, level }: Record<string, string>) => [check, topic, level])
  assert.deepEqual(seen.sort(), [
    ['AVRO_CORRUPT', 'words', 'Critical'],
    ['KEY_MISSING', 'words', 'Critical'],
  ])
  assert.equal(runtime.status().totals.quarantined, 2)
})

test('a graceful stop commits, and the next start goes on where it ended', async () => {
  const first = await open()
  await first.runtime.start()
  await send(first.storage.log, words, say('a', 'a'))
  await first.runtime.whenIdle()
  await first.runtime.stop()
  assert.equal(first.runtime.status().state, 'stopped')
  await send(first.storage.log, words, say('a'))
  const second = await open(counting, {}, first.storage)
  await second.runtime.start()
  await second.runtime.whenIdle()
  assert.equal((await readLatest(first.storage.log, counts.name)).get('a'), 3)
  assert.equal(second.runtime.status().totals.processed, 1, 'only the new one was read')
})

test('a stop in the middle of much input loses and repeats nothing', async () => {
  const first = await open(counting, { limits: { turnRecordsMax: 50, batchRecordsMax: 100 } })
  await first.runtime.start()
  const texts = Array.from({ length: 5000 }, (_, index) => `w${index % 10}`)
  await send(first.storage.log, words, say(...texts))
  await until('some are processed', () => first.runtime.status().totals.processed > 0)
  await first.runtime.stop()
  const second = await open(counting, {}, first.storage)
  await second.runtime.start()
  await second.runtime.whenIdle()
  const found = [...(await readLatest(first.storage.log, counts.name)).values()]
  assert.deepEqual(
    found,
    Array.from({ length: 10 }, () => 500),
  )
})

test('a processor that throws fails the runtime with the record named', async () => {
  const failing = defineTopology('failing', (builder) => {
    builder
      .stream('word', words)
      .peek('look', (_key, value) => {
        if (value?.word === 'bad') throw new Error('I do not like it')
      })
      .mapValues('row', () => 1)
      .to('out', counts)
  })
  const { storage, runtime } = await open(failing, { limits: { defaultPartitionCount: 1 } })
  await runtime.start()
  await send(storage.log, words, say('good', 'bad'))
  const failure = await runtime.failed
  assert.ok(failure instanceof TidemarkError)
  assert.equal(failure.code, 'PROCESSING_FAILED')
  assert.match(
    failure.message,
    /task failing-0_0: processor look failed at words-0, offset 1: I do not like it/,
  )
  assert.ok(failure.cause instanceof Error)
  assert.equal(runtime.status().state, 'failed')
  await assert.rejects(runtime.whenIdle(), failure)
  assert.deepEqual(await readAll(storage.log, counts.name), [], 'nothing of the batch is seen')
})

test('a commit that is refused starts the task again from its last commit', async () => {
  let refusals = 2
  const { storage, runtime } = await open(counting, {
    limits: { taskRestartBackOffMs: 1, defaultPartitionCount: 1 },
    onCommitStep: (step) => {
      if (step !== 3 || refusals === 0) return
      refusals -= 1
      throw new TidemarkError('TRANSACTION_ABORTED', 'aborted by the test')
    },
  })
  await runtime.start()
  await send(storage.log, words, say('a', 'b', 'a'))
  await runtime.whenIdle()
  assert.deepEqual(Object.fromEntries(await readLatest(storage.log, counts.name)), { a: 2, b: 1 })
  assert.equal(runtime.status().tasks[0]?.restarts, 2)
})

test('a task that never gets its commit through fails after so many restarts', async () => {
  const { storage, runtime } = await open(counting, {
    limits: { taskRestartBackOffMs: 1, taskRestartsMax: 3, defaultPartitionCount: 1 },
    onCommitStep: (step) => {
      if (step === 3) throw new TidemarkError('TRANSACTION_ABORTED', 'aborted by the test')
    },
  })
  await runtime.start()
  await send(storage.log, words, say('a'))
  const failure = await runtime.failed
  assert.ok(failure instanceof TidemarkError)
  assert.equal(failure.code, 'TRANSACTION_ABORTED')
  assert.match(failure.message, /task counting-0_0 has failed after 3 restarts/)
  assert.match(failure.message, /words-0@/)
})

test('a full disk is waited for, and nothing is lost', async () => {
  let fullTimes = 3
  const { storage, runtime } = await open(counting, {
    limits: { diskFullBackOffMs: 1, defaultPartitionCount: 1 },
    onCommitStep: (step) => {
      if (step !== 3 || fullTimes === 0) return
      fullTimes -= 1
      throw new TidemarkError('DISK_FULL', 'no space left')
    },
  })
  await runtime.start()
  await send(storage.log, words, say('a', 'a'))
  await runtime.whenIdle()
  assert.equal((await readLatest(storage.log, counts.name)).get('a'), 2)
  assert.equal(runtime.status().tasks[0]?.restarts, 0)
})

test('a commit that finds too many waiting before it goes again, and says so', async () => {
  let isCrowded = true
  const { storage, runtime } = await open(counting, {
    limits: { backPressureBackOffMs: 1, defaultPartitionCount: 1 },
    onCommitStep: (step) => {
      if (step === 3 && isCrowded) throw new TidemarkError('BACK_PRESSURE', 'too many wait')
    },
  })
  await runtime.start()
  await send(storage.log, words, say('a', 'a'))
  await until('it waits', () => runtime.status().tasks[0]?.waitingFor === 'kafka')
  isCrowded = false
  await runtime.whenIdle()
  assert.equal((await readLatest(storage.log, counts.name)).get('a'), 2)
  const [task] = runtime.status().tasks
  assert.deepEqual([task?.restarts, task?.waitingFor], [0, null])
})

test('a commit does not wait for others for ever', async () => {
  const { storage, runtime } = await open(counting, {
    limits: {
      backPressureWaitMaxMs: 5,
      backPressureBackOffMs: 1,
      taskRestartsMax: 1,
      taskRestartBackOffMs: 1,
      defaultPartitionCount: 1,
    },
    onCommitStep: (step) => {
      if (step === 3) throw new TidemarkError('BACK_PRESSURE', 'too many wait')
    },
  })
  await runtime.start()
  await send(storage.log, words, say('a'))
  const failure = await runtime.failed
  assert.ok(failure instanceof TidemarkError)
  assert.match(failure.message, /too many wait/)
})

test('while what is downstream lags, no input is taken and little is buffered', async () => {
  const clock = new ManualClock(1000)
  let isPaused = true
  const { storage, runtime } = await open(counting, {
    clock,
    pausedUntil: () => (isPaused ? clock.nowMs() + 500 : null),
    limits: { bufferedRecordsMax: 10, batchBytesMax: 1, defaultPartitionCount: 1 },
  })
  await runtime.start()
  for (let index = 0; index < 20; index += 1) await send(storage.log, words, say('a', 'a', 'a'))
  const waiting = () => runtime.status().tasks[0]
  await until('it waits for the sink', () => {
    clock.advance(1000)
    return waiting()?.waitingFor === 'sink' && (waiting()?.inputs[0]?.buffered ?? 0) > 0
  })
  for (let index = 0; index < 20; index += 1) {
    clock.advance(1000)
    await pause(systemClock, 1)
  }
  assert.equal(runtime.status().totals.processed, 0)
  assert.ok((waiting()?.inputs[0]?.buffered ?? 0) <= 60)
  isPaused = false
  await until('everything is processed', () => {
    clock.advance(1_000_000)
    return runtime.status().totals.processed === 60
  })
})

const names: TopicDefinition<string, { id: string; name: string }> = {
  name: topicName('names'),
  keySerde: stringSerde,
  keyOf: ({ id }) => id,
  schema: schemaOf('name'),
  partitionCount: 3,
  cleanupPolicy: 'compact',
  retentionMs: null,
}

/** Each word with how many names its task knew when it came. */
const naming = defineTopology('naming', (builder) => {
  builder
    .process<string, number>('name-words', {
      inputs: [builder.stream('word', words), builder.broadcast('name', names)],
      stores: [keyValueStore('known', stringSerde, numberSerde)],
      supplier: (): Processor<string, unknown, string, number> => {
        let known!: KeyValueStore<string, number>
        let forward!: (key: string, value: number) => void
        return {
          init: (context) => {
            known = context.store('known')
            forward = (key, value) => {
              context.forward({ key, value, timestampMs: 0, headers: [] })
            }
          },
          prefetch: (_record, _parent, prefetch) => {
            prefetch.key('known', 'all')
          },
          process: (record, parent) => {
            const count = known.get('all') ?? 0
            if (parent === 'name') known.put('all', count + 1)
            else forward(record.key, count)
          },
        }
      },
    })
    .to('out', counts)
})

test('a task has read its broadcast topics whole before it takes other input', async () => {
  const storage = await openMemoryStorage({ clock: systemClock })
  const specs = [words, names].map(({ name, partitionCount = 4, cleanupPolicy }) => ({
    name,
    partitionCount,
    cleanupPolicy,
    retentionMs: null,
  }))
  await storage.log.createTopics(specs)
  await send(storage.log, words, say('a', 'b', 'c', 'd', 'e', 'f'))
  await send(
    storage.log,
    names,
    Array.from({ length: 100 }, (_, index) => ({ id: `${index}`, name: 'n' })),
  )
  // A log that brings other input first, wherever it is asked for any.
  const { fetch } = storage.log
  storage.log.fetch = async (request) => {
    const fetched = await fetch.call(storage.log, request)
    if (request.partitions.every(({ topic }) => topic === names.name)) return fetched
    return fetched.map((range, index) => {
      const nextOffset = request.partitions[index]?.offset ?? range.nextOffset
      return range.topic === names.name ? { ...range, records: [], nextOffset } : range
    })
  }
  const limits = { turnRecordsMax: 7, batchRecordsMax: 7 }
  const { runtime } = await open(naming, { limits }, storage)
  await runtime.start()
  await runtime.whenIdle()
  const found = await readAll(storage.log, counts.name)
  assert.deepEqual(
    found.map(({ value }) => value),
    [100, 100, 100, 100, 100, 100],
  )

  await runtime.stop()
  await send(storage.log, names, [{ id: 'new', name: 'n' }])
  await send(storage.log, words, say('z'))
  const again = await open(naming, { limits }, storage)
  await again.runtime.start()
  await again.runtime.whenIdle()
  assert.equal((await readLatest(storage.log, counts.name)).get('z'), 101)
})

test('two topologies with stores and topics of the same names do not meet', async () => {
  const first = await open()
  await first.runtime.start()
  await send(first.storage.log, words, say('a', 'a'))
  await first.runtime.whenIdle()
  await first.runtime.stop()
  const second = await open({ ...counting, name: 'counting-too' }, {}, first.storage)
  await second.runtime.start()
  await second.runtime.whenIdle()
  const found = await readAll(first.storage.log, counts.name)
  const last = found.filter(({ key }) => key === 'a').at(-1)
  assert.equal(last?.value, 2, 'it counts from its own beginning')
})

test('a graceful stop commits what is processed, however long the commit interval', async () => {
  const limits = { commitIntervalMs: 1_000_000, defaultPartitionCount: 1 }
  const { storage, runtime } = await open(counting, { limits })
  await runtime.start()
  const position = () => runtime.status().tasks[0]?.inputs[0]?.position ?? 0
  await send(storage.log, words, say('a'))
  await until('the first commit', () => runtime.status().totals.processed === 1)
  await send(storage.log, words, say('a'))
  await until('the second record is processed', () => position() === 2)
  assert.equal((await readLatest(storage.log, counts.name)).get('a'), 1, 'and not committed')
  await runtime.stop()
  assert.equal((await readLatest(storage.log, counts.name)).get('a'), 2)
})
