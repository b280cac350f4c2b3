import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../core/clock.ts'
import { Cleanup } from './cleanup.ts'
import { openMakeAnew } from './make-anew.ts'

test('consumers that miss tables at once share one set-up; who comes after it gets another', async () => {
  const steps: string[] = []
  const gate = Promise.withResolvers<undefined>()
  const setup = async () => {
    steps.push('setup')
    await gate.promise
  }
  const keepEpochs = () => {
    steps.push('epochs')
    return Promise.resolve()
  }
  const cleanup = new Cleanup({ clock: new ManualClock() })
  const makeAnew = openMakeAnew({ sink: { setup }, keepEpochs, cleanup })
  const both = [makeAnew(), makeAnew()]
  assert.deepEqual(steps, ['setup'])
  gate.resolve(undefined)
  await Promise.all(both)
  assert.deepEqual(steps, ['setup', 'epochs'])
  await makeAnew()
  assert.deepEqual(steps, ['setup', 'epochs', 'setup', 'epochs'])
})

test('a set-up that fails is every caller’s, and the next one is tried again', async () => {
  let isRefused = true
  const setup = () => (isRefused ? Promise.reject(new Error('refused')) : Promise.resolve())
  const keepEpochs = () => Promise.resolve()
  const cleanup = new Cleanup({ clock: new ManualClock() })
  const makeAnew = openMakeAnew({ sink: { setup }, keepEpochs, cleanup })
  await Promise.all([makeAnew(), makeAnew()].map((made) => assert.rejects(made, /refused/)))
  isRefused = false
  await makeAnew()
})

test('a stop ends the set-up that is under way, and waits for it', async () => {
  let hasEnded = false
  const setup = (signal?: AbortSignal) =>
    new Promise<void>((_, reject) => {
      signal?.addEventListener('abort', () => {
        hasEnded = true
        reject(new Error('ended'))
      })
    })
  const cleanup = new Cleanup({ clock: new ManualClock() })
  const makeAnew = openMakeAnew({ sink: { setup }, keepEpochs: () => Promise.resolve(), cleanup })
  const made = assert.rejects(makeAnew(), /ended/)
  await cleanup.run()
  assert.equal(hasEnded, true)
  await made
})
