import type { ProcessorSupplier } from '../processors/processor.ts'
import {
  branchSupplier,
  filterSupplier,
  flatMapSupplier,
  flatMapValuesSupplier,
  mapSupplier,
  mapValuesSupplier,
  passThroughSupplier,
  peekSupplier,
  selectKeySupplier,
} from '../processors/stateless.ts'
import { StreamTableJoinProcessor } from '../processors/stream-table-join.ts'
import type { JoinKind } from '../processors/table-table-join.ts'
import type { JoinWindows } from '../processors/windows.ts'
import type { Draft } from './draft.ts'
import { GroupedStream } from './grouped-stream.ts'
import { addProcess } from './process.ts'
import { addStreamStreamJoin } from './stream-stream-join.ts'
import { addTableSource } from './table-source.ts'
import type {
  GlobalTable,
  KGroupedStream,
  KStream,
  KTable,
  MaterializedRows,
  Predicate,
  ProcessOptions,
  RepartitionOptions,
  Serdes,
  SinkTopic,
  StreamJoined,
  StreamPosition,
} from './streams.ts'

type Joiner = (value: any, tableValue: any, key: any) => any
type KeyMapper = (key: any, value: any) => any
type AnyJoined = StreamJoined<any, any, any>
/** What a stream is joined with, and the arguments that go with each kind of it. */
type Partner = KStream<any, any> | KTable<any, any> | GlobalTable<any, any>
type JoinArguments = [Joiner | KeyMapper, (Joiner | JoinWindows)?, AnyJoined?]

export class Stream<K, V> implements KStream<K, V> {
  readonly at: StreamPosition<K, V>
  readonly #draft: Draft

  constructor(draft: Draft, at: StreamPosition<K, V>) {
    this.#draft = draft
    this.at = at
  }

  map<K2, V2>(
    name: string,
    mapper: (key: K, value: V) => readonly [K2, V2],
    serdes: Serdes<K2, V2> = {},
  ): KStream<K2, V2> {
    return this.#rekeyed(name, mapSupplier(mapper), serdes)
  }

  mapValues<V2>(
    name: string,
    mapper: (value: V, key: K) => V2,
    serdes: Pick<Serdes<K, V2>, 'valueSerde'> = {},
  ): KStream<K, V2> {
    return this.#revalued(name, mapValuesSupplier(mapper), serdes)
  }

  flatMap<K2, V2>(
    name: string,
    mapper: (key: K, value: V) => Iterable<readonly [K2, V2]>,
    serdes: Serdes<K2, V2> = {},
  ): KStream<K2, V2> {
    return this.#rekeyed(name, flatMapSupplier(mapper), serdes)
  }

  flatMapValues<V2>(
    name: string,
    mapper: (value: V, key: K) => Iterable<V2>,
    serdes: Pick<Serdes<K, V2>, 'valueSerde'> = {},
  ): KStream<K, V2> {
    return this.#revalued(name, flatMapValuesSupplier(mapper), serdes)
  }

  filter(name: string, predicate: Predicate<K, V>): KStream<K, V> {
    return this.#same(name, filterSupplier(predicate))
  }

