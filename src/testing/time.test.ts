import assert from 'node:assert/strict'
import { test } from 'node:test'
import { topicName } from '../core/record.ts'
import { stringSerde } from '../core/serde.ts'
import type { TopicDefinition } from '../core/topic.ts'
import type { Windowed } from '../processors/windowed.ts'
import { defineTopology } from '../topology/define.ts'
import type { TopologyBuilder } from '../topology/define.ts'
import type { TopologyGraph } from '../topology/graph.ts'
import type { KTable } from '../topology/streams.ts'
import { TopologyTestDriver } from './topology-test-driver.ts'

interface Tick {
  readonly key: string
  readonly at: number
}

function topic<V>(name: string, field: string, keyOf: (value: V) => string) {
  const schema = {
    type: 'record',
    name,
    fields: [
      { name: 'key', type: 'string' },
      { name: field, type: 'long' },
    ],
  }
  const definition: TopicDefinition<string, V> = {
    name: topicName(name),
    keySerde: stringSerde,
    keyOf,
    schema,
    cleanupPolicy: 'delete',
    retentionMs: null,
  }
  return definition
}

const ticks: TopicDefinition<string, Tick> = {
  ...topic<Tick>('ticks', 'at', ({ key }) => key),
  eventTimeMsOf: ({ at }) => at,
}
const sums = topic<{ key: string; count: number }>('sums', 'count', ({ key }) => key)

const windowed = defineTopology('windowed', (builder) => {
  builder
    .stream('tick', ticks)
    .groupByKey('by-key')
    .windowedBy({ kind: 'tumbling', sizeMs: 10, graceMs: 5 })
    .count('count', { store: 'windows' })
    .toStream('counted')
    .map(
      'row',
      ({ key, windowStartMs }, count) => [
        `${key}@${windowStartMs}`,
        { key: `${key}@${windowStartMs}`, count: count ?? 0 },
      ],
      { keySerde: stringSerde },
    )
    .to('out', sums)
})

/** Tells the stream time of each punctuation. */
const punctuating = defineTopology('punctuating', (builder) => {
  builder
    .stream('tick', ticks)
    .process<string, { key: string; count: number }>('tell', {
      supplier: () => ({
        init: (context) => {
          context.schedule(100, 'stream-time', (timestampMs) => {
            const value = { key: 'at', count: timestampMs }
            context.forward({ key: 'at', value, timestampMs, headers: [] })
          })
        },
        process: () => undefined,
      }),
    })
    .to('out', sums)
})

async function open(graph: TopologyGraph, options = {}): Promise<TopologyTestDriver> {
  return TopologyTestDriver.open(graph, options)
}

for (const batchRecordsMax of [1, 2, 100]) {
  test(`late records are dropped and counted alike in batches of ${batchRecordsMax}`, async () => {
    const driver = await open(windowed, { batchRecordsMax })
    // The window [0, 10) closes at stream time 15: 14 keeps it open, 15 closes it.
    const times = [1, 14, 2, 15, 3, 12]
    await driver.pipe(
      ticks,
      times.map((at) => ({ value: { key: 'k', at } })),
    )
    const rows = await driver.readLatest(sums)
    const found = [...rows.values()].map(({ key, count }) => [key, count])
    assert.deepEqual(found, [
      ['k@0', 2],
      ['k@10', 3],
    ])
    const { late, drops } = driver.counts()
    assert.equal(late, 1)
    assert.deepEqual(drops, [{ node: 'count', reason: 'late', count: 1 }])
    await driver.close()
  })
}

test('on a quiet topic stream time goes on with the wall clock, after idleAdvanceAfterMs', async () => {
  const driver = await open(punctuating, { limits: { idleAdvanceAfterMs: 50 } })
  const told = async () => (await driver.read(sums)).map(({ value }) => Number(value?.count))
  await driver.pipe(ticks, [{ value: { key: 'k', at: 1000 } }])
  assert.deepEqual(await told(), [1000])
  await driver.advanceWallClock(49)
  assert.deepEqual(await told(), [])
  await driver.advanceWallClock(51)
  assert.deepEqual(await told(), [1100])
  await driver.close()
})

