import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../core/clock.ts'
import { Cleanup } from './cleanup.ts'

const clock = new ManualClock()

test('what was opened last is closed first, once, and a failure keeps nothing from closing', async () => {
  const cleanup = new Cleanup({ clock })
  const closed: string[] = []
  const step = (name: string, fails = false) => {
    const close = () => {
      closed.push(name)
      return fails ? Promise.reject(new Error(`${name} failed`)) : Promise.resolve()
    }
    cleanup.add({ name, close })
  }
  step('log')
  step('engine', true)
  step('door')
  await assert.rejects(cleanup.run(), /engine failed/)
  await assert.rejects(cleanup.run(), /engine failed/)
  assert.deepEqual(closed, ['door', 'engine', 'log'])
})

test('what hangs is left as it is after its time, by name, and the rest is closed', async () => {
  const told: string[] = []
  const cleanup = new Cleanup({ clock, onOverdue: (line) => told.push(line) })
  const closed: string[] = []
  cleanup.add({
    name: 'log',
    close: () => {
      closed.push('log')
      return Promise.resolve()
    },
  })
  cleanup.add({ name: 'sink', close: () => new Promise(() => {}), maxMs: 700 })
  const running = cleanup.run()
  clock.advance(699)
  await new Promise(setImmediate)
  assert.deepEqual(closed, [])
  clock.advance(1)
  await running
  assert.deepEqual(closed, ['log'])
  assert.deepEqual(told, ['sink: not closed within 700 ms, left as it is'])
})

test('steps of one group end together before the turn of the next; all that failed is said', async () => {
  const cleanup = new Cleanup({ clock })
  const closed: string[] = []
  const step = (group: Cleanup, name: string) => {
    const close = async () => {
      await new Promise(setImmediate)
      closed.push(name)
      throw new Error(`${name} failed`)
    }
    group.add({ name, close })
  }
  const ground = cleanup.together()
  const work = cleanup.together()
  step(work, 'tasks')
  step(ground, 'log')
  step(work, 'facts')
  await assert.rejects(cleanup.run(), /facts failed; tasks failed; log failed/)
  assert.deepEqual(closed, ['facts', 'tasks', 'log'])
})

test('closed together, none waits for another, and all are waited for', async () => {
  const cleanup = new Cleanup({ clock, order: 'together' })
  const sink = Promise.withResolvers<undefined>()
  const closed: string[] = []
  const step = (name: string, until: Promise<void>) => {
    cleanup.add({
      name,
      close: async () => {
        await until
        closed.push(name)
      },
    })
  }
  step('tasks', Promise.resolve())
  step('sink', sink.promise)
  const running = cleanup.run().then(() => closed.push('all'))
  await new Promise(setImmediate)
  assert.deepEqual(closed, ['tasks'])
  sink.resolve(undefined)
  await running
  assert.deepEqual(closed, ['tasks', 'sink', 'all'])
})
