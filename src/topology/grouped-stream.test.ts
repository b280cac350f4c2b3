import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { sessionWindows, tumblingWindows } from '../processors/windows.ts'
import { windowedSerde } from '../processors/windowed.ts'
import type { Windowed } from '../processors/windowed.ts'
import { defineTopology } from './define.ts'
import type { TopologyGraph } from './graph.ts'
import { jsonSerde, picker, testTopic, withHarness } from './graph-harness.test-support.ts'
import type { HarnessOptions, TestRecord } from './graph-harness.test-support.ts'

const numbers = testTopic<number>('numbers')
const out = testTopic<number>('out')
const windowed = { ...testTopic<number>('out'), keySerde: windowedSerde(numbers.keySerde) }
const numberValues = { valueSerde: jsonSerde<number>() }

type Sent = TestRecord<string, number>

const record: fc.Arbitrary<Sent> = fc.record({
  key: fc.constantFrom('a', 'b', 'c'),
  value: fc.integer({ min: 1, max: 9 }),
  timestampMs: fc.integer({ min: 0, max: 60 }),
})

const picks = fc.array(fc.nat(100), { minLength: 5, maxLength: 5 })

async function outputOf(graph: TopologyGraph, sent: readonly Sent[], options: HarnessOptions = {}) {
  return withHarness(graph, options, async (harness) => {
    harness.send(numbers, ...sent)
    await harness.run()
    const dropped = Object.fromEntries(harness.dropped)
    return { table: harness.table(out), records: harness.output(out), dropped }
  })
}

/** Only the values and times, in the order of arrival. */
function byKey<R>(sent: readonly Sent[], fold: (result: R | null, next: Sent) => R) {
  const rows: Record<string, R> = {}
  for (const next of sent) rows[next.key] = fold(rows[next.key] ?? null, next)
  return Object.fromEntries(Object.entries(rows).sort(([a], [b]) => (a < b ? -1 : 1)))
}

const folds = {
  count: {
    graph: (emit: 'per-record' | 'on-commit') =>
      defineTopology('t', (builder) => {
        builder
          .stream('numbers', numbers)
          .groupByKey('by-key')
          .count('count', { store: 'counts', emit })
          .toStream('changed')
          .to('out', out)
      }),
    model: (sent: readonly Sent[]) => byKey<number>(sent, (count) => (count ?? 0) + 1),
  },
  reduce: {
    graph: (emit: 'per-record' | 'on-commit') =>
      defineTopology('t', (builder) => {
        builder
          .stream('numbers', numbers)
          .groupByKey('by-key')
          .reduce('greatest', Math.max, { store: 'greatest', emit, ...numberValues })
          .toStream('changed')
          .to('out', out)
      }),
    model: (sent: readonly Sent[]) =>
      byKey<number>(sent, (most, { value }) => Math.max(most ?? value, value)),
  },
  aggregate: {
    graph: (emit: 'per-record' | 'on-commit') =>
      defineTopology('t', (builder) => {
        builder
          .stream('numbers', numbers)
          .groupBy('by-parity', (_key, value) => (value === null ? null : `p${value % 2}`), {
            keySerde: numbers.keySerde,
            ...numberValues,
          })
          .aggregate(
            'sum',
            () => 100,
            (_key, value, sum) => sum + value,
            { store: 'sums', emit, ...numberValues },
          )
          .toStream('changed')
          .to('out', out)
      }),
    model: (sent: readonly Sent[]) =>
      byKey<number>(
        sent.map((next) => ({ ...next, key: `p${next.value % 2}` })),
        (sum, { value }) => (sum ?? 100) + value,
      ),
  },
}

for (const [name, { graph, model }] of Object.entries(folds)) {
  test(`${name} equals a plain fold over the records, however they are partitioned and batched`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { maxLength: 30 }),
        fc.constantFrom(1, 3),
        fc.constantFrom<'per-record' | 'on-commit'>('per-record', 'on-commit'),
        picks,
        async (sent, partitionCount, emit, numbersOfPicks) => {
          const options = { partitionCount, pick: picker(numbersOfPicks) }
          const { table } = await outputOf(graph(emit), sent, options)
          assert.deepEqual(table, model(sent))
        },
      ),
      { numRuns: 80 },
    )
  })
}

test('an aggregate carries the greatest event time of what it holds', async () => {
  const { records } = await outputOf(folds.count.graph('per-record'), [
    { key: 'a', value: 1, timestampMs: 30 },
    { key: 'a', value: 1, timestampMs: 10 },
    { key: 'a', value: 1, timestampMs: 40 },
  ])
  assert.deepEqual(
    records.map(({ value, timestampMs }) => [value, timestampMs]),
    [
      [1, 30],
      [2, 30],
      [3, 40],
    ],
  )
})

