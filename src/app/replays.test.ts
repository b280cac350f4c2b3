import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { ManualClock } from '../core/clock.ts'
import { offset, partition, topicName } from '../core/record.ts'
import { stringSerde } from '../core/serde.ts'
import counting, { words } from '../runtime/test-support/counting.ts'
import { topicSpecs } from '../runtime/topics.ts'
import { MemoryRegistryStorage } from '../schema/registry-storage.ts'
import { openMemoryStorage } from '../state/memory-backend.ts'
import { defineTopology } from '../topology/define.ts'
import { noteReplays, Replays } from './replays.ts'
import { ownResetPlan } from './reset.ts'

const partitions = 2
const resetAtMs = 1_000
const nobody = { generationId: -1, memberId: '' }

/** The way of a record has two topics. */
const graph = defineTopology('renamed', (builder) => {
  builder
    .stream('word', words)
    .mapValues('text', (word) => word?.id ?? '')
    .repartition('again', { keySerde: stringSerde, valueSerde: stringSerde })
    .groupByKey('words-by-id')
    .count('count', { store: 'counts' })
})

async function setUp(context: TestContext) {
  const clock = new ManualClock(resetAtMs)
  const { log, state, close } = await openMemoryStorage({ clock })
  context.after(close)
  const specs = topicSpecs([graph], partitions, false)
  await log.createTopics(specs)
  const internal = specs.find(({ name }) => name.includes('again'))?.name
  const meta = new MemoryRegistryStorage()
  const open = () => new Replays({ meta, log, clock, graphs: [graph], partitions })
  const append = async (topic: string, ...at: readonly number[]) => {
    const record = { key: Buffer.from('k'), value: null, timestampMs: 0 }
    for (const number of at) {
      const place = { topic: topicName(topic), partition: partition(number) }
      await log.append([{ ...place, records: [record] }])
    }
  }
  const reach = async (topic: string, ...offsets: readonly number[]) => {
    const reached = offsets.map((at, number) => ({
      topic: topicName(topic),
      partition: partition(number),
      offset: offset(at),
    }))
    await log.commitOffsets({ groupId: graph.name, ...nobody }, reached)
  }
  const endOf = async (replays: Replays) => (await replays.look())[0]?.endedAtMs
  return { clock, log, state, meta, open, append, reach, endOf, internal: internal ?? '' }
}

test('a replay has ended once the group has read all that there was, and what came of it', async (context) => {
  const { clock, meta, open, append, reach, endOf, internal } = await setUp(context)
  await append(words.name, 0, 0, 1)
  await noteReplays(meta, [graph.name], resetAtMs)
  const replays = open()
  assert.deepEqual(await replays.look(), [{ topology: graph.name, resetAtMs, endedAtMs: null }])
  await reach(words.name, 2, 0)
  assert.equal(await endOf(replays), null)
  clock.advance(50)
  await append(internal, 1)
  await reach(words.name, 2, 1)
  assert.equal(await endOf(replays), null)
  clock.advance(50)
  await reach(internal, 0, 1)
  assert.equal(await endOf(replays), resetAtMs + 100)
  clock.advance(50)
  await append(words.name, 0)
  // It is noted, for whoever asks later.
  assert.equal(await endOf(open()), resetAtMs + 100)
})

test('what the log has removed is not waited for', async (context) => {
  const { log, meta, open, append, reach, endOf } = await setUp(context)
  await append(words.name, 0, 0)
  await noteReplays(meta, [graph.name], resetAtMs)
  const replays = open()
  assert.equal(await endOf(replays), null)
  await append(words.name, 1)
  await log.deleteRecords([{ topic: words.name, partition: partition(0), offset: offset(2) }])
  // The first look knew nothing of the other partition; the next one has to reach that, too.
  assert.equal(await endOf(replays), null)
  await reach(words.name, 0, 1)
  assert.equal(await endOf(replays), resetAtMs)
})

test('of a topology that runs elsewhere it is told what is noted, and nobody waits for it', async (context) => {
  const { clock, log, meta } = await setUp(context)
  await noteReplays(meta, ['other'], resetAtMs)
  const replays = new Replays({ meta, log, clock, graphs: [counting], partitions })
  assert.deepEqual(await replays.look(), [{ topology: 'other', resetAtMs, endedAtMs: null }])
})

test('a reset notes itself first, unless facts stay and no event is read again', async (context) => {
  const { clock, log, state, meta, open } = await setUp(context)
  const loaded = { graph, factTables: [], moduleUrl: '' }
  const plan = (kind: 'earliest' | 'latest', withFacts: boolean) =>
    ownResetPlan({ log, state, meta }, [loaded], {
      ...{ position: { kind }, withFacts, force: false, partitions, clock },
    })
  for (const step of (await plan('latest', false)).steps) await step.run()
  assert.deepEqual(await open().look(), [])
  for (const asked of [plan('earliest', false), plan('latest', true)]) {
    clock.advance(10)
    const [first] = (await asked).steps
    await first?.run()
    const [replay] = await open().look()
    assert.equal(replay?.resetAtMs, clock.nowMs())
  }
})
