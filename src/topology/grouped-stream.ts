import { numberSerde } from '../processors/number-serde.ts'
import type { Windowed } from '../processors/windowed.ts'
import type { SessionWindows, SlidingWindows, TimeWindows } from '../processors/windows.ts'
import { addAggregate, addSessionAggregate, addWindowedAggregate } from './aggregations.ts'
import { Cogrouped } from './cogrouped-stream.ts'
import type { Draft } from './draft.ts'
import type {
  CogroupedStream,
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

function serdeOf<K, V>(
  at: StreamPosition<K, V>,
): { valueSerde?: NonNullable<typeof at.valueSerde> } {
  return at.valueSerde === null ? {} : { valueSerde: at.valueSerde }
}

export class GroupedStream<K, V> implements KGroupedStream<K, V> {
  readonly at: StreamPosition<K, V>
  readonly #draft: Draft

  constructor(draft: Draft, at: StreamPosition<K, V>) {
    this.#draft = draft
    this.at = at
  }

  count(name: string, materialized: Materialized<K, number>): KTable<K, number> {
    return this.#table(name, counting<K, V>(), { valueSerde: numberSerde, ...materialized })
  }

  reduce(
    name: string,
    reducer: (aggregate: V, value: V) => V,
    materialized: Materialized<K, V>,
  ): KTable<K, V> {
    return this.#table(name, reducing<K, V>(reducer), { ...serdeOf(this.at), ...materialized })
  }

  aggregate<A>(
    name: string,
    initializer: () => A,
    aggregator: (key: K, value: V, aggregate: A) => A | null,
    materialized: MaterializedAs<K, A>,
  ): KTable<K, A> {
    return this.#table(name, folding(initializer, aggregator), materialized)
  }

  windowedBy(windows: TimeWindows | SlidingWindows): TimeWindowedStream<K, V>
  windowedBy(windows: SessionWindows): SessionWindowedStream<K, V>
  windowedBy(
    windows: TimeWindows | SlidingWindows | SessionWindows,
  ): TimeWindowedStream<K, V> | SessionWindowedStream<K, V> {
    return windows.kind === 'session'
      ? new SessionStream(this.#draft, this.at, windows)
      : new WindowedStream(this.#draft, this.at, windows)
  }

  cogroup<A>(aggregator: (key: K, value: V, aggregate: A) => A | null): CogroupedStream<K, A> {
    return new Cogrouped<K, A>(this.#draft, []).cogroup(this, aggregator)
  }

  #table<A>(name: string, add: Add<K, V, A>, materialized: Materialized<K, A>): KTable<K, A> {
    return addAggregate(this.#draft, name, [{ at: this.at, add }], materialized)
  }
}

class WindowedStream<K, V> implements TimeWindowedStream<K, V> {
  readonly #draft: Draft
  readonly #at: StreamPosition<K, V>
  readonly #windows: TimeWindows | SlidingWindows

  constructor(draft: Draft, at: StreamPosition<K, V>, windows: TimeWindows | SlidingWindows) {
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
    return this.#table(name, reducing<K, V>(reducer), { ...serdeOf(this.#at), ...materialized })
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
    const inputs = [{ at: this.#at, add }]
    return addWindowedAggregate(this.#draft, name, inputs, this.#windows, materialized)
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
    const merge = (_key: K, one: V | null, other: V) => (one === null ? other : reducer(one, other))
    const known = serdeOf(this.#at)
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
    const inputs = [{ at: this.#at, add }]
    return addSessionAggregate(this.#draft, name, inputs, this.#windows, merge, materialized)
  }
}
