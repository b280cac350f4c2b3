/** What the stores account for what they hold is what the heap takes: a budget of 48 MiB that takes 150 starves the rest. */
import assert from 'node:assert/strict'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { test } from 'node:test'
import { partition, storeName } from '../core/record.ts'
import type { StateBackend } from '../core/state.ts'
import { avroSerde } from '../schema/avro-serde.ts'
import { frameValue } from './key-layout.ts'
import { MemoryBudget } from './memory-budget.ts'
import { latin1Serde, keyValueOf, windowsOf } from './stores-setting.test-suite.ts'
import { openTaskStores } from './task-stores.ts'
import type { TaskStores } from './task-stores.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

interface Answer {
  readonly id: string
  readonly option: string
  readonly timestampMs: number
}

interface Attempt {
  readonly questions: readonly { readonly id: string; readonly answers: readonly Answer[] }[]
}

const answer = {
  type: 'record',
  name: 'Answer',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'option', type: 'string' },
    { name: 'timestampMs', type: 'double' },
  ],
}
const question = {
  type: 'record',
  name: 'Question',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'answers', type: { type: 'array', items: answer } },
  ],
}
const attemptSerde = avroSerde<Attempt>('attempt', 1, {
  type: 'record',
  name: 'Attempt',
  fields: [{ name: 'questions', type: { type: 'array', items: question } }],
})
const common = { keySerde: latin1Serde, valueSerde: attemptSerde }
const keptOf = 2000
const keys = Array.from({ length: keptOf }, (_, at) => `student-${at}/test`)

/** Holds the values that it was opened with, off the heap. */
function backendOf(value: Buffer): StateBackend {
  return {
    readMany: (reads) => Promise.resolve(reads.map(() => value)),
    scan: () => Promise.resolve([]),
    write: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
}

function attempt(student: number): Attempt {
  const questions = Array.from({ length: 20 }, (_, at) => ({
    id: `q-${at}`,
    answers: [{ id: `answer-${student}-${at}`, option: 'b', timestampMs: 1.7e12 + student + at }],
  }))
  return { questions }
}

const framed = frameValue(attemptSerde.serialize(attempt(7)))

/** @returns of the stores' values and what they need beside them, on the heap, over what is accounted for it */
async function heapOverAccounted(
  fill: (stores: TaskStores) => Promise<void>,
  budget: MemoryBudget,
): Promise<number> {
  const stores = openTaskStores({
    definitions: [
      { ...common, kind: 'key-value', name: storeName('values'), ttlMs: null },
      { ...common, kind: 'window', name: storeName('windows'), windowSizeMs: 10, retentionMs: 100 },
    ],
    partition: partition(0),
    backend: backendOf(framed),
    budget,
  })
  collect()
  const before = process.memoryUsage().heapUsed
  await fill(stores)
  // What is written is accounted for by its bytes once these are known.
  stores.pendingChanges()
  stores.committed()
  collect()
  const taken = process.memoryUsage().heapUsed - before
  // Else it might be collected with what it holds.
  assert.ok(stores.get('values'))
  return taken / budget.usedBytes
}

function about(ratio: number): void {
  assert.ok(ratio > 0.5 && ratio < 1.25, `the heap takes ${ratio.toFixed(2)} of what is accounted`)
}

test('values that were written are accounted for as what they take', async () => {
  const budget = new MemoryBudget(1_000_000_000)
  const ratio = await heapOverAccounted(async (stores) => {
    const store = keyValueOf(stores, 'values')
    for (const [at, key] of keys.entries()) store.put(key, attempt(at))
  }, budget)
  about(ratio)
})

test('values of windows, too', async () => {
  const budget = new MemoryBudget(1_000_000_000)
  const ratio = await heapOverAccounted(async (stores) => {
    const store = windowsOf(stores, 'windows')
    for (const [at, key] of keys.entries()) store.put(key, 10, attempt(at))
  }, budget)
  about(ratio)
})

test('values that were read, too', async () => {
  const budget = new MemoryBudget(1_000_000_000)
  const ratio = await heapOverAccounted(async (stores) => {
    const store = keyValueOf(stores, 'values')
    await store.load(keys)
    for (const key of keys) assert.ok(store.get(key))
  }, budget)
  about(ratio)
})
