import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { systemClock } from '../core/clock.ts'
import { offset, partition } from '../core/record.ts'
import { openMemoryStorage } from '../state/memory-backend.ts'
import type { InMemoryStorage } from '../state/memory-backend.ts'
import type { RuntimeStatus } from './runtime-status.ts'
import type { RuntimeOptions } from './runtime.ts'
import counting, { counts, words } from './test-support/counting.ts'
import { readLatest, send, testRuntime, until } from './test-support/harness.ts'

async function openStorage(t: TestContext): Promise<InMemoryStorage> {
  const storage = await openMemoryStorage({ clock: systemClock })
  t.after(() => storage.close())
  return storage
}

function start(t: TestContext, storage: InMemoryStorage, options: Partial<RuntimeOptions> = {}) {
  const limits = { defaultPartitionCount: 1, ...options.limits }
  const runtime = testRuntime([counting], storage, { ...options, limits })
  t.after(() => runtime.stop())
  return runtime
}

const say = (storage: InMemoryStorage, ...texts: string[]) =>
  send(
    storage.log,
    words,
    texts.map((word, index) => ({ id: `${index}`, word, atMs: index })),
  )
const removeBefore = (storage: InMemoryStorage, before: number) =>
  storage.log.deleteRecords([
    { topic: words.name, partition: partition(0), offset: offset(before) },
  ])
const skipsOf = ({ tasks }: RuntimeStatus) =>
  tasks.flatMap(({ skips }) => skips).map(({ atMs: _, ...skip }) => skip)
const at = { topic: words.name, partition: partition(0) }

test('input that was removed before it was processed is counted once, and where it was', async (t) => {
  const storage = await openStorage(t)
  const first = start(t, storage)
  await first.start()
  await say(storage, 'a', 'a', 'a', 'a')
  await first.whenIdle()
  await first.stop()
  await say(storage, 'a', 'a', 'a')
  await removeBefore(storage, 6)

  const second = start(t, storage)
  await second.start()
  await second.whenIdle()
  await second.stop()
  const { totals } = second.status()
  assert.deepEqual([totals.skipped, totals.processed], [2, 1])
  assert.deepEqual(skipsOf(second.status()), [{ ...at, offsets: 2, from: 4, to: 6 }])
  assert.equal((await readLatest(storage.log, counts.name)).get('a'), 5)

  const third = start(t, storage)
  await third.start()
  await third.whenIdle()
  assert.deepEqual([third.status().totals.skipped, skipsOf(third.status())], [0, []])
})

test('where all that was left is removed, the skip is committed though no record comes', async (t) => {
  const storage = await openStorage(t)
  const first = start(t, storage)
  await first.start()
  await say(storage, 'a')
  await first.whenIdle()
  await first.stop()
  await say(storage, 'a', 'a')
  await removeBefore(storage, 3)
  const second = start(t, storage)
  await second.start()
  await until('it is counted', () => second.status().totals.skipped === 2)
  await second.stop()
  const [committed] = await storage.log.committedOffsets(counting.name, [at])
  assert.equal(committed?.offset, 3)
})

test('a group that begins where a topic begins now has skipped nothing', async (t) => {
  const storage = await openStorage(t)
  const before = start(t, storage)
  await before.start()
  await before.stop()
  await say(storage, 'a', 'a', 'a')
  await removeBefore(storage, 2)
  const runtime = start(t, storage)
  await runtime.start()
  await runtime.whenIdle()
  const { totals } = runtime.status()
  assert.deepEqual([totals.skipped, totals.processed], [0, 1])
})

test('input that is removed while a task lags is skipped and counted; what it holds is processed', async (t) => {
  const storage = await openStorage(t)
  let isPaused = true
  const runtime = start(t, storage, {
    pausedUntil: () => (isPaused ? systemClock.nowMs() + 10 : null),
    limits: { bufferedRecordsMax: 1, batchBytesMax: 1, defaultPartitionCount: 1 },
  })
  await runtime.start()
  await say(storage, 'a')
  await until('it holds one', () => runtime.status().tasks[0]?.inputs[0]?.buffered === 1)
  for (let index = 0; index < 4; index += 1) await say(storage, 'a')
  await removeBefore(storage, 3)
  isPaused = false
  await until('all is processed', () => runtime.status().totals.processed === 3)
  assert.deepEqual(skipsOf(runtime.status()), [{ ...at, offsets: 2, from: 1, to: 3 }])
  assert.equal(runtime.status().tasks[0]?.restarts, 0)
  assert.equal((await readLatest(storage.log, counts.name)).get('a'), 3)
})

test('a task that stands beyond the end of its input fails, as before', async (t) => {
  const storage = await openStorage(t)
  const first = start(t, storage)
  await first.start()
  await say(storage, 'a')
  await first.whenIdle()
  await first.stop()
  const member = await storage.log.joinGroup({
    groupId: counting.name,
    topics: [words.name],
    userData: () => Buffer.alloc(0),
    onAssigned: () => Promise.resolve(),
    onRevoked: () => Promise.resolve(),
  })
  await storage.log.commitOffsets(member.metadata, [{ ...at, offset: offset(9), metadata: '' }])
  await member.leave()
  const second = start(t, storage)
  await second.start()
  await until('it has failed', () => second.status().state === 'failed')
})
