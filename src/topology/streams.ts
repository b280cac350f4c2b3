/**
 * The DSL as its users see it, in Kafka Streams' words. Every operator that makes a node takes the node's name
 * first; every store is named too. What is derived is derived from those names: the nodes `NAME-repartition-…`
 * and the topic `TOPOLOGY-NAME-repartition` in front of a stateful operator whose keys have changed.
 *
 * Callbacks take (key, value) as in Kafka Streams, those of values alone (value, key); they must not change
 * what they are given. A value is null where a stream carries deletes; stateful operators and joins drop and
 * count such records.
 */
import type { Serde } from '../core/serde.ts'
import type { TopicDefinition } from '../core/topic.ts'
import type { Emit } from '../processors/change-emitter.ts'
import type { ProcessorSupplier } from '../processors/processor.ts'
import type { TableView } from '../processors/table-view.ts'
import type { Windowed } from '../processors/windowed.ts'

import type {
  JoinWindows,
  SessionWindows,
  SlidingWindows,
  TimeWindows,
  Windows,
} from '../processors/windows.ts'
import type { StoreDefinition } from '../state/stores.ts'
import type { NodeName } from './graph.ts'
import type { Suppressed, SuppressOptions } from './suppressed.ts'
import type {
  Serdes,
  WindowedMaterialized,
  WindowedMaterializedAs,
} from './windowed-materialized.ts'
export type { Serdes, Suppressed, SuppressOptions, WindowedMaterialized, WindowedMaterializedAs }

/** Where a stream or table stands in the graph, and what is known of its keys and values. */
export interface StreamPosition<K, V> {
  readonly node: NodeName
  readonly keySerde: Serde<K> | null
  readonly valueSerde: Serde<NonNullable<V>> | null
  /** True: the key is not the one that the records are partitioned by. */
  readonly isKeyChanged: boolean
  /** True: every task sees all its records, so their keys belong to no partition. */
  readonly isBroadcast: boolean
}

/** How the result of a stateful operator is kept and handed on. */
export interface Materialized<K, V> extends Serdes<K, V> {
  readonly store: string
  /** How long after its last update, in stream time, a row is kept; absent: for ever. Where: see `time-to-live.ts`. */
  readonly ttlMs?: number
  /** `per-record`: each change at once (the default). `on-commit`: of each key the last one of a batch. */
  readonly emit?: Emit
  /**
   * The fact topic that is the table's changelog, written from its store: with each commit one record for each row that
   * has changed, as the commit leaves it, and null for a row that is gone, whatever `emit` says. State is restored from
   * it. It is compacted, nothing else writes to it, and its schema has all that the rows have. Not with a `ttlMs`. The
   * node that stands for it is `STORE-facts`. Kept without `keySerde`, the table has the topic's.
   */
  readonly changelog?: TopicDefinition<K, NonNullable<V>>
}

/** How a table that is read from a topic or made from a stream is kept. It remembers deletes, which a compacted topic
 * forgets: its changelog is its own. */
export interface MaterializedRows<K, V> extends Omit<Materialized<K, V>, 'changelog'> {
  /** Makes it a versioned table (KIP-889): how far back, in stream time, it is known what each key held. A stream is then
   * joined with the row that was there at its record's time (KIP-914). For rows that change now and then: a key's
   * versions are kept as one value. */
  readonly historyMs?: number
}

/** For results whose type no earlier operator knows a serde of. */
export interface MaterializedAs<K, V> extends Materialized<K, V> {
  readonly valueSerde: Serde<NonNullable<V>>
}

/** How a join of streams keeps its sides: the stores `STORE-left`, `STORE-right` and, of a left or outer join,
 * `STORE-unjoined`. */
export interface StreamJoined<K, V, VOther> extends Serdes<K, V> {
  readonly store: string
  readonly otherValueSerde?: Serde<NonNullable<VOther>>
}

export interface RepartitionOptions<K, V> extends Serdes<K, V> {
  readonly partitionCount?: number
}

export interface ProcessOptions<KOut, VOut> extends Serdes<KOut, VOut> {
  readonly stores?: readonly StoreDefinition[]
  readonly supplier: ProcessorSupplier<any, any, KOut, VOut>
  /** True: the processor forwards every record under the key it came with. Absent, a stateful operator after
   * it is given a repartition topic. */
  readonly keepsKey?: boolean
}