/** Hands each window on once, when it has closed. */
const final = defineTopology('final', (builder) => {
  builder
    .stream('tick', ticks)
    .groupByKey('by-key')
    .windowedBy({ kind: 'tumbling', sizeMs: 10, graceMs: 5 })
    .count('count', { store: 'windows' })
    .suppress('final', { kind: 'until-window-closes' }, { store: 'waiting' })
    .toStream('counted')
    .map('row', ({ key }, count) => [key, { key, count: count ?? 0 }], { keySerde: stringSerde })
    .to('out', sums)
})

test('on a quiet topic a suppressed window goes out half a minute later, and only once', async () => {
  const driver = await open(final)
  await driver.pipe(ticks, [{ value: { key: 'k', at: 1000 } }, { value: { key: 'k', at: 1001 } }])
  await driver.advanceWallClock(29_999)
  assert.deepEqual(await driver.read(sums), [])
  await driver.advanceWallClock(1)
  const [row, ...more] = await driver.read(sums)
  assert.equal(Number(row?.value?.count), 2)
  assert.deepEqual(more, [])
  await driver.restart()
  await driver.advanceWallClock(60_000)
  assert.deepEqual(await driver.read(sums), [])
  await driver.pipe(ticks, [{ value: { key: 'k', at: 1002 } }])
  assert.equal(driver.counts().late, 1, 'the window stays closed')
  await driver.close()
})

const sessions = { kind: 'session', gapMs: 5, graceMs: 0 } as const

/** Sessions of "k" alone, so that other keys bring nothing but time; each as "start/end", once it has closed. */
const finalSessions = {
  suppressed: defineTopology('suppressed', (builder) => {
    const counted = sessionsOfK(builder).count('count', { store: 'sessions' })
    const closed = counted.suppress('final', { kind: 'until-window-closes' }, { store: 'waiting' })
    boundsOut(closed)
  }),
  'handed on as they close': defineTopology('on-close', (builder) => {
    const emit = 'on-window-close'
    boundsOut(sessionsOfK(builder).count('count', { store: 'sessions', emit }))
  }),
}

function sessionsOfK(builder: TopologyBuilder) {
  return builder
    .stream('tick', ticks)
    .filter('of-k', (key) => key === 'k')
    .groupByKey('by-key')
    .windowedBy(sessions)
}

function boundsOut(table: KTable<Windowed<string>, number>): void {
  table
    .toStream('closed')
    .map(
      'row',
      ({ windowStartMs, windowEndMs }, count) => {
        const key = `${windowStartMs}/${windowEndMs}`
        return [key, { key, count: count ?? 0 }]
      },
      { keySerde: stringSerde },
    )
    .to('out', sums)
}

for (const [how, graph] of Object.entries(finalSessions)) {
  for (const batchRecordsMax of [1, 100]) {
    test(`sessions ${how}: one that has closed is final, in batches of ${batchRecordsMax}`, async () => {
      const driver = await open(graph, { batchRecordsMax })
      // 30 closes the session at 20; 25 is not late, and near enough to have joined it.
      const given: Tick[] = [
        { key: 'k', at: 20 },
        { key: 'other', at: 30 },
        { key: 'k', at: 25 },
        { key: 'other', at: 40 },
      ]
      await driver.pipe(
        ticks,
        given.map((value) => ({ value })),
      )
      const found = await driver.read(sums)
      assert.deepEqual(
        found.map(({ key }) => key),
        ['20/20', '20/25'],
      )
      await driver.close()
    })
  }
}

test('without idleAdvanceAfterMs stream time stays where the last record has put it', async () => {
  const driver = await open(punctuating, { limits: { idleAdvanceAfterMs: null } })
  await driver.pipe(ticks, [{ value: { key: 'k', at: 1000 } }])
  await driver.read(sums)
  await driver.advanceWallClock(1_000_000)
  assert.deepEqual(await driver.read(sums), [])
  await driver.close()
})

test('stream time survives a restart, so what was late before it is late after it', async () => {
  const driver = await open(windowed)
  await driver.pipe(ticks, [{ value: { key: 'k', at: 100 } }])
  await driver.restart()
  await driver.pipe(ticks, [{ value: { key: 'k', at: 1 } }])
  assert.equal(driver.counts().late, 1)
  await driver.close()
})
