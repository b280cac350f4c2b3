import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TidemarkError } from '../../core/errors.ts'
import type { StateBackend } from '../../core/state.ts'
import { openMemoryStorage } from '../../state/memory-backend.ts'
import { systemClock } from '../../core/clock.ts'
import counting, { words } from '../test-support/counting.ts'
import { readLatest, send, until } from '../test-support/harness.ts'
import { TestCluster } from '../test-support/test-cluster.ts'

function say(count: number) {
  return Array.from({ length: count }, (_, at) => ({ id: `${at}`, word: `w${at % 40}`, atMs: at }))
}

/** A disk that may be full. */
function disk(inner: StateBackend) {
  const state = { isFull: false, refusals: 0 }
  const backend: StateBackend = {
    readMany: (reads) => inner.readMany(reads),
    scan: (range) => inner.scan(range),
    close: () => inner.close(),
    write: (changes) => {
      if (!state.isFull) return inner.write(changes)
      state.refusals += 1
      return Promise.reject(new TidemarkError('DISK_FULL', 'no space left on device'))
    },
  }
  return { state, backend }
}

test('a full disk is waited for, while state is written and while it is restored, and the status says so', async (t) => {
  const cluster = await TestCluster.open([counting])
  t.after(() => cluster.close())
  const storage = await openMemoryStorage({ clock: systemClock })
  t.after(() => storage.close())
  const { state, backend } = disk(storage.state)
  const limits = {
    unreachableBackOffMs: 1,
    restoreReportMs: 1,
    stallMaxMs: 1000,
    taskRestartBackOffMs: 1,
  }
  const one = await cluster.start('one', { state: backend, limits })
  await send(cluster.log, words, say(100))
  await one.whenIdle()
  state.isFull = true
  await send(cluster.log, words, say(300))
  await until('all tasks wait for the disk', () => {
    const { tasks } = one.status()
    return tasks.length === 4 && tasks.every(({ waitingFor }) => waitingFor === 'disk')
  })
  const { refusals } = state
  await until('it is tried again for longer than an await may take', () => {
    assert.equal(one.status().state, 'running')
    return state.refusals > refusals + 500
  })
  state.isFull = false
  await until('all tasks run', () =>
    one
      .status()
      .tasks.every(({ state: now, waitingFor }) => now === 'RUNNING' && waitingFor === null),
  )
  await send(cluster.log, words, say(20))
  await one.whenIdle()
  const expected = new Map<string, number>()
  for (const { word } of [...say(100), ...say(300), ...say(20)]) {
    expected.set(word, (expected.get(word) ?? 0) + 1)
  }
  assert.deepEqual(await readLatest(cluster.log, 'counts'), expected)
})