  filterNot(name: string, predicate: Predicate<K, V>): KStream<K, V> {
    return this.#same(
      name,
      filterSupplier<K, V>((key, value) => !predicate(key, value)),
    )
  }

  peek(name: string, action: (key: K, value: V) => void): KStream<K, V> {
    return this.#same(name, peekSupplier(action))
  }

  branch<B extends string>(
    name: string,
    branches: Readonly<Record<B, Predicate<K, V>>>,
  ): Readonly<Record<B, KStream<K, V>>> {
    const named = (Object.entries(branches) as [B, Predicate<K, V>][]).map(([key, predicate]) => ({
      key,
      child: `${name}-${key}`,
      predicate,
    }))
    const parent = this.#draft.processor(name, [this.at.node], branchSupplier(named))
    const streams = named.map(({ key, child }) => {
      const node = this.#draft.processor(child, [parent], passThroughSupplier)
      return [key, this.#stream({ ...this.at, node })] as const
    })
    return Object.fromEntries(streams) as Record<B, KStream<K, V>>
  }

  merge(name: string, ...others: KStream<K, V>[]): KStream<K, V> {
    const all = [this, ...others].map(({ at }) => at)
    const node = this.#draft.processor(
      name,
      all.map((at) => at.node),
      passThroughSupplier,
    )
    const isBroadcast = all.every((at) => at.isBroadcast)
    const isKeyChanged = all.some((at) => at.isKeyChanged)
    return this.#stream({ ...this.at, node, isKeyChanged, isBroadcast })
  }

  selectKey<K2>(
    name: string,
    selector: (key: K, value: V) => K2,
    serdes: Serdes<K2, V> = {},
  ): KStream<K2, V> {
    const valueSerde = serdes.valueSerde ?? this.at.valueSerde
    return this.#rekeyed(name, selectKeySupplier(selector), {
      ...serdes,
      ...(valueSerde === null ? {} : { valueSerde }),
    })
  }

  repartition(name: string, options: RepartitionOptions<K, V> = {}): KStream<K, V> {
    const keySerde = this.#draft.serde(options.keySerde ?? this.at.keySerde, name, 'a keySerde')
    const valueSerde = this.#draft.serde(
      options.valueSerde ?? this.at.valueSerde,
      name,
      'a valueSerde',
    )
    const { partitionCount } = options
    const count = partitionCount === undefined ? {} : { partitionCount }
    const node = this.#draft.repartition(name, this.at.node, { keySerde, valueSerde, ...count })
    return this.#stream({ node, keySerde, valueSerde, isKeyChanged: false, isBroadcast: false })
  }

  groupBy<K2>(
    name: string,
    selector: (key: K, value: V) => K2 | null,
    serdes: Serdes<K2, V> = {},
  ): KGroupedStream<K2, NonNullable<V>> {
    const supplier = selectKeySupplier(selector as (key: K, value: V) => K2)
    const node = this.#draft.processor(name, [this.at.node], supplier)
    return this.#grouped(name, {
      ...this.at,
      node,
      keySerde: serdes.keySerde ?? null,
      valueSerde: serdes.valueSerde ?? this.at.valueSerde,
      isKeyChanged: true,
    })
  }

  groupByKey(name: string, serdes: Serdes<K, V> = {}): KGroupedStream<K, NonNullable<V>> {
    return this.#grouped(name, {
      ...this.at,
      keySerde: serdes.keySerde ?? this.at.keySerde,
      valueSerde: serdes.valueSerde ?? this.at.valueSerde,
    })
  }

  toTable(name: string, materialized: MaterializedRows<K, V>): KTable<K, NonNullable<V>> {
    const known = {
      ...this.at,
      keySerde: materialized.keySerde ?? this.at.keySerde,
      valueSerde: materialized.valueSerde ?? this.at.valueSerde,
    }
    const from = this.#draft.partitioned(name, known)
    const at = addTableSource<K, V>(this.#draft, name, from.node, known, materialized)
    return this.#draft.forms.table<K, NonNullable<V>>(this.#draft, at)
  }

  join(name: string, other: Partner, ...rest: JoinArguments): KStream<K, any> {
    return this.#joined(name, other, 'inner', rest)
  }

  leftJoin(name: string, other: Partner, ...rest: JoinArguments): KStream<K, any> {
    return this.#joined(name, other, 'left', rest)
  }

  outerJoin(name: string, other: KStream<any, any>, ...rest: JoinArguments): KStream<K, any> {
    return this.#joined(name, other, 'outer', rest)
  }

  process<KOut, VOut>(name: string, options: ProcessOptions<KOut, VOut>): KStream<KOut, VOut> {
    return this.#stream(addProcess(this.#draft, name, [this.at], options))
  }

  to(name: string, topic: SinkTopic<K, V>): void {
    this.#draft.sink(name, this.at.node, topic)
  }

  #joined(name: string, other: Partner, kind: JoinKind, rest: JoinArguments): KStream<K, unknown> {
    const [first, second, third] = rest
    if (!('globalAt' in other) && !('view' in other.at)) {
      const sides = { left: this.at, right: other.at }
      const join = { ...sides, kind, joiner: first, windows: second as JoinWindows }
      const joined = addStreamStreamJoin<K, any, any, unknown>(
        this.#draft,
        name,
        join,
        third as StreamJoined<K, any, any>,
      )
      return this.#stream<K, unknown>(joined)
    }
    const isGlobal = 'globalAt' in other
    const { view } = isGlobal ? other.globalAt : (other as KTable<any, any>).at
    const options = isGlobal
      ? { keyOf: first as KeyMapper, joiner: second as Joiner, needsKey: false }
      : { keyOf: (key: K) => key, joiner: first as Joiner, needsKey: true }
    const from = isGlobal ? this.at : this.#draft.partitioned(name, this.at)
    const isLeft = kind === 'left'
    const supplier = () => new StreamTableJoinProcessor({ table: view, isLeft, ...options })
    const node = this.#draft.processor(name, [from.node], supplier, view.stores)
    return this.#stream<K, unknown>({ ...from, node, valueSerde: null })
  }

  #grouped<K2>(name: string, at: StreamPosition<K2, V>): KGroupedStream<K2, NonNullable<V>> {
    return new GroupedStream(
      this.#draft,
      this.#draft.partitioned(name, at) as StreamPosition<K2, NonNullable<V>>,
    )
  }

  #same(name: string, supplier: ProcessorSupplier): KStream<K, V> {
    return this.#stream({ ...this.at, node: this.#draft.processor(name, [this.at.node], supplier) })
  }

  #revalued<V2>(
    name: string,
    supplier: ProcessorSupplier,
    { valueSerde }: Pick<Serdes<K, V2>, 'valueSerde'>,
  ): KStream<K, V2> {
    const node = this.#draft.processor(name, [this.at.node], supplier)
    return this.#stream<K, V2>({ ...this.at, node, valueSerde: valueSerde ?? null })
  }

  #rekeyed<K2, V2>(
    name: string,
    supplier: ProcessorSupplier,
    serdes: Serdes<K2, V2>,
  ): KStream<K2, V2> {
    const node = this.#draft.processor(name, [this.at.node], supplier)
    return this.#stream<K2, V2>({
      node,
      keySerde: serdes.keySerde ?? null,
      valueSerde: serdes.valueSerde ?? null,
      isKeyChanged: true,
      isBroadcast: this.at.isBroadcast,
    })
  }

  #stream<K2, V2>(at: StreamPosition<K2, V2>): KStream<K2, V2> {
    return new Stream(this.#draft, at)
  }
}
