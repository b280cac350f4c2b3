import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../core/clock.ts'
import { storeName, topicName } from '../../core/record.ts'
import type { Offset, Partition, TopicName } from '../../core/record.ts'
import { openMemoryStorage } from '../../state/memory-backend.ts'
import { Checkpoints } from '../checkpoints.ts'
import type { KeptTask } from '../kept-task.ts'
import type { WipedStore } from '../runtime-status.ts'
import { openCursors } from './open-cursors.ts'

const topic = topicName('t-s-changelog')
const store = storeName('t.s')
const partition = 0 as Partition
const task: KeptTask = {
  plan: { id: 't-0_0', topologyName: 't', subTopology: 0, partition },
  changelogs: [{ store, topic, facts: null }],
}
const deleteRetentionMs = 1000
const key = Buffer.from('a')

interface Ids {
  /** In the checkpoint; absent: none, as an earlier version left it. */
  readonly kept?: string
  /** As the log tells it; absent: it has none. */
  readonly now?: string
}

/** A changelog of three records and a state that is complete up to `reached`, written at 0. */
async function open(
  reached: number | null,
  nowMs = 0,
  deletedBefore = 0,
  stateFrom?: number,
  ids: Ids = {},
) {
  const clock = new ManualClock()
  const storage = await openMemoryStorage({ clock, sharesState: false })
  const { log, state } = storage
  await log.createTopics([
    { name: topic, partitionCount: 1, cleanupPolicy: 'compact', retentionMs: null },
  ])
  for (let index = 0; index < 3; index += 1) {
    const value = Buffer.from(`${index}`)
    await log.append([{ topic, partition, records: [{ key, value, timestampMs: 0 }] }])
  }
  await log.deleteRecords([{ topic, partition, offset: deletedBefore as Offset }])
  const writer = new Checkpoints(state)
  if (ids.kept !== undefined) writer.noteTopicId(task, topic, ids.kept)
  const upTo = { offset: reached as Offset, isComplete: true }
  const change = { store, partition, key, value: Buffer.from('kept') }
  await state.write([
    change,
    ...(reached === null ? [] : writer.changes(task, new Map([[topic, upTo]]), clock.nowMs())),
  ])
  const checkpoints = new Checkpoints(state)
  await checkpoints.load([task])
  clock.advance(nowMs)
  const told: WipedStore[] = []
  const [cursor] = await openCursors(task, {
    log,
    state,
    clock,
    checkpoints,
    deleteRetentionMsOf: () => Promise.resolve(deleteRetentionMs),
    topicIdsOf: () =>
      Promise.resolve(new Map<TopicName, string>(ids.now === undefined ? [] : [[topic, ids.now]])),
    onWiped: (wiped) => told.push(wiped),
    ...(stateFrom === undefined ? {} : { stateFrom: () => stateFrom as Offset }),
  })
  const [kept] = await state.readMany([{ store, partition, key }])
  await storage.close()
  const why = cursor?.fromScratch
  const wiped = { taskId: task.plan.id, store, topic, reason: why }
  assert.deepEqual(told, kept === null ? [wiped] : [], 'each wipe is told, with the reason')
  if (ids.now !== undefined) assert.equal(checkpoints.topicIdOf(task, topic), ids.now)
  return {
    offset: Number(cursor?.offset),
    lag: cursor?.lag,
    why,
    isKept: kept !== null,
  }
}

test('a state is read on from its checkpoint', async () => {
  assert.deepEqual(await open(2), { offset: 2, lag: 1, why: null, isKept: true })
  assert.deepEqual(await open(3), { offset: 3, lag: 0, why: null, isKept: true })
})

test('a state beyond the end of its changelog is of another one, and wiped', async () => {
  const why = 'checkpoint beyond the end of the changelog'
  assert.deepEqual(await open(4), { offset: 0, lag: 3, why, isKept: false })
})

test('a state that ends before its changelog begins has a hole, and is wiped', async () => {
  const why = 'checkpoint before the start of the changelog'
  assert.deepEqual(await open(1, 0, 2), { offset: 2, lag: 1, why, isKept: false })
})

test('a state that may have missed deletes is wiped, one that misses nothing is not', async () => {
  const why = 'checkpoint older than the deletes that the changelog keeps'
  assert.deepEqual(await open(2, deleteRetentionMs), { offset: 0, lag: 3, why, isKept: false })
  assert.equal((await open(2, deleteRetentionMs * 0.8)).why, null)
  assert.equal((await open(3, deleteRetentionMs * 5)).why, null)
})

test('a state that nobody knows the end of is wiped', async () => {
  const why = 'local state without a checkpoint'
  assert.deepEqual(await open(null), { offset: 0, lag: 3, why, isKept: false })
})

test('where state begins behind older records they are not read, and what is left of them is wiped', async () => {
  const why = 'checkpoint before the start of the changelog'
  assert.deepEqual(await open(1, 0, 0, 2), { offset: 2, lag: 1, why, isKept: false })
  assert.deepEqual(await open(2, 0, 0, 2), { offset: 2, lag: 1, why: null, isKept: true })
  // A log that has lost its end still has one.
  assert.deepEqual(await open(3, 0, 0, 7), { offset: 3, lag: 0, why: null, isKept: true })
})

test('a state of another topic of that name is wiped, wherever it ends', async () => {
  const why = 'checkpoint of a topic that was deleted and made anew'
  const ids = { kept: 'old', now: 'new' }
  for (const reached of [0, 1, 2, 3, 4]) {
    const opened = await open(reached, 0, 0, undefined, ids)
    assert.deepEqual(opened, { offset: 0, lag: 3, why, isKept: false }, `${reached}`)
  }
})

test('a state is kept where the topic is the same, and where nobody knows which it was', async () => {
  const kept = { offset: 2, lag: 1, why: null, isKept: true }
  for (const ids of [{ kept: 'same', now: 'same' }, { now: 'new' }, { kept: 'old' }, {}]) {
    assert.deepEqual(await open(2, 0, 0, undefined, ids), kept, JSON.stringify(ids))
  }
})
