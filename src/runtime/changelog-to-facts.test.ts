/** A store with a changelog of its own, whose rows were sent to a fact topic as they are, goes over to that topic. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { systemClock } from '../core/clock.ts'
import { openMemoryStorage } from '../state/memory-backend.ts'
import { defineTopology } from '../topology/define.ts'
import type { TopologyGraph } from '../topology/graph.ts'
import { counts, words } from './test-support/counting.ts'
import { readAll, readLatest, send, testRuntime, until } from './test-support/harness.ts'

const counted = (isChangelog: boolean): TopologyGraph =>
  defineTopology('counting', (builder) => {
    const by = builder.stream('word', words).groupByKey('by-word')
    if (isChangelog) by.count('count', { store: 'counts', changelog: counts })
    else {
      by.count('count', { store: 'counts', emit: 'on-commit' })
        .toStream('counted')
        .to('out', counts)
    }
  })
const [before, after] = [counted(false), counted(true)]

const say = (...texts: string[]) =>
  texts.map((word, index) => ({ id: `${index}`, word, atMs: index }))

/** A log, states of instances, and runtimes on them. */
async function open(t: TestContext, sharesState: boolean) {
  const storage = await openMemoryStorage({ clock: systemClock, sharesState })
  t.after(() => storage.close())
  const newState = async () => {
    const own = sharesState ? storage : await openMemoryStorage({ clock: systemClock })
    if (own !== storage) t.after(() => own.close())
    return own.state
  }
  const run = async (
    graph: TopologyGraph,
    state: Awaited<ReturnType<typeof newState>>,
    texts: readonly string[],
  ) => {
    const cluster = {
      ...{ instanceId: 'one', endpoint: null, numStandbyReplicas: 0 },
      ...{ maxWarmupReplicas: 2, acceptableRecoveryLag: 10 },
    }
    const options = sharesState ? {} : { cluster }
    const runtime = testRuntime([graph], { log: storage.log, state }, options)
    await runtime.start()
    await until('all tasks run', () => {
      const { tasks } = runtime.status()
      return tasks.length === 4 && tasks.every((task) => task.state === 'RUNNING')
    })
    const { restored } = runtime.status()
    await send(storage.log, words, say(...texts))
    await runtime.whenIdle()
    await runtime.stop()
    return restored
  }
  const latest = async () => Object.fromEntries(await readLatest(storage.log, counts.name))
  return { log: storage.log, newState, run, latest }
}

for (const where of ['with the state it has', 'with no state of its own'] as const) {
  test(`on a log that does not keep state, ${where}`, async (t) => {
    const { log, newState, run, latest } = await open(t, false)
    const state = await newState()
    await run(before, state, ['a', 'b', 'a', 'c'])
    const written = (await readAll(log, counts.name)).length
    const next = where === 'with the state it has' ? state : await newState()
    const restored = await run(after, next, ['a', 'c'])
    assert.deepEqual([...new Set(restored.map(({ topic }) => topic))], [counts.name])
    assert.equal(
      restored.reduce((sum, each) => sum + each.restored, 0),
      written,
      'from its beginning',
    )
    assert.deepEqual(await latest(), { a: 3, b: 1, c: 2 })
    const again = await run(after, next, ['b'])
    assert.deepEqual(
      again.filter((each) => each.restored > 0),
      [],
      'it is a changelog like any other',
    )
    assert.deepEqual(await latest(), { a: 3, b: 2, c: 2 })
  })
}

test('on a log that keeps state nothing has to be restored', async (t) => {
  const { newState, run, latest } = await open(t, true)
  const state = await newState()
  await run(before, state, ['a', 'b', 'a', 'c'])
  assert.deepEqual(await run(after, state, ['a', 'c']), [])
  assert.deepEqual(await latest(), { a: 3, b: 1, c: 2 })
})
