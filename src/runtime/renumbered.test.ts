/** A deploy that only defines its streams in another order gives sub-topologies other numbers, and is rolled back. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../core/clock.ts'
import { partition, storeName, topicName } from '../core/record.ts'
import { dataKey } from '../state/key-layout.ts'
import { openMemoryStorage } from '../state/memory-backend.ts'
import { defineTopology } from '../topology/define.ts'
import type { TopologyGraph } from '../topology/graph.ts'
import { counts as plainCounts, words as plainWords } from './test-support/counting.ts'
import { readLatest, send, testRuntime, until } from './test-support/harness.ts'

const words = { ...plainWords, partitionCount: 1 }
const others = { ...words, name: topicName('others') }
const counts = { ...plainCounts, partitionCount: 1 }
type Builder = Parameters<Parameters<typeof defineTopology>[1]>[0]

function countWords(builder: Builder): void {
  builder
    .stream('word', words)
    .groupByKey('by-word')
    .count('count-words', { store: 'words' })
    .toStream('counted')
    .to('out', counts)
}
function countOthers(builder: Builder): void {
  builder.stream('other', others).groupByKey('by-other').count('count-others', { store: 'others' })
}
const before = defineTopology('t', (builder) => {
  countWords(builder)
  countOthers(builder)
})
const after = defineTopology('t', (builder) => {
  countOthers(builder)
  countWords(builder)
})

const said = (id: string) =>
  Array.from({ length: 200 }, (_, at) => ({ id: `${id}-${at}`, word: `w${at}`, atMs: 1 }))

test('state goes on under other numbers, and back under the old ones', async (t) => {
  const { log, close } = await openMemoryStorage({ clock: systemClock, sharesState: false })
  t.after(() => close())
  const disk = await openMemoryStorage({ clock: systemClock })
  t.after(() => disk.close())
  const runWith = async (graph: TopologyGraph, id: string) => {
    const runtime = testRuntime([graph], { log, state: disk.state })
    t.after(() => runtime.stop())
    await runtime.start()
    await until('all runs', () => {
      const { tasks } = runtime.status()
      return tasks.length === 2 && tasks.every(({ state }) => state === 'RUNNING')
    })
    const { restored } = runtime.status()
    await send(log, words, said(id))
    await runtime.whenIdle()
    await runtime.stop()
    return restored.map(({ fromScratch }) => fromScratch)
  }
  assert.deepEqual(await runWith(before, 'first'), ['no local state', 'no local state'])
  const store = storeName('t.words')
  const at = { store, partition: partition(0), from: dataKey(''), entriesMax: 1000 }
  assert.equal((await disk.state.scan(at)).length, 200)
  for (const [round, graph] of [after, before].entries()) {
    // Of others there is nothing.
    assert.deepEqual(new Set(await runWith(graph, `${round}`)), new Set([null, 'no local state']))
    assert.equal((await disk.state.scan(at)).length, 200)
  }
  assert.deepEqual(new Set((await readLatest(log, 'counts')).values()), new Set([3]))
})
