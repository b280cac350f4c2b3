/**
 * Random operations on the typed stores against plain maps: with commits that overlap the next batch, discards,
 * reopening, expiry, and memory budgets from nothing to plenty.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { partition, storeName } from '../core/record.ts'
import type { StateBackend, StateChange } from '../core/state.ts'
import type { BackendPlace } from './stores-setting.test-suite.ts'
import { MemoryBudget } from './memory-budget.ts'
import type { KeyValueStore, SessionStore, StoreDefinition, WindowStore } from './stores.ts'
import { openTaskStores } from './task-stores.ts'
import type { TaskStores } from './task-stores.ts'
import { jsonSerde, latin1Serde } from './stores-setting.test-suite.ts'

const name = storeName('model')
const task = partition(3)

/** Keys that are prefixes of each other, and that look like the times in a suffix. */
const keys = ['', 'a', 'a\x80\0\0\0\0\0\0\x05', 'ÿÿ']
const key = fc.constantFrom(...keys)
/** Few, so that steps meet. */
const time = fc.constantFrom(-5, 0, 5, 10, 15, 30)
const value = fc.integer({ min: 0, max: 999 })
/** Nothing stays after a commit, some of it does, all of it does. */
const budgetBytes = fc.constantFrom(0, 1500, 1_000_000)

/** What happens while a read is under way. */
const interruptions = ['nothing', 'begin', 'end', 'commit', 'discard'] as const
const during = fc.constantFrom(...interruptions)
type During = (typeof interruptions)[number]

const lifecycle = (...advanceMs: number[]) =>
  fc.oneof(
    fc.record({ op: fc.constant('commit' as const) }),
    fc.record({ op: fc.constant('begin' as const) }),
    fc.record({ op: fc.constant('end' as const) }),
    fc.record({ op: fc.constant('discard' as const) }),
    fc.record({ op: fc.constant('reopen' as const) }),
    fc.record({ op: fc.constant('advance' as const), byMs: fc.constantFrom(...advanceMs) }),
    fc.record({
      op: fc.constant('expire' as const),
      entriesMax: fc.integer({ min: 1, max: 5 }),
      during,
    }),
  )
type LifecycleStep = StepOf<ReturnType<typeof lifecycle>>

interface State<Entry> {
  entries: Map<string, Entry>
  streamTimeMs: number
}

/** The stores under test beside the model of them. */
class Bench<Entry> {
  readonly #place: BackendPlace
  readonly #definition: StoreDefinition
  backend!: StateBackend
  stores!: TaskStores
  readonly budget: MemoryBudget
  now: State<Entry> = { entries: new Map(), streamTimeMs: 0 }
  #committed: State<Entry> = { entries: new Map(), streamTimeMs: 0 }
  #committing: { state: State<Entry>; changes: StateChange[] } | null = null

  constructor(place: BackendPlace, definition: StoreDefinition, budgetBytes: number) {
    this.budget = new MemoryBudget(budgetBytes)
    this.#place = place
    this.#definition = definition
  }