test('an aggregator that answers null deletes the row, and the next value begins anew', async () => {
  const graph = defineTopology('t', (builder) => {
    builder
      .stream('numbers', numbers)
      .groupByKey('by-key')
      .aggregate(
        'sum-to-nine',
        () => 0,
        (_key, value, sum) => (sum + value >= 9 ? null : sum + value),
        { store: 'sums', ...numberValues },
      )
      .toStream('changed')
      .to('out', out)
  })
  const sent = [5, 4, 3].map((value, index) => ({ key: 'a', value, timestampMs: index }))
  const { records } = await outputOf(graph, sent)
  assert.deepEqual(
    records.map(({ value }) => value),
    [5, null, 3],
  )
})

test('records without a key or a value are counted, not folded', async () => {
  await withHarness(folds.count.graph('per-record'), {}, async (harness) => {
    harness.send(numbers, { key: 'a', value: null, timestampMs: 1 })
    harness.append(numbers.name, Buffer.from(''), {
      key: null,
      value: 1,
      timestampMs: 1,
      headers: [],
    })
    await harness.run()
    assert.deepEqual(Object.fromEntries(harness.dropped), { 'null-value': 1, 'null-key': 1 })
    assert.deepEqual(harness.output(out), [])
  })
})

test('a record whose group is null is counted before the repartition topic', async () => {
  await withHarness(folds.aggregate.graph('per-record'), {}, async (harness) => {
    harness.send(numbers, { key: 'a', value: null, timestampMs: 1 })
    await harness.run()
    assert.deepEqual(Object.fromEntries(harness.dropped), { 'null-key': 1 })
    assert.deepEqual(harness.output(out), [])
  })
})

function tumbling(sizeMs: number, graceMs: number): TopologyGraph {
  return defineTopology('t', (builder) => {
    builder
      .stream('numbers', numbers)
      .groupByKey('by-key')
      .windowedBy(tumblingWindows({ sizeMs, graceMs }))
      .aggregate(
        'sum',
        () => 0,
        (_key, value, sum) => sum + value,
        { store: 'sums', ...numberValues },
      )
      .toStream('changed')
      .to('out', windowed)
  })
}

const windowText = (window: Windowed<string>) => JSON.stringify(window)

test('tumbling windows take what is not late and drop the rest, as a plain model does', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(record, { maxLength: 40 }),
      fc.constantFrom(5, 10),
      fc.constantFrom(0, 7, 100),
      async (sent, sizeMs, graceMs) => {
        const sums: Record<string, number> = {}
        let streamTimeMs = -Infinity
        let late = 0
        for (const { key, value, timestampMs } of sent) {
          streamTimeMs = Math.max(streamTimeMs, timestampMs)
          const windowStartMs = timestampMs - (timestampMs % sizeMs)
          const window = { key, windowStartMs, windowEndMs: windowStartMs + sizeMs }
          if (window.windowEndMs + graceMs <= streamTimeMs) late += 1
          else sums[windowText(window)] = (sums[windowText(window)] ?? 0) + value
        }
        const { table, dropped } = await outputOf(tumbling(sizeMs, graceMs), sent)
        assert.deepEqual({ ...table }, { ...sums })
        assert.equal(dropped.late ?? 0, late)
      },
    ),
    { numRuns: 120 },
  )
})

test('a tumbling window begins at its first millisecond and ends before its last', async () => {
  const sent = [9, 10, 19, 20].map((timestampMs) => ({ key: 'a', value: 1, timestampMs }))
  const { table } = await outputOf(tumbling(10, 100), sent)
  const window = (startMs: number) =>
    windowText({ key: 'a', windowStartMs: startMs, windowEndMs: startMs + 10 })
  assert.deepEqual(table, { [window(0)]: 1, [window(10)]: 2, [window(20)]: 1 })
})

test('a window is closed once stream time has reached its end plus grace', async () => {
  const at = (timestampMs: number) => ({ key: 'a', value: 1, timestampMs })
  const open = await outputOf(tumbling(10, 5), [at(14), at(9)])
  assert.deepEqual(open.dropped, {})
  const closed = await outputOf(tumbling(10, 5), [at(15), at(9)])
  assert.deepEqual(closed.dropped, { late: 1 })
})

test('events before the epoch have windows too', async () => {
  const { table } = await outputOf(tumbling(10, 100), [{ key: 'a', value: 1, timestampMs: -1 }])
  assert.deepEqual(table, { [windowText({ key: 'a', windowStartMs: -10, windowEndMs: 0 })]: 1 })
})

function sessions(gapMs: number, graceMs: number): TopologyGraph {
  return defineTopology('t', (builder) => {
    builder
      .stream('numbers', numbers)
      .groupByKey('by-key')
      .windowedBy(sessionWindows({ gapMs, graceMs }))
      .aggregate(
        'sum',
        () => 0,
        (_key, value, sum) => sum + value,
        (_key, one, other) => one + other,
        { store: 'sums', ...numberValues },
      )
      .toStream('changed')
      .to('out', windowed)
  })
}

