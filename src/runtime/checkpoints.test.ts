import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { systemClock } from '../core/clock.ts'
import { offset, partition, storeName, topicName } from '../core/record.ts'
import type { StateBackend } from '../core/state.ts'
import { openMemoryStorage } from '../state/memory-backend.ts'
import { dataKey } from '../state/key-layout.ts'
import { Checkpoints, decodeCheckpoint } from './checkpoints.ts'
import type { KeptTask, StoreChangelog } from './kept-task.ts'

const changelogOf = (name: string): StoreChangelog => ({
  store: storeName(`t.${name}`),
  topic: topicName(`t-${name}-changelog`),
  facts: null,
})
const [a, b] = [changelogOf('a'), changelogOf('b')]

/** As a sub-topology of that number keeps them. */
function taskOf(subTopology: number, ...changelogs: readonly StoreChangelog[]): KeptTask {
  const id = `t-${subTopology}_0`
  return { plan: { id, topologyName: 't', subTopology, partition: partition(0) }, changelogs }
}

async function openState(t: TestContext): Promise<StateBackend> {
  const { state, close } = await openMemoryStorage({ clock: systemClock })
  t.after(() => close())
  return state
}

const at = (end: number) => ({ offset: offset(end), isComplete: true })

/** Rows and the checkpoint that vouches for them. */
async function fill(state: StateBackend, task: KeptTask, end: number, writtenMs = 1, rowCount = 3) {
  const checkpoints = new Checkpoints(state)
  await checkpoints.load([task])
  const rows = task.changelogs.flatMap(({ store }) =>
    Array.from({ length: rowCount }, (_, row) => ({
      store,
      partition: task.plan.partition,
      key: dataKey(`${row}`),
      value: Buffer.from('row'),
    })),
  )
  const reached = new Map(task.changelogs.map(({ topic }) => [topic, at(end)]))
  await state.write([...rows, ...checkpoints.changes(task, reached, writtenMs)])
}

async function loaded(state: StateBackend, task: KeptTask): Promise<Checkpoints> {
  const checkpoints = new Checkpoints(state)
  await checkpoints.load([task])
  return checkpoints
}

test('a store keeps its checkpoint in whatever sub-topology it is', async (t) => {
  const state = await openState(t)
  await fill(state, taskOf(0, a), 5)
  const moved = taskOf(3, b, a)
  const found = (await loaded(state, moved)).of(moved, a.topic)
  assert.deepEqual(found, { ...at(5), writtenMs: 1, topicId: null })
})

test('what is written of a store is what is read of it, and says nothing of another changelog', async (t) => {
  const state = await openState(t)
  const names = fc.stringMatching(/^[a-z][a-zA-Z0-9._-]{0,248}$/)
  const ids = fc.option(fc.oneof(fc.uuid(), fc.string({ minLength: 1, maxLength: 63 })))
  const numbers = fc.nat({ max: Number.MAX_SAFE_INTEGER })
  const property = fc.property(
    ...[names, names, ids, numbers, numbers, fc.boolean()],
    (name, other, topicId, end, writtenMs, isComplete) => {
      const changelog = { ...a, topic: topicName(name) }
      const task = taskOf(0, changelog)
      const checkpoints = new Checkpoints(state)
      if (topicId !== null) checkpoints.noteTopicId(task, changelog.topic, topicId)
      const reached = new Map([[changelog.topic, { offset: offset(end), isComplete }]])
      const [change] = checkpoints.changes(task, reached, writtenMs)
      const value = change?.value ?? assert.fail()
      const expected = { offset: end, writtenMs, isComplete, topicId }
      assert.deepEqual(decodeCheckpoint(value, changelog), expected)
      if (other === name) return
      assert.equal(decodeCheckpoint(value, { ...a, topic: topicName(other) }), null)
    },
  )
  fc.assert(property)
})

