import { AggregateProcessor } from '../processors/aggregate.ts'
import { numberSerde } from '../processors/number-serde.ts'
import { SessionAggregateProcessor } from '../processors/session-aggregate.ts'
import { keyValueView, sessionView, windowView } from '../processors/table-view.ts'
import { WindowedAggregateProcessor } from '../processors/windowed-aggregate.ts'
import { windowedSerde } from '../processors/windowed.ts'
import type { Windowed } from '../processors/windowed.ts'
import { sessionRetentionMs, tumblingRetentionMs, windowFaults } from '../processors/windows.ts'
import type { SessionWindows, TumblingWindows } from '../processors/windows.ts'
import type { Draft } from './draft.ts'
import { sessionStore, windowStore } from './stores.ts'
import type {
  KGroupedStream,
  KTable,
  Materialized,
  MaterializedAs,
  SessionWindowedStream,
  StreamPosition,
  TimeWindowedStream,
  WindowedMaterialized,
  WindowedMaterializedAs,
} from './streams.ts'

type Add<K, V, A> = (key: K, value: V, aggregate: A | null) => A | null

function counting<K, V>(): (key: K, value: V, count: number | null) => number {
  return (_key, _value, count) => (count ?? 0) + 1
}

function reducing<K, V>(reducer: (aggregate: V, value: V) => V): (k: K, v: V, a: V | null) => V {
  return (_key, value, aggregate) => (aggregate === null ? value : reducer(aggregate, value))
}

function folding<K, V, A, R>(
  initializer: () => A,
  aggregator: (key: K, value: V, aggregate: A) => R,
): (key: K, value: V, aggregate: A | null) => R {
  return (key, value, aggregate) => aggregator(key, value, aggregate ?? initializer())
}

export class GroupedStream<K, V> implements KGroupedStream<K, V> {
  readonly #draft: Draft
  readonly #at: StreamPosition<K, V>

  constructor(draft: Draft, at: StreamPosition<K, V>) {
    this.#draft = draft
    this.#at = at
  }

  count(name: string, materialized: Materialized<K, number>): KTable<K, number> {
    return this.#table(name, counting<K, V>(), { valueSerde: numberSerde, ...materialized })
  }

  reduce(
    name: string,
    reducer: (aggregate: V, value: V) => V,
    materialized: Materialized<K, V>,
  ): KTable<K, V> {
    return this.#table(name, reducing<K, V>(reducer), { ...this.#valueSerde(), ...materialized })
  }

  aggregate<A>(
    name: string,
    initializer: () => A,
    aggregator: (key: K, value: V, aggregate: A) => A | null,
    materialized: MaterializedAs<K, A>,
  ): KTable<K, A> {
    return this.#table(name, folding(initializer, aggregator), materialized)
  }

  windowedBy(windows: TumblingWindows): TimeWindowedStream<K, V>
  windowedBy(windows: SessionWindows): SessionWindowedStream<K, V>
  windowedBy(
    windows: TumblingWindows | SessionWindows,
  ): TimeWindowedStream<K, V> | SessionWindowedStream<K, V> {
    return windows.kind === 'tumbling'
      ? new TumblingStream(this.#draft, this.#at, windows)
      : new SessionStream(this.#draft, this.#at, windows)
  }

  #valueSerde(): Pick<Materialized<K, V>, 'valueSerde'> {
    return this.#at.valueSerde === null ? {} : { valueSerde: this.#at.valueSerde }
  }

  #table<A>(name: string, add: Add<K, V, A>, materialized: Materialized<K, A>): KTable<K, A> {
    const known = { keySerde: this.#at.keySerde, valueSerde: null }
    const kept = this.#draft.tableStore<K, A>(name, known, materialized)
    const supplier = () => new AggregateProcessor<K, V, A>({ ...kept, add })
    const node = this.#draft.processor(name, [this.#at.node], supplier, [kept.store])
    const view = keyValueView<K, A>(kept.store, kept.storedSerde)
    const { keySerde, valueSerde } = kept
    return this.#draft.forms.table<K, A>(this.#draft, { node, keySerde, valueSerde, view })
  }
}

class TumblingStream<K, V> implements TimeWindowedStream<K, V> {
  readonly #draft: Draft
  readonly #at: StreamPosition<K, V>
  readonly #windows: TumblingWindows

  constructor(draft: Draft, at: StreamPosition<K, V>, windows: TumblingWindows) {
    this.#draft = draft
    this.#at = at
    this.#windows = windows
  }

  count(name: string, materialized: WindowedMaterialized<K, number>): KTable<Windowed<K>, number> {
    return this.#table(name, counting<K, V>(), { valueSerde: numberSerde, ...materialized })
  }

