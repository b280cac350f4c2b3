/** A changelog that is made anew while its stores are kept up: by a task that runs, and by a standby. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { TopicName } from '../../core/record.ts'
import type { Log } from '../../log/log.ts'
import type { WipedStore } from '../runtime-status.ts'
import type { Runtime } from '../runtime.ts'
import counting, { words } from '../test-support/counting.ts'
import { readLatest, send, until } from '../test-support/harness.ts'
import { TestCluster } from '../test-support/test-cluster.ts'

/** The log, as one whose topics have ids: those that `idOf` tells at the time. */
function withIds(log: Log, idOf: () => string): Log {
  const topicIds = (names: readonly TopicName[]) =>
    Promise.resolve(new Map(names.map((name) => [name, idOf()])))
  return new Proxy(log, {
    has: (target, name) => name === 'topicIds' || name in target,
    get: (target, name) => {
      if (name === 'topicIds') return topicIds
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

/** One task, so that an instance either runs it or follows it. */
const limits = { defaultPartitionCount: 1, topicsIntervalMs: 5 }

async function open(t: TestContext, numStandbyReplicas: number): Promise<TestCluster> {
  const cluster = await TestCluster.open([counting], { numStandbyReplicas })
  t.after(() => cluster.close())
  return cluster
}

const runs = (runtime: Runtime) => () =>
  runtime.status().tasks.some(({ state }) => state === 'RUNNING')

test('it ends an instance that runs a task of it, by name', async (t) => {
  const cluster = await open(t, 0)
  let id = 'first'
  const runtime = await cluster.start('one', { limits, log: withIds(cluster.log, () => id) })
  await send(cluster.log, words, [{ id: '1', word: 'a', atMs: 1 }])
  await runtime.whenIdle()
  id = 'second'
  const failure = await runtime.failed
  assert.match(
    String(failure),
    /changelog topic counting-counts-changelog was deleted and made anew while task counting-0_0 runs/,
  )
})

test('a standby begins anew with it, and tells', async (t) => {
  const cluster = await open(t, 1)
  const one = await cluster.start('one', { limits })
  await until('one runs the task', runs(one))
  const texts = Array.from({ length: 20 }, (_, at) => ({ id: `${at}`, word: `w${at}`, atMs: at }))
  await send(cluster.log, words, texts)
  await one.whenIdle()
  let id = 'first'
  const wiped: WipedStore[] = []
  const two = await cluster.start('two', {
    limits,
    log: withIds(cluster.log, () => id),
    onStoreWiped: (each) => {
      wiped.push(each)
    },
  })
  const followed = () => two.status().standbys.map(({ lag }) => lag)
  await until('two follows it', () => followed()[0] === 0)
  assert.deepEqual(wiped, [])
  id = 'second'
  await until('two has begun anew', () => wiped.length > 0 && followed()[0] === 0)
  const [{ topic, reason } = assert.fail()] = wiped
  assert.equal(topic, 'counting-counts-changelog')
  assert.equal(reason, 'checkpoint of a topic that was deleted and made anew')
  assert.equal(wiped.length, 1, 'once is enough')
  assert.equal(two.status().state, 'running')
  await cluster.stop('one')
  await until('two runs the task', runs(two))
  await send(cluster.log, words, [{ id: '20', word: 'w0', atMs: 20 }])
  await two.whenIdle()
  assert.equal((await readLatest(cluster.log, 'counts')).get('w0'), 2)
})
