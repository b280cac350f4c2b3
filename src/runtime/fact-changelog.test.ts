/** Stores whose changelog is a fact topic: what their commits write, and the state that comes back of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import fc from 'fast-check'
import { present } from '../core/assert.ts'
import { systemClock } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'
import { topicName } from '../core/record.ts'
import type { Partition } from '../core/record.ts'
import { stringSerde } from '../core/serde.ts'
import type { TopicDefinition } from '../core/topic.ts'
import type { Processor, ProcessorContext, StreamRecord } from '../processors/processor.ts'
import { dataKey } from '../state/key-layout.ts'
import { openMemoryStorage } from '../state/memory-backend.ts'
import type { KeyValueStore } from '../state/stores.ts'
import { defineTopology } from '../topology/define.ts'
import type { TopologyGraph } from '../topology/graph.ts'
import { keyValueStore } from '../topology/stores.ts'
import { words } from './test-support/counting.ts'
import type { Word } from './test-support/counting.ts'
import { readAll, readLatest, send, testRuntime, until } from './test-support/harness.ts'
import { jsonCodec, schemaOf } from './test-support/json-codec.ts'
import { TestCluster } from './test-support/test-cluster.ts'

interface Fact {
  readonly count: number
  readonly lastId: string
  readonly event_time: number
}

const factSerde = {
  serialize: (fact: Fact) => Buffer.from(JSON.stringify(fact)),
  deserialize: (bytes: Buffer) => JSON.parse(bytes.toString()) as Fact,
}
const facts: TopicDefinition<string, Fact> = {
  name: topicName('facts'),
  keySerde: stringSerde,
  schema: schemaOf('fact'),
  eventTimeMsOf: ({ event_time: eventTimeMs }) => eventTimeMs,
  cleanupPolicy: 'compact',
  retentionMs: null,
}
const seen: TopicDefinition<string, Fact> = { ...facts, name: topicName('seen') }

/** A word whose id begins with "x" takes the row away. */
const next = ({ id, atMs }: Word, before: Fact | null): Fact | null =>
  id.startsWith('x') ? null : { count: (before?.count ?? 0) + 1, lastId: id, event_time: atMs }

const tables = defineTopology('tables', (builder) => {
  builder
    .stream('word', words)
    .groupByKey('by-word')
    .aggregate(
      'count',
      (): Fact | null => null,
      (_key, word, before) => next(word, before),
      { store: 'counts', valueSerde: factSerde, changelog: facts },
    )
    .toStream('counted')
    .to('seen-out', seen)
})

class Counting implements Processor<string, Word> {
  #store!: KeyValueStore<string, Fact>

  init(context: ProcessorContext): void {
    this.#store = context.store('counts')
  }

