import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../core/clock.ts'
import type { StateBackend, StateChange } from '../core/state.ts'
import type { Log } from '../log/log.ts'
import { openMemoryStorage } from '../state/memory-backend.ts'
import counting, { words } from './test-support/counting.ts'
import { readLatest, send, testRuntime } from './test-support/harness.ts'

function say(...texts: string[]) {
  return texts.map((word, index) => ({ id: `${index}`, word, atMs: index }))
}

function open() {
  return openMemoryStorage({ clock: systemClock, sharesState: false })
}

async function count(log: Log, state: StateBackend, ...texts: string[]): Promise<void> {
  const runtime = testRuntime([counting], { log, state })
  await runtime.start()
  await send(log, words, say(...texts))
  await runtime.whenIdle()
  await runtime.stop()
}

test('a state that was lost is made again from its changelog', async () => {
  const storage = await open()
  await count(storage.log, storage.state, 'a', 'b', 'a')
  const empty = await open()
  await count(storage.log, empty.state, 'a', 'c')
  assert.deepEqual(Object.fromEntries(await readLatest(storage.log, 'counts')), {
    a: 3,
    b: 1,
    c: 1,
  })
  await storage.close()
  await empty.close()
})

test('a state that is a commit behind is brought up by the tail, not made anew', async () => {
  const storage = await open()
  const { log } = storage
  await count(log, storage.state, 'a', 'b')

  // As a crash between steps 4 and 5: the transaction is there, the state is not.
  const written: StateChange[][] = []
  const losing: StateBackend = {
    readMany: (reads) => storage.state.readMany(reads),
    scan: (range) => storage.state.scan(range),
    write: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
  await count(log, losing, 'a')
  const noting: StateBackend = {
    ...losing,
    write: (changes) => {
      written.push([...changes])
      return storage.state.write(changes)
    },
  }
  await count(log, noting, 'a')
  assert.equal((await readLatest(storage.log, 'counts')).get('a'), 3)
  const replayed = written[0]?.filter(
    ({ store, key }) => store === 'counting.counts' && key.length > 0,
  )
  assert.equal(replayed?.length, 1, 'of the changelog only the lost change was replayed')
  await storage.close()
})
