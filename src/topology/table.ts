import {
  groupTableSupplier,
  toStreamSupplier,
  transformTableSupplier,
} from '../processors/stateless.ts'
import { quietly } from '../processors/attempted.ts'
import { changeSerde } from '../processors/change.ts'
import { mappedView } from '../processors/table-view.ts'
import type { JoinKind } from '../processors/table-table-join.ts'
import type { Draft } from './draft.ts'
import { addForeignKeyJoin } from './foreign-key-join.ts'
import { GroupedTable } from './grouped-table.ts'
import { addSuppress } from './suppress.ts'
import { addTableTableJoin } from './table-table-join.ts'
import type {
  KGroupedTable,
  KStream,
  KTable,
  MaterializedAs,
  Serdes,
  Suppressed,
  SuppressOptions,
  TablePosition,
} from './streams.ts'
import { refuseTimesToLive } from './time-to-live.ts'

type Joiner<K, V, VOther, R> = (value: V | null, otherValue: VOther | null, key: K) => R

export class Table<K, V> implements KTable<K, V> {
  readonly at: TablePosition<K, V>
  readonly #draft: Draft

  constructor(draft: Draft, at: TablePosition<K, V>) {
    this.#draft = draft
    this.at = at
  }

  filter(name: string, predicate: (key: K, value: V) => boolean): KTable<K, V> {
    const keep = (value: V, key: K) => (predicate(key, value) ? value : null)
    return this.#transformed(name, keep, this.at.valueSerde)
  }

  filterNot(name: string, predicate: (key: K, value: V) => boolean): KTable<K, V> {
    return this.filter(name, (key, value) => !predicate(key, value))
  }

  mapValues<V2>(
    name: string,
    mapper: (value: V, key: K) => V2 | null,
    serdes: Pick<Serdes<K, V2>, 'valueSerde'> = {},
  ): KTable<K, V2> {
    return this.#transformed(name, mapper, serdes.valueSerde ?? null)
  }

  suppress(name: string, suppressed: Suppressed, options: SuppressOptions<K, V>): KTable<K, V> {
    return new Table<K, V>(
      this.#draft,
      addSuppress(this.#draft, name, this.at, suppressed, options),
    )
  }

  toStream(name: string): KStream<K, V | null> {
    return this.#draft.forms.stream<K, V | null>(this.#draft, {
      node: this.#draft.processor(name, [this.at.node], toStreamSupplier()),
      keySerde: this.at.keySerde,
      valueSerde: this.at.valueSerde,
      isKeyChanged: false,
      isBroadcast: false,
    })
  }

  groupBy<K2, V2>(
    name: string,
    selector: (key: K, value: V) => readonly [K2, V2],
    serdes: Serdes<K2, V2> = {},
  ): KGroupedTable<K2, V2> {
    refuseTimesToLive(this.#draft, name, [this.at])
    const why = 'its groups are collected through a repartition topic'
    const keySerde = this.#draft.serde(serdes.keySerde, name, `a keySerde: ${why}`)
    const valueSerde = this.#draft.serde(serdes.valueSerde, name, `a valueSerde: ${why}`)
    const supplier = groupTableSupplier(selector, keySerde)
    const groups = this.#draft.processor(name, [this.at.node], supplier)
    const node = this.#draft.internalTopic(`${name}-repartition`, groups, {
      keySerde,
      valueSerde: changeSerde(valueSerde),
    })
    return new GroupedTable<K2, V2>(this.#draft, { node, keySerde, valueSerde })
  }

  join<VOther, R>(
    name: string,
    other: KTable<K, VOther>,
    joiner: (value: V, otherValue: VOther, key: K) => R,
    materialized: MaterializedAs<K, R>,
  ): KTable<K, R> {
    return this.#joined(name, other, 'inner', joiner as Joiner<K, V, VOther, R>, materialized)
  }

  leftJoin<VOther, R>(
    name: string,
    other: KTable<K, VOther>,
    joiner: (value: V, otherValue: VOther | null, key: K) => R,
    materialized: MaterializedAs<K, R>,
  ): KTable<K, R> {
    return this.#joined(name, other, 'left', joiner as Joiner<K, V, VOther, R>, materialized)
  }

  outerJoin<VOther, R>(
    name: string,
    other: KTable<K, VOther>,
    joiner: (value: V | null, otherValue: VOther | null, key: K) => R,
    materialized: MaterializedAs<K, R>,
  ): KTable<K, R> {
    return this.#joined(name, other, 'outer', joiner, materialized)
  }

  foreignKeyJoin<KOther, VOther, R>(
    name: string,
    other: KTable<KOther, VOther>,
    foreignKeyOf: (value: V, key: K) => KOther | null,
    joiner: (value: V, otherValue: VOther, key: K) => R,
    materialized: MaterializedAs<K, R>,
  ): KTable<K, R> {
    const join = { foreignKeyOf, joiner: joiner as (v: V, o: VOther | null, k: K) => R }
    return this.#foreignKeyJoined(name, other, { ...join, isLeft: false }, materialized)
  }

  foreignKeyLeftJoin<KOther, VOther, R>(
    name: string,
    other: KTable<KOther, VOther>,
    foreignKeyOf: (value: V, key: K) => KOther | null,
    joiner: (value: V, otherValue: VOther | null, key: K) => R,
    materialized: MaterializedAs<K, R>,
  ): KTable<K, R> {
    const join = { foreignKeyOf, joiner, isLeft: true }
    return this.#foreignKeyJoined(name, other, join, materialized)
  }

  #joined<VOther, R>(
    name: string,
    other: KTable<K, VOther>,
    kind: JoinKind,
    joiner: Joiner<K, V, VOther, R>,
    materialized: MaterializedAs<K, R>,
  ): KTable<K, R> {
    const join = { left: this.at, right: other.at, kind, joiner }
    return new Table<K, R>(this.#draft, addTableTableJoin(this.#draft, name, join, materialized))
  }

  #foreignKeyJoined<KOther, VOther, R>(
    name: string,
    other: KTable<KOther, VOther>,
    join: {
      foreignKeyOf: (value: V, key: K) => KOther | null
      joiner: (value: V, otherValue: VOther | null, key: K) => R
      isLeft: boolean
    },
    materialized: MaterializedAs<K, R>,
  ): KTable<K, R> {
    const sides = { left: this.at, right: other.at }
    const at = addForeignKeyJoin(this.#draft, name, { ...sides, ...join }, materialized)
    return this.#draft.forms.table(this.#draft, at)
  }

  #transformed<V2>(
    name: string,
    transform: (value: V, key: K) => V2 | null,
    valueSerde: TablePosition<K, V2>['valueSerde'],
  ): KTable<K, V2> {
    const isStrict = this.#draft.policies.of(name) === 'fail'
    return new Table<K, V2>(this.#draft, {
      node: this.#draft.processor(name, [this.at.node], transformTableSupplier(transform)),
      keySerde: this.at.keySerde,
      valueSerde,
      view: mappedView(this.at.view, isStrict ? transform : quietly(transform)),
      ...(this.at.windows === undefined ? {} : { windows: this.at.windows }),
      ...(this.at.expiring === undefined ? {} : { expiring: this.at.expiring }),
    })
  }
}
