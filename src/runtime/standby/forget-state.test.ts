/** State is forgotten where the group has said that its task is another's, and never because the group is silent. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { ManualClock, systemClock, type Clock } from '../../core/clock.ts'
import { offset, partition, storeName, topicName } from '../../core/record.ts'
import type { GroupMember, JoinGroupOptions, Log } from '../../log/log.ts'
import { dataKey } from '../../state/key-layout.ts'
import { openMemoryStorage } from '../../state/memory-backend.ts'
import { Checkpoints } from '../checkpoints.ts'
import { Codecs } from '../codecs.ts'
import type { KeptTask } from '../kept-task.ts'
import { defaultLimits } from '../limits.ts'
import type { Runtime } from '../runtime.ts'
import counting, { words } from '../test-support/counting.ts'
import { send, until } from '../test-support/harness.ts'
import { jsonCodec } from '../test-support/json-codec.ts'
import { TestCluster } from '../test-support/test-cluster.ts'
import { StateUpdater } from './state-updater.ts'

const id = 't-0_0'
const delayMs = defaultLimits.stateCleanupDelayMs

/** Of one task, with state from an earlier run. */
async function openUpdater(t: TestContext, clock: Clock): Promise<StateUpdater> {
  const storage = await openMemoryStorage({ clock, sharesState: false })
  t.after(() => storage.close())
  const { log, state } = storage
  const topic = topicName('t-s-changelog')
  const task: KeptTask = {
    plan: { id, topologyName: 't', subTopology: 0, partition: partition(0) },
    changelogs: [{ store: storeName('t.s'), topic, facts: null }],
  }
  const checkpoints = new Checkpoints(state)
  const reached = new Map([[topic, { offset: offset(1), isComplete: true }]])
  await state.write(checkpoints.changes(task, reached, 0))
  await checkpoints.load([task])
  return new StateUpdater({
    log,
    state,
    clock,
    limits: defaultLimits,
    tasks: new Map([[id, task]]),
    checkpoints,
    codecs: new Codecs(jsonCodec),
    deleteRetentionMsOf: () => Promise.resolve(0),
    topicIdsOf: () => Promise.resolve(new Map()),
    caughtUpLag: 0,
    onCaughtUp: () => undefined,
    onFailure: (failure) => assert.fail(String(failure)),
  })
}

test('the time counts in which an assignment says that the task is another’s, and no other', async (t) => {
  const clock = new ManualClock()
  const updater = await openUpdater(t, clock)
  const forgotten = () => updater.elsewhereFor(delayMs).map(({ plan }) => plan.id)
  clock.advance(100 * delayMs)
  assert.deepEqual(forgotten(), [], 'no group has said anything yet')
  updater.noteElsewhere([id])
  clock.advance(delayMs - 1)
  updater.noteElsewhere([id])
  assert.deepEqual(forgotten(), [])
  updater.forgetElsewhere([id])
  clock.advance(100 * delayMs)
  assert.deepEqual(forgotten(), [], 'the membership is over')
  updater.noteElsewhere([id])
  clock.advance(delayMs - 1)
  assert.deepEqual(forgotten(), [], 'it counts from the next assignment on')
  clock.advance(1)
  assert.deepEqual(forgotten(), [id])
})

/** As often as the cleanup looks, and as old as state has to be for it. */
const cleanupDelayMs = 17
/** Stands still but for its timers, until it is moved; counts the looks of the cleanup. */
function cleanupClock() {
  const counted = { looks: 0, nowMs: systemClock.nowMs() }
  const clock: Clock = {
    ...systemClock,
    nowMs: () => counted.nowMs,
    after: (ms, wake) => {
      if (ms === cleanupDelayMs) counted.looks += 1
      return systemClock.after(ms, wake)
    },
  }
  const hoursLater = () => {
    counted.nowMs += 3_600_000
    const enough = counted.looks + 5
    return until('the cleanup has looked several times', () => counted.looks >= enough)
  }
  return { clock, hoursLater, limits: { stateCleanupDelayMs: cleanupDelayMs } }
}

/** The log, with groups as the test wants them. */
function joiningBy(log: Log, join: (options: JoinGroupOptions) => Promise<GroupMember>): Log {
  return new Proxy(log, {
    get: (target, name) => {
      if (name === 'joinGroup') return join
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

const said = Array.from({ length: 200 }, (_, at) => ({ id: `${at}`, word: `w${at}`, atMs: at }))
const taskCount = 4
const running = (runtime: Runtime) =>
  runtime.status().tasks.filter(({ state }) => state === 'RUNNING').length

async function rowsOf(cluster: TestCluster, name: string): Promise<number> {
  const store = storeName('counting.counts')
  const { state } = cluster.states.get(name) ?? assert.fail(name)
  let count = 0
  for (let at = 0; at < taskCount; at += 1) {
    const rows = { store, partition: partition(at), from: dataKey('') }
    count += (await state.scan({ ...rows, entriesMax: 1000 })).length
  }
  return count
}

test('an outage that outlasts the session and the cleanup’s delay costs no state', async (t) => {
  const cluster = await TestCluster.open([counting])
  t.after(() => cluster.close())
  const { clock, hoursLater, limits } = cleanupClock()
  let joined: JoinGroupOptions | undefined
  let member: GroupMember | undefined
  const log = joiningBy(cluster.log, async (options) => {
    joined = options
    return (member = await cluster.log.joinGroup(options))
  })
  const one = await cluster.start('one', { log, clock, limits })
  await send(cluster.log, words, said)
  await one.whenIdle()
  await cluster.start('two')
  await until('two tasks are another’s', () => running(one) === taskCount / 2)
  assert.equal(await rowsOf(cluster, 'one'), said.length)
  await joined?.onLost?.(member?.assigned ?? [])
  assert.deepEqual(one.status().tasks, [])
  await hoursLater()
  assert.equal(await rowsOf(cluster, 'one'), said.length)
})

test('an instance that waits for its group at the start keeps the state it has', async (t) => {
  const cluster = await TestCluster.open([counting])
  t.after(() => cluster.close())
  const first = await cluster.start('one')
  await send(cluster.log, words, said)
  await first.whenIdle()
  await cluster.stop('one')
  const { clock, hoursLater, limits } = cleanupClock()
  const answered = Promise.withResolvers<undefined>()
  const log = joiningBy(cluster.log, async (options) => {
    await answered.promise
    return cluster.log.joinGroup(options)
  })
  const starting = cluster.start('one', { log, clock, limits })
  await hoursLater()
  answered.resolve(undefined)
  const again = await starting
  await until('it has its tasks back', () => running(again) === taskCount)
  for (const { taskId, fromScratch } of again.status().restored) {
    assert.equal(fromScratch, null, taskId)
  }
})