/** A topic that takes these keys and values; any topic where a processor forwards several kinds of records. */
export type SinkTopic<K, V> = unknown extends V
  ? TopicDefinition<any, any>
  : TopicDefinition<any, any> & {
      readonly keySerde: Pick<Serde<K>, 'serialize'>
      readonly keyOf?: (value: NonNullable<V>) => unknown
    }

export type Predicate<K, V> = (key: K, value: V) => boolean

export interface KStream<K, V> {
  readonly at: StreamPosition<K, V>

  map<K2, V2>(
    name: string,
    mapper: (key: K, value: V) => readonly [K2, V2],
    serdes?: Serdes<K2, V2>,
  ): KStream<K2, V2>
  mapValues<V2>(
    name: string,
    mapper: (value: V, key: K) => V2,
    serdes?: Pick<Serdes<K, V2>, 'valueSerde'>,
  ): KStream<K, V2>
  flatMap<K2, V2>(
    name: string,
    mapper: (key: K, value: V) => Iterable<readonly [K2, V2]>,
    serdes?: Serdes<K2, V2>,
  ): KStream<K2, V2>
  flatMapValues<V2>(
    name: string,
    mapper: (value: V, key: K) => Iterable<V2>,
    serdes?: Pick<Serdes<K, V2>, 'valueSerde'>,
  ): KStream<K, V2>
  filter(name: string, predicate: Predicate<K, V>): KStream<K, V>
  filterNot(name: string, predicate: Predicate<K, V>): KStream<K, V>
  peek(name: string, action: (key: K, value: V) => void): KStream<K, V>
  /** Each record to the first branch whose predicate holds, in the order given; to none where none does. The
   * node of branch B is `NAME-B`. */
  branch<B extends string>(
    name: string,
    branches: Readonly<Record<B, Predicate<K, V>>>,
  ): Readonly<Record<B, KStream<K, V>>>
  merge(name: string, ...others: KStream<K, V>[]): KStream<K, V>

  selectKey<K2>(
    name: string,
    selector: (key: K, value: V) => K2,
    serdes?: Serdes<K2, V>,
  ): KStream<K2, V>
  /** Sends the records through a topic of their own, so that they are partitioned by their key. */
  repartition(name: string, options?: RepartitionOptions<K, V>): KStream<K, V>
  /** By a new key, through a repartition topic. */
  groupBy<K2>(
    name: string,
    selector: (key: K, value: V) => K2 | null,
    serdes?: Serdes<K2, V>,
  ): KGroupedStream<K2, NonNullable<V>>
  /** By the key that the records have; through a repartition topic where that has changed. */
  groupByKey(name: string, serdes?: Serdes<K, V>): KGroupedStream<K, NonNullable<V>>
  /** The latest value of each key by event time (docs/decisions/0002-tables-by-event-time.md). */
  toTable(name: string, materialized: MaterializedRows<K, V>): KTable<K, NonNullable<V>>

  /** With the row that the table has when the record is processed; records without one are left out. */
  join<VTable, R>(
    name: string,
    table: KTable<K, VTable>,
    joiner: (value: NonNullable<V>, tableValue: VTable, key: K) => R,
  ): KStream<K, R>
  join<KGlobal, VTable, R>(
    name: string,
    table: GlobalTable<KGlobal, VTable>,
    keyMapper: (key: K, value: NonNullable<V>) => KGlobal | null,
    joiner: (value: NonNullable<V>, tableValue: VTable, key: K) => R,
  ): KStream<K, R>
  leftJoin<VTable, R>(
    name: string,
    table: KTable<K, VTable>,
    joiner: (value: NonNullable<V>, tableValue: VTable | null, key: K) => R,
  ): KStream<K, R>
  leftJoin<KGlobal, VTable, R>(
    name: string,
    table: GlobalTable<KGlobal, VTable>,
    keyMapper: (key: K, value: NonNullable<V>) => KGlobal | null,
    joiner: (value: NonNullable<V>, tableValue: VTable | null, key: K) => R,
  ): KStream<K, R>

