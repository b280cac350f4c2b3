import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { topicName } from '../core/record.ts'
import { stringSerde } from '../core/serde.ts'
import type { TopicDefinition } from '../core/topic.ts'
import { defineTopology } from '../topology/define.ts'
import { TopologyTestDriver } from './topology-test-driver.ts'

interface Word {
  readonly word: string
  readonly at: number
}

const words: TopicDefinition<string, Word> = {
  name: topicName('words'),
  keySerde: stringSerde,
  keyOf: ({ word }) => (word === '' ? null : word),
  eventTimeMsOf: ({ at }) => at,
  schema: {
    type: 'record',
    name: 'Word',
    fields: [
      { name: 'word', type: 'string' },
      { name: 'at', type: 'long' },
    ],
  },
  cleanupPolicy: 'delete',
  retentionMs: null,
}

const counts: TopicDefinition<string, { count: number }> = {
  name: topicName('counts'),
  keySerde: stringSerde,
  schema: { type: 'record', name: 'Count', fields: [{ name: 'count', type: 'long' }] },
  cleanupPolicy: 'compact',
  retentionMs: null,
}

const counting = defineTopology('counting', (builder) => {
  builder
    .stream('word', words)
    .groupByKey('by-word')
    .count('count', { store: 'counts' })
    .toStream('counted')
    .mapValues('as-row', (count) => ({ count: count ?? 0 }))
    .to('counts-out', counts)
})

/** The first letter of each word, counted: two sub-topologies with a repartition topic between them. */
const initials = defineTopology('initials', (builder) => {
  builder
    .stream('word', words)
    .groupBy('by-initial', (_word, value) => value?.word[0] ?? '', {
      keySerde: stringSerde,
      valueSerde: {
        serialize: (value) => Buffer.from(JSON.stringify(value)),
        deserialize: (bytes) => JSON.parse(bytes.toString()) as Word,
      },
    })
    .count('count', { store: 'initial-counts', emit: 'on-commit' })
    .toStream('counted')
    .mapValues('as-row', (count) => ({ count: count ?? 0 }))
    .to('counts-out', counts)
})

test('what is piped in comes out as records of the sink topics, and stays in the stores', async () => {
  const driver = await TopologyTestDriver.open(counting)
  await driver.pipe(words, [
    { value: { word: 'b', at: 1 } },
    { value: { word: 'a', at: 2 } },
    { value: { word: 'b', at: 3 } },
  ])
  const rows = (await driver.read(counts)).map(({ key, value, timestampMs }) => [
    key,
    Number(value?.count),
    timestampMs,
  ])
  assert.deepEqual(rows, [
    ['b', 1, 1],
    ['a', 1, 2],
    ['b', 2, 3],
  ])
  assert.deepEqual(await driver.read(counts), [], 'what was read is not read again')
  const entries = await driver.store<string, { value: number }>('counts').entries()
  assert.deepEqual(
    entries.map(({ key }) => key),
    ['a', 'b'],
  )
  assert.equal(driver.counts().processed, 3)
  await driver.close()
})

test('a value that no codec can read goes to quarantine with its bytes, and the rest goes on', async () => {
  const driver = await TopologyTestDriver.open(counting)
  await driver.send(words, [{ value: { word: 'a', at: 1 } }])
  const record = { key: Buffer.from('a'), value: Buffer.from('not avro'), timestampMs: 2 }
  await driver.sendEncoded(words.name, [{ record }])
  await driver.send(words, [{ value: { word: 'a', at: 3 } }, { value: { word: '', at: 4 } }])
  await driver.run()
  const kept = (await driver.readQuarantine()).map(({ value }) => value)
  assert.deepEqual(
    kept.map((entry) => [
      entry?.check,
      entry?.topic,
      entry?.offset,
      entry?.record_value?.toString(),
    ]),
    [
      ['FRAME_INVALID', 'words', 1, 'not avro'],
      ['KEY_MISSING', 'words', 3, kept[1]?.record_value?.toString()],
    ],
  )
  assert.equal(driver.counts().quarantined, 2)
  assert.equal((await driver.readLatest(counts)).get('a')?.count, 2)
  await driver.close()
})

test('a restart forgets nothing that was committed and nothing that was not processed', async () => {
  const driver = await TopologyTestDriver.open(counting, { batchRecordsMax: 2 })
  await driver.send(
    words,
    Array.from({ length: 5 }, (_, at) => ({ value: { word: 'a', at } })),
  )
  await driver.run(1)
  assert.equal(driver.counts().processed, 2)
  await driver.restart()
  await driver.run()
  assert.deepEqual(
    (await driver.read(counts)).map(({ value }) => Number(value?.count)),
    [1, 2, 3, 4, 5],
  )
  await driver.close()
})

test('the end is the same for any order, partitioning, batching and turn of tasks', async () => {
  const cases = fc.record({
    input: fc.array(fc.constantFrom('ant', 'bee', 'ape', 'bat', 'cat'), { maxLength: 30 }),
    partitionCount: fc.constantFrom(1, 3, 8),
    batchRecordsMax: fc.integer({ min: 1, max: 10 }),
    restartAfter: fc.nat(5),
    picks: fc.infiniteStream(fc.nat(1000)),
  })
  const property = fc.asyncProperty(cases, async (given) => {
    const { input, partitionCount, batchRecordsMax, restartAfter } = given
    const pick = (below: number) => (given.picks.next().value ?? 0) % below
    const driver = await TopologyTestDriver.open(initials, {
      partitionCount,
      batchRecordsMax,
      pick,
    })
    await driver.send(
      words,
      input.map((word, at) => ({ value: { word, at } })),
    )
    await driver.run(restartAfter)
    await driver.restart()
    await driver.run()
    const expected = new Map<string, number>()
    for (const [initial] of input) {
      if (initial !== undefined) expected.set(initial, (expected.get(initial) ?? 0) + 1)
    }
    const found = [...(await driver.readLatest(counts))].map(
      ([key, { count }]) => [key, count] as const,
    )
    assert.deepEqual(new Map(found), expected)
    await driver.close()
  })
  await fc.assert(property, { numRuns: 200 })
})

test('a punctuation by the wall clock runs when the clock is moved', async () => {
  const ticking = defineTopology('ticking', (builder) => {
    builder
      .stream('word', words)
      .process<string, { count: number }>('tick', {
        supplier: () => {
          let seen = 0
          return {
            init: (context) => {
              context.schedule(1000, 'wall-clock-time', (timestampMs) => {
                context.forward({
                  key: 'tick',
                  value: { count: seen },
                  timestampMs,
                  headers: [],
                })
              })
            },
            process: () => {
              seen += 1
            },
          }
        },
      })
      .to('ticks', counts)
  })
  const driver = await TopologyTestDriver.open(ticking, { wallClockMs: 500 })
  await driver.pipe(words, [{ value: { word: 'a', at: 1 } }])
  await driver.advanceWallClock(999)
  assert.deepEqual(await driver.read(counts), [])
  await driver.advanceWallClock(1)
  const [tick] = await driver.read(counts)
  assert.deepEqual([tick?.key, Number(tick?.value?.count), tick?.timestampMs], ['tick', 1, 1500])
  await driver.close()
})
