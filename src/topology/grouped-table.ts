import type { Serde } from '../core/serde.ts'
import { numberSerde } from '../processors/number-serde.ts'
import { TableAggregateProcessor } from '../processors/table-aggregate.ts'
import { keyValueView } from '../processors/table-view.ts'
import type { Draft } from './draft.ts'
import type { NodeName } from './graph.ts'
import type { KGroupedTable, KTable, Materialized, MaterializedAs } from './streams.ts'
import { refuseTimesToLive } from './time-to-live.ts'

interface GroupedPosition<K, V> {
  readonly node: NodeName
  readonly keySerde: Serde<K>
  readonly valueSerde: Serde<NonNullable<V>>
}

interface Fold<K, V, A> {
  readonly add: (key: K, value: V, aggregate: A | null) => A | null
  readonly subtract: (key: K, value: V, aggregate: A) => A | null
}

const whyAggregatesFail =
  'a row that it left out would be taken out of its group later; leave such rows out before, with a filter'

export class GroupedTable<K, V> implements KGroupedTable<K, V> {
  readonly #draft: Draft
  readonly #at: GroupedPosition<K, V>

  constructor(draft: Draft, at: GroupedPosition<K, V>) {
    this.#draft = draft
    this.#at = at
  }

  count(name: string, materialized: Materialized<K, number>): KTable<K, number> {
    const fold: Fold<K, V, number> = {
      add: (_key, _value, count) => (count ?? 0) + 1,
      subtract: (_key, _value, count) => count - 1,
    }
    return this.#table(name, fold, { valueSerde: numberSerde, ...materialized })
  }

  reduce(
    name: string,
    adder: (aggregate: V, value: V) => V,
    subtractor: (aggregate: V, value: V) => V,
    materialized: Materialized<K, V>,
  ): KTable<K, V> {
    const fold: Fold<K, V, V> = {
      add: (_key, value, aggregate) => (aggregate === null ? value : adder(aggregate, value)),
      subtract: (_key, value, aggregate) => subtractor(aggregate, value),
    }
    return this.#table(name, fold, { valueSerde: this.#at.valueSerde, ...materialized })
  }

  aggregate<A>(
    name: string,
    initializer: () => A,
    adder: (key: K, value: V, aggregate: A) => A | null,
    subtractor: (key: K, value: V, aggregate: A) => A | null,
    materialized: MaterializedAs<K, A>,
  ): KTable<K, A> {
    const fold: Fold<K, V, A> = {
      add: (key, value, aggregate) => adder(key, value, aggregate ?? initializer()),
      subtract: subtractor,
    }
    return this.#table(name, fold, materialized)
  }

  #table<A>(name: string, fold: Fold<K, V, A>, materialized: Materialized<K, A>): KTable<K, A> {
    refuseTimesToLive(this.#draft, name, [], materialized)
    const known = { keySerde: this.#at.keySerde, valueSerde: null }
    const kept = this.#draft.tableStore<K, A>(name, known, materialized)
    const supplier = () => new TableAggregateProcessor<K, V, A>({ ...kept, ...fold })
    const onError = this.#draft.policies.failing(name, whyAggregatesFail)
    const node = this.#draft.processor(name, [this.#at.node], supplier, [kept.store], onError)
    const view = keyValueView<K, A>(kept.store, kept.storedSerde)
    const { keySerde, valueSerde } = kept
    return this.#draft.forms.table<K, A>(this.#draft, { node, keySerde, valueSerde, view })
  }
}