  /** Each pair of records that have one key and are close enough in time, under the later one's time. Both topics must
   * have as many partitions. */
  join<VOther, R>(
    name: string,
    other: KStream<K, VOther>,
    joiner: (value: NonNullable<V>, otherValue: NonNullable<VOther>, key: K) => R,
    windows: JoinWindows,
    joined: StreamJoined<K, V, VOther>,
  ): KStream<K, R>
  /** As `join`; a record of this stream that has found no partner when its window closes goes out with null. */
  leftJoin<VOther, R>(
    name: string,
    other: KStream<K, VOther>,
    joiner: (value: NonNullable<V>, otherValue: NonNullable<VOther> | null, key: K) => R,
    windows: JoinWindows,
    joined: StreamJoined<K, V, VOther>,
  ): KStream<K, R>
  /** As `leftJoin`, for the records of both streams. */
  outerJoin<VOther, R>(
    name: string,
    other: KStream<K, VOther>,
    joiner: (value: NonNullable<V> | null, otherValue: NonNullable<VOther> | null, key: K) => R,
    windows: JoinWindows,
    joined: StreamJoined<K, V, VOther>,
  ): KStream<K, R>

  process<KOut, VOut>(name: string, options: ProcessOptions<KOut, VOut>): KStream<KOut, VOut>
  to(name: string, topic: SinkTopic<K, V>): void
}

export interface TablePosition<K, V> {
  readonly node: NodeName
  readonly keySerde: Serde<K> | null
  readonly valueSerde: Serde<NonNullable<V>> | null
  readonly view: TableView<K, V>
  /** Of a table of windows that have not been grouped otherwise since. */
  readonly windows?: Windows
  /** The table whose `ttlMs` lets its rows go: this one, or the one that it filters or maps. */
  readonly expiring?: string
}

export interface KTable<K, V> {
  readonly at: TablePosition<K, V>

  /** Rows that do not pass are not in the result; one that no longer passes is deleted from it. */
  filter(name: string, predicate: (key: K, value: V) => boolean): KTable<K, V>
  filterNot(name: string, predicate: (key: K, value: V) => boolean): KTable<K, V>
  /** Null leaves the row out. */
  mapValues<V2>(
    name: string,
    mapper: (value: V, key: K) => V2 | null,
    serdes?: Pick<Serdes<K, V2>, 'valueSerde'>,
  ): KTable<K, V2>
  /** Holds updates back until stream time says so; on a quiet topic that goes on with the wall clock. */
  suppress(name: string, suppressed: Suppressed, options: SuppressOptions<K, V>): KTable<K, V>
  /** Each change as a record of its new value; null for a delete. */
  toStream(name: string): KStream<K, V | null>
  groupBy<K2, V2>(
    name: string,
    selector: (key: K, value: V) => readonly [K2, V2],
    serdes?: Serdes<K2, V2>,
  ): KGroupedTable<K2, V2>
  /** The rows that both tables have under a key, joined, and kept right as either changes. Both must have as many
   * partitions. `materialized.store` holds the result. */
  join<VOther, R>(
    name: string,
    other: KTable<K, VOther>,
    joiner: (value: V, otherValue: VOther, key: K) => R,
    materialized: MaterializedAs<K, R>,
  ): KTable<K, R>
  /** As `join`, with null for the other row where there is none. */
  leftJoin<VOther, R>(
    name: string,
    other: KTable<K, VOther>,
    joiner: (value: V, otherValue: VOther | null, key: K) => R,
    materialized: MaterializedAs<K, R>,
  ): KTable<K, R>
  /** As `join`, with null for either row where there is none; never for both. */
  outerJoin<VOther, R>(
    name: string,
    other: KTable<K, VOther>,
    joiner: (value: V | null, otherValue: VOther | null, key: K) => R,
    materialized: MaterializedAs<K, R>,
  ): KTable<K, R>
  /**
   * Each row with the row of the other table that it points to, kept right as either changes (KIP-213).
   * `materialized.store` holds the result; `STORE-subscriptions` holds who points where.
   * @param foreignKeyOf null where the row points nowhere
   */
  foreignKeyJoin<KOther, VOther, R>(
    name: string,
    other: KTable<KOther, VOther>,
    foreignKeyOf: (value: V, key: K) => KOther | null,
    joiner: (value: V, otherValue: VOther, key: K) => R,
    materialized: MaterializedAs<K, R>,
  ): KTable<K, R>
  foreignKeyLeftJoin<KOther, VOther, R>(
    name: string,
    other: KTable<KOther, VOther>,
    foreignKeyOf: (value: V, key: K) => KOther | null,
    joiner: (value: V, otherValue: VOther | null, key: K) => R,
    materialized: MaterializedAs<K, R>,
  ): KTable<K, R>
}