/** The records of each key in order of time, cut where two are further apart than the gap. */
function sessionsOf(sent: readonly Sent[], gapMs: number): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const key of new Set(sent.map((next) => next.key))) {
    const own = sent.filter((next) => next.key === key)
    own.sort((one, other) => one.timestampMs - other.timestampMs)
    let current: { window: Windowed<string>; sum: number } | null = null
    for (const { value, timestampMs } of own) {
      if (current !== null && timestampMs - current.window.windowEndMs <= gapMs) {
        current.window = { ...current.window, windowEndMs: timestampMs }
        current.sum += value
      } else {
        if (current !== null) sums[windowText(current.window)] = current.sum
        const window = { key, windowStartMs: timestampMs, windowEndMs: timestampMs }
        current = { window, sum: value }
      }
    }
    if (current !== null) sums[windowText(current.window)] = current.sum
  }
  return sums
}

test('sessions are the same in whatever order their events arrive, where none is late', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(record, { maxLength: 25 }),
      fc.constantFrom(1, 3, 8),
      fc.constantFrom(1, 2),
      picks,
      async (sent, gapMs, partitionCount, numbersOfPicks) => {
        const options = { partitionCount, pick: picker(numbersOfPicks) }
        const { table } = await outputOf(sessions(gapMs, 1000), sent, options)
        assert.deepEqual({ ...table }, sessionsOf(sent, gapMs))
      },
    ),
    { numRuns: 150 },
  )
})

test('late sessions are dropped as in a plain model of sessions by key', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(record, { maxLength: 40 }),
      fc.constantFrom(1, 4),
      fc.constantFrom(0, 6),
      async (sent, gapMs, graceMs) => {
        let open: { key: string; startMs: number; endMs: number; sum: number }[] = []
        let streamTimeMs = -Infinity
        let late = 0
        for (const { key, value, timestampMs } of sent) {
          streamTimeMs = Math.max(streamTimeMs, timestampMs)
          const isNear = (session: (typeof open)[number]) =>
            session.key === key &&
            session.endMs >= timestampMs - gapMs &&
            session.startMs <= timestampMs + gapMs
          const near = open.filter(isNear)
          const startMs = Math.min(timestampMs, ...near.map((session) => session.startMs))
          const endMs = Math.max(timestampMs, ...near.map((session) => session.endMs))
          if (endMs < streamTimeMs - graceMs - gapMs) {
            late += 1
            continue
          }
          const sum = near.reduce((total, session) => total + session.sum, value)
          open = [
            ...open.filter((session) => !near.includes(session)),
            { key, startMs, endMs, sum },
          ]
        }
        const expected = Object.fromEntries(
          open.map(({ key, startMs, endMs, sum }) => [
            windowText({ key, windowStartMs: startMs, windowEndMs: endMs }),
            sum,
          ]),
        )
        const { table, dropped } = await outputOf(sessions(gapMs, graceMs), sent)
        assert.deepEqual({ ...table }, expected)
        assert.equal(dropped.late ?? 0, late)
      },
    ),
    { numRuns: 150 },
  )
})

test('a session that joins two others deletes both', async () => {
  const at = (timestampMs: number) => ({ key: 'a', value: 1, timestampMs })
  const { records } = await outputOf(sessions(5, 100), [at(10), at(20), at(15)])
  const seen = records.map(({ key, value }) => {
    const { windowStartMs, windowEndMs } = key as unknown as Windowed<string>
    return [windowStartMs, windowEndMs, value]
  })
  assert.deepEqual(seen, [
    [10, 10, 1],
    [20, 20, 1],
    [10, 10, null],
    [20, 20, null],
    [10, 20, 3],
  ])
})

test('sums over sessions stay right when a session is updated within its bounds', async () => {
  const graph = defineTopology('t', (builder) => {
    builder
      .stream('numbers', numbers)
      .groupByKey('by-key')
      .windowedBy(sessionWindows({ gapMs: 3, graceMs: 1000 }))
      .count('count', { store: 'counts' })
      .groupBy('all', (_window, count) => ['all', count], {
        keySerde: numbers.keySerde,
        ...numberValues,
      })
      .reduce(
        'total',
        (sum, count) => sum + count,
        (sum, count) => sum - count,
        { store: 'total' },
      )
      .toStream('changed')
      .to('out', out)
  })
  await fc.assert(
    fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 30 }), async (sent) => {
      const { table } = await outputOf(graph, sent, { partitionCount: 2 })
      assert.deepEqual(table, { all: sent.length })
    }),
    { numRuns: 60 },
  )
})