  process({ key, value }: StreamRecord<string, Word>): void {
    const fact = next(value, this.#store.get(key) ?? null)
    if (fact === null) this.#store.delete(key)
    else this.#store.put(key, fact)
  }
}

const processors = defineTopology('processors', (builder) => {
  const store = keyValueStore('counts', facts.keySerde, factSerde, { changelog: facts })
  builder
    .stream('word', words)
    .process('count', { stores: [store], supplier: () => new Counting() as never })
})

async function open(t: TestContext, graph: TopologyGraph, standbys = 0): Promise<TestCluster> {
  const cluster = await TestCluster.open([graph], { numStandbyReplicas: standbys })
  t.after(() => cluster.close())
  return cluster
}

/** What an instance holds of the store, all partitions, byte by byte. */
async function stateOf(cluster: TestCluster, graph: TopologyGraph, name: string) {
  const { state } = present(cluster.states.get(name), name)
  const rows: [string, string][] = []
  for (let at = 0; at < 4; at += 1) {
    const store = `${graph.name}.counts` as never
    const rowsOnly = { from: dataKey(''), entriesMax: 1000 }
    const entries = await state.scan({ store, partition: at as Partition, ...rowsOnly })
    for (const { key, value } of entries) {
      rows.push([key.toString('latin1'), value.toString('latin1')])
    }
  }
  return rows
}

function expectedOf(all: readonly Word[]): Map<string, Fact | null> {
  const expected = new Map<string, Fact | null>()
  for (const word of all) expected.set(word.word, next(word, expected.get(word.word) ?? null))
  return expected
}

function asExpected(latest: ReadonlyMap<string, unknown>, all: readonly Word[]): void {
  const there = (rows: Iterable<[string, unknown]>) =>
    new Map([...rows].filter(([, value]) => value !== null))
  assert.deepEqual(there(latest), there(expectedOf(all)))
}

const wordsOf = (...texts: string[]): Word[] =>
  texts.map((text, atMs) => ({ id: text.slice(1), word: text.slice(0, 1), atMs }))

const isRunning = (cluster: TestCluster, name: string) => () => {
  const { tasks } = present(cluster.runtimes.get(name), name).status()
  return tasks.length === 4 && tasks.every(({ state }) => state === 'RUNNING')
}

const input = fc.record({
  id: fc.constantFrom('1', '2', 'x'),
  word: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
})

for (const graph of [tables, processors]) {
  test(`state restored from facts is what it was, and goes on as if it were kept: ${graph.name}`, async () => {
    const rounds = fc.array(fc.array(input, { maxLength: 8 }), { maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(rounds, async (batches) => {
        const cluster = await TestCluster.open([graph])
        try {
          const all: Word[] = []
          let atMs = 0
          for (const [round, batch] of [...batches, []].entries()) {
            const values = batch.map((each) => ({ ...each, atMs: (atMs += 1) }))
            const name = `${round}`
            const runtime = await cluster.start(name)
            await send(cluster.log, words, values)
            all.push(...values)
            await runtime.whenIdle()
            await until('all tasks run', isRunning(cluster, name))
            await cluster.stop(name)
          }
          asExpected(await readLatest(cluster.log, facts.name), all)
          const last = batches.length
          const restored = await stateOf(cluster, graph, `${last}`)
          if (last > 0) assert.deepEqual(restored, await stateOf(cluster, graph, `${last - 1}`))
        } finally {
          await cluster.close()
        }
      }),
      { numRuns: 15 },
    )
  })
}

test('a commit writes one record for each row it has changed, and there is no other changelog', async (t) => {
  const cluster = await open(t, tables)
  const first = await cluster.start('one')
  await first.whenIdle()
  await cluster.stop('one')
  await send(cluster.log, words, wordsOf('a1', 'b1', 'a2', 'a3', 'c1', 'cx', 'b2', 'bx'))
  const one = await cluster.start('one', { limits: { commitIntervalMs: 60_000 } })
  await one.whenIdle()
  await cluster.stop('one')
  // All in one commit a task: `c` came and went, `b` as well.
  const written = await readAll(cluster.log, facts.name)
  assert.deepEqual(
    written.filter(({ value }) => value !== null).map(({ key, value }) => [key, value]),
    [['a', { count: 3, lastId: '3', event_time: 3 }]],
  )
  assert.equal(written.filter(({ key }) => key === 'a').length, 1)
  assert.equal((await readAll(cluster.log, seen.name)).length, 8)
  const names = (await cluster.log.describeTopics()).map(({ name }) => name)
  assert.deepEqual(
    names.filter((name) => name.endsWith('-changelog')),
    [],
  )
})

test('facts are written all the same where the log keeps the state itself', async (t) => {
  const storage = await openMemoryStorage({ clock: systemClock })
  const runtime = testRuntime([tables], storage)
  t.after(async () => {
    await runtime.stop()
    await storage.close()
  })
  await runtime.start()
  const all = wordsOf('a1', 'b1', 'a2', 'bx', 'c1')
  await send(storage.log, words, all)
  await runtime.whenIdle()
  asExpected(await readLatest(storage.log, facts.name), all)
  const { produced } = runtime.status().totals
  const written = await readAll(storage.log, facts.name)
  assert.equal(produced, written.length + (await readAll(storage.log, seen.name)).length)
})

test('a row that is gone is a tombstone, and stays gone when state is restored', async (t) => {
  const cluster = await open(t, tables)
  const one = await cluster.start('one')
  await send(cluster.log, words, wordsOf('a1', 'b1'))
  await one.whenIdle()
  await send(cluster.log, words, wordsOf('ax'))
  await one.whenIdle()
  await cluster.stop('one')
  assert.deepEqual(
    (await readAll(cluster.log, facts.name)).filter(({ key }) => key === 'a').at(-1)?.value,
    null,
  )
  const two = await cluster.start('two')
  await send(cluster.log, words, wordsOf('a7'))
  await two.whenIdle()
  assert.deepEqual((await readLatest(cluster.log, facts.name)).get('a'), {
    count: 1,
    lastId: '7',
    event_time: 0,
  })
})

for (const step of [1, 2, 3, 4, 5, 6] as const) {
  test(`a crash after step ${step} of the commit leaves facts, offsets and state together`, async (t) => {
    const cluster = await open(t, tables)
    const all = Array.from({ length: 60 }, (_, at) => ({
      id: at % 7 === 6 ? 'x' : `${at}`,
      word: `${at % 5}`,
      atMs: at,
    }))
    // Behind step 4 the transaction stands, and must not be aborted.
    const code = step === 4 ? 'RESTORE_FAILED' : 'PROCESSING_FAILED'
    const crashing = async (commitsBefore: number) => {
      let commitsLeft = commitsBefore
      const runtime = await cluster.start('one', {
        limits: { batchRecordsMax: 3, turnRecordsMax: 3, taskRestartsMax: 0 },
        onCommitStep: (at) => {
          if (at === 1) commitsLeft -= 1
          if (at === step && commitsLeft <= 0) throw new TidemarkError(code, 'crashed by the test')
        },
      })
      return runtime
    }
    const first = await crashing(3)
    await send(cluster.log, words, all.slice(0, 40))
    await first.failed
    await cluster.stop('one').catch(() => undefined)
    const second = await crashing(2)
    await send(cluster.log, words, all.slice(40))
    await second.failed
    await cluster.stop('one').catch(() => undefined)
    const last = await cluster.start('one')
    await last.whenIdle()
    await until('all tasks run', isRunning(cluster, 'one'))
    // Only what was committed and is not in the state is read again.
    const { restored } = last.status()
    assert.equal(
      restored.some(({ restored: count }) => count > 0),
      step === 4,
    )
    assert.ok(restored.some(({ fromScratch }) => fromScratch === null))
    await cluster.stop('one')
    asExpected(await readLatest(cluster.log, facts.name), all)
    const anew = await cluster.start('two')
    await anew.whenIdle()
    await until('all tasks run', isRunning(cluster, 'two'))
    await cluster.stop('two')
    assert.deepEqual(await stateOf(cluster, tables, 'two'), await stateOf(cluster, tables, 'one'))
  })
}

test('a local state lacks only the tail of its facts after a restart', async (t) => {
  const cluster = await open(t, tables)
  const one = await cluster.start('one')
  await send(cluster.log, words, wordsOf('a1', 'b1', 'c1', 'd1', 'e1'))
  await one.whenIdle()
  await cluster.stop('one')
  const again = await cluster.start('one')
  await until('all tasks run', isRunning(cluster, 'one'))
  const { restored } = again.status()
  assert.deepEqual([...new Set(restored.map(({ topic }) => topic))], ['facts'])
  assert.equal(
    restored.reduce((sum, each) => sum + each.restored, 0),
    0,
  )
  assert.ok(restored.some(({ fromScratch }) => fromScratch === null))
})

test('a standby follows the facts, and its task is taken over in place', async (t) => {
  const cluster = await open(t, tables, 1)
  const one = await cluster.start('one')
  const two = await cluster.start('two')
  await until('tasks and standbys are with both', () => {
    const tasks = one.hostsOf(tables.name)?.tasks ?? []
    const owners = new Set(tasks.map(({ active }) => active))
    return owners.size === 2 && tasks.every((task) => task.standbys.length === 1)
  })
  const all = Array.from({ length: 40 }, (_, at) => ({
    id: `${at}`,
    word: `${at % 9}`,
    atMs: at,
  }))
  await send(cluster.log, words, all)
  await cluster.whenIdle()
  const followed = () => two.status().standbys
  await until('the standbys have all', async () => {
    const rows = await stateOf(cluster, tables, 'two')
    return rows.length === 9 && followed().every(({ lag }) => lag === 0)
  })
  const taken = followed().map(({ taskId }) => taskId)
  await cluster.stop('one')
  await until('two runs everything', isRunning(cluster, 'two'))
  for (const each of two.status().restored.filter(({ taskId }) => taken.includes(taskId))) {
    assert.deepEqual([each.fromScratch, each.restored], [null, 0], each.taskId)
  }
  const more = [{ id: '40', word: '0', atMs: 40 }]
  await send(cluster.log, words, more)
  await two.whenIdle()
  asExpected(await readLatest(cluster.log, facts.name), [...all, ...more])
})

test('rows that would not come back as they are stop the task before anything is lost', async (t) => {
  const cluster = await open(t, tables)
  const forgetful = () => ({
    ...jsonCodec(),
    encode: (value: unknown) => Buffer.from(JSON.stringify({ ...(value as Fact), lastId: '' })),
  })
  const one = await cluster.start('one', { codecs: forgetful })
  await send(cluster.log, words, wordsOf('a1'))
  const failure = await one.failed
  assert.match(
    String(failure),
    /row of store counts cannot be written to topic facts.*comes back as another one.*have the schema hold all/,
  )
  await cluster.stop('one').catch(() => undefined)
  assert.deepEqual(await readAll(cluster.log, facts.name), [])
})

test('a key that belongs to another partition than its task stops the task', async (t) => {
  const store = keyValueStore('counts', facts.keySerde, factSerde, { changelog: facts })
  /** All under one key, in whatever task. */
  class Gathering implements Processor<string, Word> {
    #store!: KeyValueStore<string, Fact>

    init(context: ProcessorContext): void {
      this.#store = context.store('counts')
    }

    process({ value }: StreamRecord<string, Word>): void {
      this.#store.put('all', { count: 1, lastId: value.id, event_time: 0 })
    }
  }
  const gathering = defineTopology('gathering', (builder) => {
    builder
      .stream('word', words)
      .process('gather', { stores: [store], supplier: () => new Gathering() as never })
  })
  const cluster = await open(t, gathering)
  const one = await cluster.start('one')
  await send(cluster.log, words, wordsOf('a1', 'b1', 'c1', 'd1', 'e1'))
  assert.match(String(await one.failed), /its key belongs to partition \d and the task has \d/)
})
