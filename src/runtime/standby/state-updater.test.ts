import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TidemarkError } from '../../core/errors.ts'
import type { FetchRequest, JoinGroupOptions, Log } from '../../log/log.ts'
import type { Runtime } from '../runtime.ts'
import counting, { words } from '../test-support/counting.ts'
import { readLatest, send, until } from '../test-support/harness.ts'
import { TestCluster } from '../test-support/test-cluster.ts'

function say(count: number, from = 0) {
  return Array.from({ length: count }, (_, index) => ({
    id: `${from + index}`,
    word: `w${(from + index) % 40}`,
    atMs: from + index,
  }))
}

async function expectCounts(log: Log, count: number): Promise<void> {
  const expected = new Map<string, number>()
  for (const { word } of say(count)) expected.set(word, (expected.get(word) ?? 0) + 1)
  assert.deepEqual(await readLatest(log, 'counts'), expected)
}

function running(runtime: Runtime): string[] {
  return runtime
    .status()
    .tasks.filter(({ state }) => state === 'RUNNING')
    .map(({ id }) => id)
}

/** The log, with what it is asked seen or changed. */
function watched(log: Log, over: Partial<Log>): Log {
  return new Proxy(log, {
    get: (target, name) => {
      if (name in over) return Reflect.get(over, name) as unknown
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

test('a standby takes its task over in place: only the tail is read', async (t) => {
  const cluster = await TestCluster.open([counting], { numStandbyReplicas: 1 })
  t.after(() => cluster.close())
  const one = await cluster.start('one')
  await send(cluster.log, words, say(400))
  await one.whenIdle()
  const two = await cluster.start('two')
  await until('all tasks are somewhere, with their standbys elsewhere', () => {
    const standbys = [one, two].flatMap((runtime) => runtime.status().standbys)
    return running(one).length + running(two).length === 4 && standbys.length === 4
  })
  await until('the standbys have caught up', () =>
    [one, two].every((runtime) => runtime.status().standbys.every(({ lag }) => lag === 0)),
  )
  const moved = running(one)
  await cluster.stop('one')
  await until('two runs everything', () => running(two).length === 4)
  for (const { taskId, fromScratch, restored } of two.status().restored) {
    if (!moved.includes(taskId)) continue
    assert.equal(fromScratch, null)
    assert.equal(restored, 0, `${taskId} was restored though its standby was here`)
  }
  await send(cluster.log, words, say(100, 400))
  await two.whenIdle()
  await expectCounts(cluster.log, 500)
})

test('a task moves when its warm-up has caught up, not before', async (t) => {
  const cluster = await TestCluster.open([counting], { acceptableRecoveryLag: 0 })
  t.after(() => cluster.close())
  const one = await cluster.start('one')
  await send(cluster.log, words, say(400))
  await one.whenIdle()
  const two = await cluster.start('two')
  await until('the tasks are shared', () => running(one).length === 2 && running(two).length === 2)
  for (const { fromScratch } of two.status().restored) assert.equal(fromScratch, null)
  const { tasks } = two.hostsOf('counting') ?? { tasks: [] }
  const hosts = tasks.map(({ active }) => active)
  assert.deepEqual(hosts.sort(), ['http://one', 'http://one', 'http://two', 'http://two'])
})

test('a task moves to where its standby was put in place of a warm-up, as soon as that has caught up', async (t) => {
  const cluster = await TestCluster.open([counting], {
    acceptableRecoveryLag: 0,
    numStandbyReplicas: 1,
  })
  t.after(() => cluster.close())
  const one = await cluster.start('one')
  await send(cluster.log, words, say(400))
  await one.whenIdle()
  const two = await cluster.start('two')
  await until('two have two each', () => running(one).length === 2 && running(two).length === 2)
  const [three, four] = [await cluster.start('three'), await cluster.start('four')]
  // The probing interval is ten minutes.
  await until('each has one', () => [one, two, three, four].every((of) => running(of).length === 1))
  for (const { fromScratch } of [three, four].flatMap((of) => of.status().restored)) {
    assert.equal(fromScratch, null)
  }
})

test('many changelogs are read by one fetch, and their tasks restored at the same time', async (t) => {
  const cluster = await TestCluster.open([counting])
  t.after(() => cluster.close())
  const one = await cluster.start('one')
  await send(cluster.log, words, say(400))
  await one.whenIdle()
  await cluster.stop('one')
  let partitionsMost = 0
  const log = watched(cluster.log, {
    fetch: (request: FetchRequest) => {
      const { partitions } = request
      if (partitions.every(({ topic }) => topic.endsWith('-changelog'))) {
        partitionsMost = Math.max(partitionsMost, partitions.length)
      }
      return cluster.log.fetch(request)
    },
  })
  const two = await cluster.start('two', { log })
  await until('two runs everything', () => running(two).length === 4)
  assert.equal(partitionsMost, 4)
  const restored = two.status().restored
  assert.deepEqual(
    new Set(restored.map(({ fromScratch }) => fromScratch)),
    new Set(['no local state']),
  )
  assert.ok(restored.every((each) => each.offsetsDone === each.offsetsTotal && each.restored > 0))
})

test('the state of a task that is gone is kept for a while, then deleted', async (t) => {
  const cluster = await TestCluster.open([counting])
  t.after(() => cluster.close())
  const limits = { stateCleanupDelayMs: 20 }
  const one = await cluster.start('one', { limits })
  await send(cluster.log, words, say(400))
  await one.whenIdle()
  await cluster.start('two', { limits })
  await until('one has let go of two tasks', () => running(one).length === 2)
  const { state } = cluster.states.get('one') ?? assert.fail()
  const kept = async (partition: number) => {
    const address = { partition: partition as never, entriesMax: 1 }
    return (await state.scan({ ...address, store: 'counting.counts' as never })).length
  }
  await until('nothing is left of those two', async () => {
    const left = await Promise.all([0, 1, 2, 3].map(kept))
    return left.filter((count) => count === 0).length === 2
  })
  await send(cluster.log, words, say(100, 400))
  await cluster.whenIdle()
  await expectCounts(cluster.log, 500)
})

test('a log that does not answer is waited for, longer than a task may fail, and the status says so', async (t) => {
  const cluster = await TestCluster.open([counting])
  t.after(() => cluster.close())
  let isAway = false
  const away = () =>
    Promise.reject(new TidemarkError('KAFKA_UNREACHABLE', 'no broker answers', { details: {} }))
  const log = watched(cluster.log, {
    fetch: (request) => (isAway ? away() : cluster.log.fetch(request)),
    transactionalProducer: async (id) => {
      if (isAway) return away()
      const producer = await cluster.log.transactionalProducer(id)
      return {
        close: () => producer.close(),
        begin: () => {
          const transaction = producer.begin()
          const commit = () => (isAway ? away() : transaction.commit())
          return watchedTransaction(transaction, commit)
        },
      }
    },
  })
  const limits = { taskRestartsMax: 0, unreachableBackOffMs: 1, fetchWaitMaxMs: 5 }
  const one = await cluster.start('one', { log, limits })
  await send(cluster.log, words, say(100))
  await one.whenIdle()
  isAway = true
  await send(cluster.log, words, say(100, 100))
  await until('all tasks wait for the log', () =>
    one.status().tasks.every(({ waitingFor }) => waitingFor === 'kafka'),
  )
  isAway = false
  await one.whenIdle()
  assert.equal(one.status().state, 'running')
  await until('nothing waits', () =>
    one.status().tasks.every(({ waitingFor }) => waitingFor === null),
  )
  await expectCounts(cluster.log, 200)
})

function watchedTransaction<T extends object>(transaction: T, commit: () => unknown): T {
  return new Proxy(transaction, {
    get: (target, name) => {
      if (name === 'commit') return commit
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

test('what was lost to another member is dropped at once, without a commit', async (t) => {
  const cluster = await TestCluster.open([counting])
  t.after(() => cluster.close())
  const joined: JoinGroupOptions[] = []
  let commits = 0
  const log = watched(cluster.log, {
    joinGroup: (options) => {
      joined.push(options)
      return cluster.log.joinGroup(options)
    },
    transactionalProducer: async (id) => {
      const producer = await cluster.log.transactionalProducer(id)
      return {
        close: () => producer.close(),
        begin: () => {
          commits += 1
          return producer.begin()
        },
      }
    },
  })
  // Nothing is committed before the end of the batch.
  const one = await cluster.start('one', { log, limits: { commitIntervalMs: 3_600_000 } })
  await send(cluster.log, words, say(40))
  await one.whenIdle()
  const before = commits
  await send(cluster.log, words, say(40, 40))
  await until('all is processed', () => {
    const inputs = one.status().tasks.flatMap((task) => task.inputs)
    return inputs.reduce((sum, { position }) => sum + position, 0) === 80
  })
  const partitions = [0, 1, 2, 3].map((partition) => ({ topic: words.name, partition }))
  await joined[0]?.onLost?.(partitions as never)
  assert.deepEqual(running(one), [])
  assert.equal(commits, before)
  assert.equal(one.heldTask('counting', 0, 0 as never), null)
})
