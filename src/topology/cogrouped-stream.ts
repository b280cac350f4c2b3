import { assert } from '../core/assert.ts'
import type { Windowed } from '../processors/windowed.ts'
import type { SessionWindows, SlidingWindows, TimeWindows } from '../processors/windows.ts'
import { addAggregate, addSessionAggregate, addWindowedAggregate } from './aggregations.ts'
import type { Input } from './aggregations.ts'
import type { Draft } from './draft.ts'
import type {
  CogroupedStream,
  KGroupedStream,
  KTable,
  MaterializedAs,
  SessionWindowedCogroupedStream,
  StreamPosition,
  TimeWindowedCogroupedStream,
  WindowedMaterializedAs,
} from './streams.ts'

interface Member<K, A> {
  readonly at: StreamPosition<K, any>
  readonly aggregator: (key: K, value: any, aggregate: A) => A | null
}

type Members<K, A> = readonly Member<K, A>[]

export class Cogrouped<K, A> implements CogroupedStream<K, A> {
  readonly #draft: Draft
  readonly #members: Members<K, A>

  constructor(draft: Draft, members: Members<K, A>) {
    this.#draft = draft
    this.#members = members
  }

  cogroup<V>(
    { at }: KGroupedStream<K, V>,
    aggregator: (key: K, value: V, aggregate: A) => A | null,
  ): Cogrouped<K, A> {
    return new Cogrouped(this.#draft, [...this.#members, { at, aggregator }])
  }

  aggregate(name: string, initializer: () => A, materialized: MaterializedAs<K, A>): KTable<K, A> {
    return addAggregate(this.#draft, name, inputsOf(this.#members, initializer), materialized)
  }

  windowedBy(windows: TimeWindows | SlidingWindows): TimeWindowedCogroupedStream<K, A>
  windowedBy(windows: SessionWindows): SessionWindowedCogroupedStream<K, A>
  windowedBy(
    windows: TimeWindows | SlidingWindows | SessionWindows,
  ): TimeWindowedCogroupedStream<K, A> | SessionWindowedCogroupedStream<K, A> {
    return windows.kind === 'session'
      ? new CogroupedSessions(this.#draft, this.#members, windows)
      : new CogroupedWindows(this.#draft, this.#members, windows)
  }
}

class CogroupedWindows<K, A> implements TimeWindowedCogroupedStream<K, A> {
  readonly #draft: Draft
  readonly #members: Members<K, A>
  readonly #windows: TimeWindows | SlidingWindows

  constructor(draft: Draft, members: Members<K, A>, windows: TimeWindows | SlidingWindows) {
    this.#draft = draft
    this.#members = members
    this.#windows = windows
  }

  aggregate(
    name: string,
    initializer: () => A,
    materialized: WindowedMaterializedAs<K, A>,
  ): KTable<Windowed<K>, A> {
    const inputs = inputsOf(this.#members, initializer)
    return addWindowedAggregate(this.#draft, name, inputs, this.#windows, materialized)
  }
}

class CogroupedSessions<K, A> implements SessionWindowedCogroupedStream<K, A> {
  readonly #draft: Draft
  readonly #members: Members<K, A>
  readonly #windows: SessionWindows

  constructor(draft: Draft, members: Members<K, A>, windows: SessionWindows) {
    this.#draft = draft
    this.#members = members
    this.#windows = windows
  }

  aggregate(
    name: string,
    initializer: () => A,
    merger: (key: K, one: A, other: A) => A,
    materialized: WindowedMaterializedAs<K, A>,
  ): KTable<Windowed<K>, A> {
    const inputs = inputsOf(this.#members, initializer).map(({ at, add }): Input<K, A, A> => ({
      at,
      add: (key, value, aggregate) => {
        const sum = add(key, value, aggregate)
        assert(sum !== null, `node ${name}: the aggregator of a session gives an aggregate`)
        return sum
      },
    }))
    const merge = (key: K, one: A | null, other: A) => merger(key, one ?? initializer(), other)
    return addSessionAggregate(this.#draft, name, inputs, this.#windows, merge, materialized)
  }
}

function inputsOf<K, A>(members: Members<K, A>, initializer: () => A): Input<K, A>[] {
  return members.map(({ at, aggregator }) => ({
    at,
    add: (key, value, aggregate) => aggregator(key, value, aggregate ?? initializer()),
  }))
}