  reduce(
    name: string,
    reducer: (aggregate: V, value: V) => V,
    materialized: WindowedMaterialized<K, V>,
  ): KTable<Windowed<K>, V> {
    const known = this.#at.valueSerde === null ? {} : { valueSerde: this.#at.valueSerde }
    return this.#table(name, reducing<K, V>(reducer), { ...known, ...materialized })
  }

  aggregate<A>(
    name: string,
    initializer: () => A,
    aggregator: (key: K, value: V, aggregate: A) => A | null,
    materialized: WindowedMaterializedAs<K, A>,
  ): KTable<Windowed<K>, A> {
    return this.#table(name, folding(initializer, aggregator), materialized)
  }

  #table<A>(
    name: string,
    add: Add<K, V, A>,
    materialized: WindowedMaterialized<K, A>,
  ): KTable<Windowed<K>, A> {
    const windows = this.#windows
    for (const fault of windowFaults(windows)) this.#draft.faults.push(`node "${name}": ${fault}`)
    const known = { keySerde: this.#at.keySerde, valueSerde: null }
    const kept = this.#draft.tableSerdes<K, A>(name, known, materialized)
    const definition = windowStore(materialized.store, kept.keySerde, kept.storedSerde, {
      windowSizeMs: windows.sizeMs,
      retentionMs: tumblingRetentionMs(windows),
    })
    const store = this.#draft.store(definition)
    const supplier = () => new WindowedAggregateProcessor<K, V, A>({ ...kept, windows, store, add })
    const node = this.#draft.processor(name, [this.#at.node], supplier, [store])
    return this.#draft.forms.table<Windowed<K>, A>(this.#draft, {
      node,
      keySerde: windowedSerde(kept.keySerde),
      valueSerde: kept.valueSerde,
      view: windowView<K, A>(store, kept.storedSerde),
    })
  }
}

class SessionStream<K, V> implements SessionWindowedStream<K, V> {
  readonly #draft: Draft
  readonly #at: StreamPosition<K, V>
  readonly #windows: SessionWindows

  constructor(draft: Draft, at: StreamPosition<K, V>, windows: SessionWindows) {
    this.#draft = draft
    this.#at = at
    this.#windows = windows
  }

  count(name: string, materialized: WindowedMaterialized<K, number>): KTable<Windowed<K>, number> {
    const merge = (_key: K, one: number | null, other: number) => (one ?? 0) + other
    return this.#table(name, counting<K, V>(), merge, { valueSerde: numberSerde, ...materialized })
  }

  reduce(
    name: string,
    reducer: (aggregate: V, value: V) => V,
    materialized: WindowedMaterialized<K, V>,
  ): KTable<Windowed<K>, V> {
    const known = this.#at.valueSerde === null ? {} : { valueSerde: this.#at.valueSerde }
    const merge = (_key: K, one: V | null, other: V) => (one === null ? other : reducer(one, other))
    return this.#table(name, reducing<K, V>(reducer), merge, { ...known, ...materialized })
  }

  aggregate<A>(
    name: string,
    initializer: () => A,
    aggregator: (key: K, value: V, aggregate: A) => A,
    merger: (key: K, one: A, other: A) => A,
    materialized: WindowedMaterializedAs<K, A>,
  ): KTable<Windowed<K>, A> {
    const merge = (key: K, one: A | null, other: A) => merger(key, one ?? initializer(), other)
    return this.#table(name, folding(initializer, aggregator), merge, materialized)
  }

  #table<A>(
    name: string,
    add: (key: K, value: V, aggregate: A | null) => A,
    merge: (key: K, one: A | null, other: A) => A,
    materialized: WindowedMaterialized<K, A>,
  ): KTable<Windowed<K>, A> {
    const windows = this.#windows
    for (const fault of windowFaults(windows)) this.#draft.faults.push(`node "${name}": ${fault}`)
    const known = { keySerde: this.#at.keySerde, valueSerde: null }
    const kept = this.#draft.tableSerdes<K, A>(name, known, materialized)
    const definition = sessionStore(materialized.store, kept.keySerde, kept.storedSerde, {
      retentionMs: sessionRetentionMs(windows),
    })
    const store = this.#draft.store(definition)
    const supplier = () =>
      new SessionAggregateProcessor<K, V, A>({ ...kept, windows, store, add, merge })
    const node = this.#draft.processor(name, [this.#at.node], supplier, [store])
    return this.#draft.forms.table<Windowed<K>, A>(this.#draft, {
      node,
      keySerde: windowedSerde(kept.keySerde),
      valueSerde: kept.valueSerde,
      view: sessionView<K, A>(store, kept.storedSerde),
    })
  }
}