/** A table of which every task has all rows. */
export interface GlobalTable<K, V> {
  readonly globalAt: TablePosition<K, V>
}

export interface KGroupedStream<K, V> {
  readonly at: StreamPosition<K, V>
  count(name: string, materialized: Materialized<K, number>): KTable<K, number>
  reduce(
    name: string,
    reducer: (aggregate: V, value: V) => V,
    materialized: Materialized<K, V>,
  ): KTable<K, V>
  /** @param aggregator null deletes the group's row */
  aggregate<A>(
    name: string,
    initializer: () => A,
    aggregator: (key: K, value: V, aggregate: A) => A | null,
    materialized: MaterializedAs<K, A>,
  ): KTable<K, A>
  windowedBy(windows: TimeWindows | SlidingWindows): TimeWindowedStream<K, V>
  windowedBy(windows: SessionWindows): SessionWindowedStream<K, V>
  /** The first of several grouped streams that are folded into one aggregate (KIP-150).
   * @param aggregator how this stream's values go into it; null deletes the group's row */
  cogroup<A>(aggregator: (key: K, value: V, aggregate: A) => A | null): CogroupedStream<K, A>
}

/** Grouped streams of one key, each with its own aggregator, and one node and one store for all of them. */
export interface CogroupedStream<K, A> {
  cogroup<V>(
    stream: KGroupedStream<K, V>,
    aggregator: (key: K, value: V, aggregate: A) => A | null,
  ): CogroupedStream<K, A>
  aggregate(name: string, initializer: () => A, materialized: MaterializedAs<K, A>): KTable<K, A>
  windowedBy(windows: TimeWindows | SlidingWindows): TimeWindowedCogroupedStream<K, A>
  windowedBy(windows: SessionWindows): SessionWindowedCogroupedStream<K, A>
}

export interface TimeWindowedCogroupedStream<K, A> {
  aggregate(
    name: string,
    initializer: () => A,
    materialized: WindowedMaterializedAs<K, A>,
  ): KTable<Windowed<K>, A>
}

/** The aggregators of sessions must not give null. */
export interface SessionWindowedCogroupedStream<K, A> {
  /** @param merger as of a session window of one stream */
  aggregate(
    name: string,
    initializer: () => A,
    merger: (key: K, one: A, other: A) => A,
    materialized: WindowedMaterializedAs<K, A>,
  ): KTable<Windowed<K>, A>
}

export interface TimeWindowedStream<K, V> {
  count(name: string, materialized: WindowedMaterialized<K, number>): KTable<Windowed<K>, number>
  reduce(
    name: string,
    reducer: (aggregate: V, value: V) => V,
    materialized: WindowedMaterialized<K, V>,
  ): KTable<Windowed<K>, V>
  aggregate<A>(
    name: string,
    initializer: () => A,
    aggregator: (key: K, value: V, aggregate: A) => A | null,
    materialized: WindowedMaterializedAs<K, A>,
  ): KTable<Windowed<K>, A>
}

export interface SessionWindowedStream<K, V> {
  count(name: string, materialized: WindowedMaterialized<K, number>): KTable<Windowed<K>, number>
  reduce(
    name: string,
    reducer: (aggregate: V, value: V) => V,
    materialized: WindowedMaterialized<K, V>,
  ): KTable<Windowed<K>, V>
  /** @param merger joins the aggregates of two sessions that a record has connected, the earlier one first. As in
   * Kafka Streams it is also given what `initializer` makes, with the first session that a record belongs to. */
  aggregate<A>(
    name: string,
    initializer: () => A,
    aggregator: (key: K, value: V, aggregate: A) => A,
    merger: (key: K, one: A, other: A) => A,
    materialized: WindowedMaterializedAs<K, A>,
  ): KTable<Windowed<K>, A>
}

export interface KGroupedTable<K, V> {
  count(name: string, materialized: Materialized<K, number>): KTable<K, number>
  /** @param subtractor takes a value out again, in whatever order values came in */
  reduce(
    name: string,
    adder: (aggregate: V, value: V) => V,
    subtractor: (aggregate: V, value: V) => V,
    materialized: Materialized<K, V>,
  ): KTable<K, V>
  aggregate<A>(
    name: string,
    initializer: () => A,
    adder: (key: K, value: V, aggregate: A) => A | null,
    subtractor: (key: K, value: V, aggregate: A) => A | null,
    materialized: MaterializedAs<K, A>,
  ): KTable<K, A>
}