test('the id of the topic goes with every write of the task, and is forgotten with the store', async (t) => {
  const state = await openState(t)
  const task = taskOf(0, a, b)
  // As an earlier version has left them.
  await fill(state, task, 5)
  const checkpoints = await loaded(state, task)
  checkpoints.noteTopicId(task, a.topic, 'id-of-a')
  checkpoints.noteTopicId(task, b.topic, 'id-of-b')
  assert.equal(checkpoints.of(task, b.topic)?.topicId, null, 'nothing is written yet')
  const reached = new Map([[a.topic, at(9)]])
  await state.write(checkpoints.changes(task, reached, 70))
  checkpoints.written(task, reached, 70)
  for (const known of [checkpoints, await loaded(state, task)]) {
    assert.equal(known.of(task, a.topic)?.topicId, 'id-of-a')
    assert.equal(known.of(task, b.topic)?.topicId, 'id-of-b')
    // It stays where nobody has looked since.
    assert.equal(known.topicIdOf(task, b.topic), 'id-of-b')
  }
  await checkpoints.wipe(task, a)
  assert.equal(checkpoints.topicIdOf(task, a.topic), null)
})

test('what is wiped under one number claims nothing under another', async (t) => {
  const state = await openState(t)
  const [before, after] = [taskOf(0, a), taskOf(1, a)]
  await fill(state, before, 5)
  await (await loaded(state, after)).wipeTask(after)
  const checkpoints = await loaded(state, before)
  assert.equal(checkpoints.of(before, a.topic), null)
  assert.equal(checkpoints.has(before.plan.id), false)
  const { store } = a
  assert.deepEqual(await state.scan({ store, partition: partition(0), entriesMax: 1 }), [])
})

test('a wipe that is cut off, after whichever write, leaves no checkpoint', async (t) => {
  const state = await openState(t)
  const task = taskOf(0, a)
  await fill(state, task, 5, 1, 5000)
  let writes = 0
  const failing = new Proxy(state, {
    get: (target, name) => {
      if (name === 'write' && ++writes > 1) return () => Promise.reject(new Error('cut off'))
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
  const checkpoints = await loaded(failing, task)
  await assert.rejects(checkpoints.wipe(task, a), /cut off/)
  assert.equal(checkpoints.of(task, a.topic), null)
  assert.equal((await loaded(state, task)).of(task, a.topic), null)
  const { store } = a
  const [row] = await state.scan({ store, partition: partition(0), entriesMax: 1 })
  assert.ok(row, 'rows are left')
})

test('whoever empties a store takes its checkpoint along with the first entries', async (t) => {
  const state = await openState(t)
  const task = taskOf(0, a)
  await fill(state, task, 5)
  const address = { store: a.store, partition: partition(0) }
  // As a reset does, and versions that know nothing of checkpoints in stores.
  const [first] = await state.scan({ ...address, entriesMax: 1 })
  await state.write([{ ...address, key: first?.key ?? assert.fail(), value: null }])
  assert.equal((await loaded(state, task)).of(task, a.topic), null)
})

test('a checkpoint says nothing to a store that has another changelog now', async (t) => {
  const state = await openState(t)
  await fill(state, taskOf(0, a), 5)
  const facts = taskOf(0, { ...a, topic: topicName('facts') })
  assert.equal((await loaded(state, facts)).of(facts, topicName('facts')), null)
})

test('a store that has not changed is known up to the last write of its task, in another task as well', async (t) => {
  const state = await openState(t)
  const task = taskOf(0, a, b)
  await fill(state, task, 5, 1)
  const checkpoints = await loaded(state, task)
  const reached = new Map([[a.topic, at(9)]])
  await state.write(checkpoints.changes(task, reached, 70))
  checkpoints.written(task, reached, 70)
  const alone = taskOf(1, b)
  for (const [kept, of] of [
    [checkpoints, task],
    [await loaded(state, alone), alone],
  ] as const) {
    assert.deepEqual(kept.of(of, b.topic), { ...at(5), writtenMs: 70, topicId: null })
  }
  assert.deepEqual(checkpoints.of(task, a.topic), { ...at(9), writtenMs: 70, topicId: null })
})