  async open(): Promise<this> {
    this.backend = await this.#place.open()
    const { backend, budget } = this
    this.stores = openTaskStores({
      definitions: [this.#definition],
      partition: task,
      backend,
      budget,
    })
    this.stores.advanceStreamTime(this.#committed.streamTimeMs)
    // An empty commit, so that a discard leads back to this stream time.
    this.stores.pendingChanges()
    this.stores.committed()
    this.now = copyOf(this.#committed)
    return this
  }

  begin(): void {
    if (this.#committing !== null) return
    this.#committing = { state: copyOf(this.now), changes: this.stores.pendingChanges() }
  }

  async end(): Promise<void> {
    if (this.#committing === null) return
    const { state, changes } = this.#committing
    await this.backend.write(changes)
    this.stores.committed()
    this.#committed = state
    this.#committing = null
  }

  async commit(): Promise<void> {
    await this.end()
    this.begin()
    await this.end()
  }

  /** Runs a read of the stores, with something else happening while it is under way. */
  async read<T>(during: During, start: () => Promise<T>): Promise<T> {
    const reading = start()
    if (during === 'begin') this.begin()
    if (during === 'end') await this.end()
    if (during === 'commit') await this.commit()
    if (during === 'discard') this.discard()
    const answer = await reading
    // Here the stores may have forgotten what was read: a batch reads after the commit before it has begun.
    return during === 'commit' || during === 'discard' ? start() : answer
  }

  discard(): void {
    this.stores.discard()
    this.#committing = null
    this.now = copyOf(this.#committed)
  }

  async reopen(): Promise<void> {
    this.#committing = null
    this.stores.close()
    assert.equal(this.budget.usedBytes, 0)
    await this.backend.close()
    await this.open()
  }

  async lifecycle(step: LifecycleStep): Promise<void> {
    switch (step.op) {
      case 'commit':
        return this.commit()
      case 'begin':
        this.begin()
        return
      case 'end':
        return this.end()
      case 'discard':
        this.discard()
        return
      case 'reopen':
        return this.reopen()
      case 'advance':
        this.now.streamTimeMs += step.byMs
        this.stores.advanceStreamTime(this.now.streamTimeMs)
        return
      case 'expire': {
        const { during, entriesMax } = step
        const count = await this.read(during, () => this.stores.expire(entriesMax))
        assert.ok(count <= entriesMax)
      }
    }
  }

  /** Commits, lets everything expire and sees that nothing is left, neither data nor index. */
  async drain(): Promise<void> {
    await this.end()
    this.stores.advanceStreamTime(10_000)
    for (let rounds = 0; rounds < 200; rounds += 1) {
      const count = await this.stores.expire(3)
      this.begin()
      await this.end()
      if (count < 3) break
    }
    const left = await this.backend.scan({ store: name, partition: task, entriesMax: 100 })
    assert.deepEqual(left, [])
    this.stores.close()
    assert.equal(this.budget.usedBytes, 0)
    await this.backend.close()
  }
}

function copyOf<Entry>({ entries, streamTimeMs }: State<Entry>): State<Entry> {
  return { entries: new Map(entries), streamTimeMs }
}

type Open = () => Promise<BackendPlace>

async function onBench<Entry>(
  openPlace: Open,
  definition: StoreDefinition,
  budgetBytes: number,
  body: (bench: Bench<Entry>) => Promise<void>,
): Promise<void> {
  const place = await openPlace()
  try {
    const bench = await new Bench<Entry>(place, definition, budgetBytes).open()
    await body(bench)
    await bench.drain()
  } finally {
    await place.remove()
  }
}

function stepsOf<Step>(step: fc.Arbitrary<Step>): fc.Arbitrary<Step[]> {
  return fc.array(step, { minLength: 1, maxLength: 120, size: 'max' })
}

export function storesModel(backendName: string, openPlace: Open, runs: number): void {
  void test(`${backendName}: a key-value store does what a map does, for any operations`, async () => {
    await fc.assert(
      fc.asyncProperty(budgetBytes, stepsOf(keyValueStep), async (bytes, steps) => {
        await onBench<KeyValueModelEntry>(openPlace, keyValueDefinition, bytes, async (bench) => {
          for (const step of steps) await runKeyValueStep(bench, step)
        })
      }),
      { numRuns: runs },
    )
  })

  void test(`${backendName}: a window store does what a map does, for any operations`, async () => {
    await fc.assert(
      fc.asyncProperty(budgetBytes, stepsOf(windowStep), async (bytes, steps) => {
        await onBench<TimedModelEntry>(openPlace, windowDefinition, bytes, async (bench) => {
          for (const step of steps) await runWindowStep(bench, step)
        })
      }),
      { numRuns: runs },
    )
  })

  void test(`${backendName}: a session store does what a map does, for any operations`, async () => {
    await fc.assert(
      fc.asyncProperty(budgetBytes, stepsOf(sessionStep), async (bytes, steps) => {
        await onBench<TimedModelEntry>(openPlace, sessionDefinition, bytes, async (bench) => {
          for (const step of steps) await runSessionStep(bench, step)
        })
      }),
      { numRuns: runs },
    )
  })
}

const common = { name, keySerde: latin1Serde, valueSerde: jsonSerde }
/** The index lists entries by steps of 3 ms. */
const ttlMs = 200
const retentionMs = 20
const keyValueDefinition: StoreDefinition = { ...common, kind: 'key-value', ttlMs }
const windowDefinition: StoreDefinition = {
  ...common,
  kind: 'window',
  windowSizeMs: 5,
  retentionMs,
}
const sessionDefinition: StoreDefinition = { ...common, kind: 'session', retentionMs }

interface KeyValueModelEntry {
  value: number
  writtenMs: number
}

const keyValueStep = fc.oneof(
  { weight: 5, arbitrary: lifecycle(1, 2, 9, 120) },
  fc.record({ op: fc.constant('put' as const), key, value }),
  fc.record({ op: fc.constant('delete' as const), key }),
  fc.record({
    op: fc.constant('get' as const),
    during,
    keys: fc.array(key, { minLength: 1, maxLength: 4 }),
  }),
  fc.record({
    op: fc.constant('range' as const),
    during,
    from: fc.option(key, { nil: undefined }),
    to: fc.option(key, { nil: undefined }),
    prefix: fc.option(key, { nil: undefined }),
    reverse: fc.boolean(),
    entriesMax: fc.integer({ min: 1, max: 10 }),
  }),
)
type StepOf<A> = A extends fc.Arbitrary<infer Step> ? Step : never

async function runKeyValueStep(
  bench: Bench<KeyValueModelEntry>,
  step: StepOf<typeof keyValueStep>,
): Promise<void> {
  const store = bench.stores.get(name) as KeyValueStore<string, number>
  const isLive = (entry: KeyValueModelEntry) => entry.writtenMs >= bench.now.streamTimeMs - ttlMs
  if (step.op === 'put') {
    store.put(step.key, step.value)
    const writtenMs = bench.now.streamTimeMs
    bench.now.entries.set(step.key, { value: step.value, writtenMs })
  } else if (step.op === 'delete') {
    store.delete(step.key)
    bench.now.entries.delete(step.key)
  } else if (step.op === 'get') {
    await bench.read(step.during, () =>
      bench.stores.prefetch(step.keys.map((wanted) => ({ store: name, key: wanted }))),
    )
    for (const wanted of step.keys) {
      const entry = bench.now.entries.get(wanted)
      const expected = entry !== undefined && isLive(entry) ? entry.value : undefined
      assert.equal(store.get(wanted), expected)
    }
  } else if (step.op === 'range') {
    const { from, to, prefix, reverse, entriesMax } = step
    const range = {
      reverse,
      entriesMax,
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
      ...(prefix === undefined ? {} : { prefix: Buffer.from(prefix, 'latin1') }),
    }
    const found = await bench.read(step.during, () => store.range(range))
    const expected = [...bench.now.entries]
      .filter(([text, entry]) => isLive(entry) && text.startsWith(prefix ?? ''))
      .filter(([text]) => text >= (from ?? '') && (to === undefined || text < to))
      .map(([text, entry]) => ({ key: text, value: entry.value }))
      .sort((left, right) => (left.key < right.key ? -1 : 1) * (reverse ? -1 : 1))
      .slice(0, entriesMax)
    assert.deepEqual(found, expected)
    for (const entry of expected) assert.equal(store.get(entry.key), entry.value)
  } else {
    await bench.lifecycle(step)
  }
}

interface TimedModelEntry {
  key: string
  startMs: number
  endMs: number
  value: number
}

function identityOf(entry: { key: string; startMs: number; endMs: number }): string {
  return JSON.stringify([entry.key, entry.startMs, entry.endMs])
}

const windowStep = fc.oneof(
  { weight: 5, arbitrary: lifecycle(1, 2, 9) },
  fc.record({ op: fc.constant('put' as const), key, startMs: time, value }),
  fc.record({ op: fc.constant('delete' as const), key, startMs: time }),
  fc.record({ op: fc.constant('fetch' as const), during, key, startMs: time }),
  fc.record({ op: fc.constant('fetchRange' as const), during, key, fromMs: time, toMs: time }),
  fc.record({
    op: fc.constant('all' as const),
    during,
    fromMs: time,
    toMs: time,
    entriesMax: fc.integer({ min: 1, max: 6 }),
  }),
)

async function runWindowStep(
  bench: Bench<TimedModelEntry>,
  step: StepOf<typeof windowStep>,
): Promise<void> {
  const store = bench.stores.get(name) as WindowStore<string, number>
  const limitMs = () => bench.now.streamTimeMs - retentionMs
  const live = (fromMs: number, toMs: number) =>
    [...bench.now.entries.values()]
      .filter((entry) => entry.startMs >= Math.max(limitMs(), fromMs) && entry.startMs <= toMs)
      .sort((left, right) =>
        left.key < right.key ? -1 : left.key > right.key ? 1 : left.startMs - right.startMs,
      )
      .map((entry) => ({ key: entry.key, windowStartMs: entry.startMs, value: entry.value }))
  if (step.op === 'put') {
    store.put(step.key, step.startMs, step.value)
    const entry = { ...step, endMs: 0 }
    if (step.startMs >= limitMs()) bench.now.entries.set(identityOf(entry), entry)
  } else if (step.op === 'delete') {
    store.delete(step.key, step.startMs)
    bench.now.entries.delete(identityOf({ ...step, endMs: 0 }))
  } else if (step.op === 'fetch') {
    const { key: wanted, startMs } = step
    await bench.read(step.during, () =>
      bench.stores.prefetch([{ store: name, key: wanted, fromMs: startMs, toMs: startMs }]),
    )
    const expected = live(startMs, startMs).filter((entry) => entry.key === wanted)
    assert.equal(store.fetch(wanted, startMs), expected[0]?.value)
    assert.deepEqual(store.fetchRange(wanted, startMs, startMs), expected)
  } else if (step.op === 'fetchRange') {
    const { key: wanted, fromMs, toMs } = step
    await bench.read(step.during, () =>
      bench.stores.prefetch([{ store: name, key: wanted, fromMs, toMs }]),
    )
    const expected = live(fromMs, toMs).filter((entry) => entry.key === wanted)
    assert.deepEqual(store.fetchRange(wanted, fromMs, toMs), expected)
  } else if (step.op === 'all') {
    const { fromMs, toMs, entriesMax } = step
    const found = await bench.read(step.during, () => store.all(fromMs, toMs, entriesMax))
    const expected = live(fromMs, toMs).slice(0, entriesMax)
    assert.deepEqual(found, expected)
  } else {
    await bench.lifecycle(step)
  }
}

const span = fc
  .tuple(time, fc.constantFrom(0, 5, 10))
  .map(([startMs, lengthMs]) => ({ startMs, endMs: startMs + lengthMs }))
const sessionStep = fc.oneof(
  { weight: 5, arbitrary: lifecycle(1, 2, 9) },
  fc.record({ op: fc.constant('put' as const), key, span, value }),
  fc.record({ op: fc.constant('remove' as const), key, span }),
  fc.record({
    op: fc.constant('find' as const),
    during,
    key,
    earliestEndMs: time,
    latestStartMs: time,
  }),
)

async function runSessionStep(
  bench: Bench<TimedModelEntry>,
  step: StepOf<typeof sessionStep>,
): Promise<void> {
  const store = bench.stores.get(name) as SessionStore<string, number>
  const limitMs = () => bench.now.streamTimeMs - retentionMs
  if (step.op === 'put') {
    const { startMs, endMs } = step.span
    store.put(step.key, startMs, endMs, step.value)
    const entry = { key: step.key, startMs, endMs, value: step.value }
    if (endMs >= limitMs()) bench.now.entries.set(identityOf(entry), entry)
  } else if (step.op === 'remove') {
    const { startMs, endMs } = step.span
    store.remove(step.key, startMs, endMs)
    bench.now.entries.delete(identityOf({ key: step.key, startMs, endMs }))
  } else if (step.op === 'find') {
    const { key: wanted, earliestEndMs, latestStartMs } = step
    await bench.read(step.during, () =>
      bench.stores.prefetch([{ store: name, key: wanted, earliestEndMs, latestStartMs }]),
    )
    const expected = [...bench.now.entries.values()]
      .filter((entry) => entry.key === wanted && entry.endMs >= limitMs())
      .filter((entry) => entry.endMs >= earliestEndMs && entry.startMs <= latestStartMs)
      .sort((left, right) => left.endMs - right.endMs || left.startMs - right.startMs)
    assert.deepEqual(store.findSessions(wanted, earliestEndMs, latestStartMs), expected)
  } else {
    await bench.lifecycle(step)
  }
}
