/**
 * The graph while the DSL builds it. It takes whatever it is given: mistakes that only the DSL can see (a serde
 * that is missing, a window without length) are kept as faults; `validate` finds the others in the graph.
 */
import { bytesSerde } from '../core/serde.ts'
import type { Serde } from '../core/serde.ts'
import type { StoreName, TopicName } from '../core/record.ts'
import type { InternalTopic, TopicDefinition } from '../core/topic.ts'
import type { Emit } from '../processors/change-emitter.ts'
import type { ErrorPolicy, ProcessorSupplier } from '../processors/processor.ts'
import { keyedSupplier } from '../processors/stateless.ts'
import { timestampedSerde } from '../processors/timestamped.ts'
import type { Timestamped } from '../processors/timestamped.ts'
import type { StoreDefinition } from '../state/stores.ts'
import type { PoliciesOfNodes } from './error-policies.ts'
import { nodeName } from './graph.ts'
import type { GraphNode, NodeName } from './graph.ts'
import { keyValueStore } from './stores.ts'
import type { KStream, KTable, Materialized, StreamPosition, TablePosition } from './streams.ts'

/** Makes the DSL's objects; handed down so that streams can make tables and tables streams. */
export interface Forms {
  stream<K, V>(draft: Draft, at: StreamPosition<K, V>): KStream<K, V>
  table<K, V>(draft: Draft, at: TablePosition<K, V>): KTable<K, V>
}

export interface TableStore<K, V> {
  readonly store: StoreName
  readonly keySerde: Serde<K>
  readonly valueSerde: Serde<V>
  readonly storedSerde: Serde<Timestamped<V>>
  readonly emit: Emit
}

export class Draft {
  readonly topology: string
  readonly forms: Forms
  readonly policies: PoliciesOfNodes
  readonly faults: string[] = []
  readonly nodes: GraphNode[] = []
  readonly stores: StoreDefinition[] = []

  constructor(topology: string, forms: Forms, policies: PoliciesOfNodes) {
    this.topology = topology
    this.forms = forms
    this.policies = policies
  }

  source(name: string, topic: TopicDefinition<any, any>, broadcast: boolean): NodeName {
    this.nodes.push({ kind: 'source', name: nodeName(name), topic, broadcast })
    return nodeName(name)
  }

  /** @param onError of the node that the user has named, where this one is derived from it */
  processor(
    name: string,
    parents: readonly NodeName[],
    supplier: ProcessorSupplier,
    stores: readonly StoreName[] = [],
    onError: ErrorPolicy = this.policies.of(name),
  ): NodeName {
    const own = withPolicy(onError)
    this.nodes.push({ kind: 'processor', name: nodeName(name), parents, stores, supplier, ...own })
    return nodeName(name)
  }

  sink(name: string, parent: NodeName, topic: TopicDefinition<any, any>): void {
    const own = withPolicy(this.policies.of(name))
    this.nodes.push({ kind: 'sink', name: nodeName(name), parents: [parent], topic, ...own })
  }

  store(definition: StoreDefinition): StoreName {
    if (!this.stores.includes(definition)) this.stores.push(definition)
    return definition.name
  }

  /** A topic between `parent` and what follows: its sink and its source. */
  internalTopic<K, V>(
    name: string,
    parent: NodeName,
    topic: Omit<InternalTopic<K, V>, 'name'>,
  ): NodeName {
    const definition = { ...topic, name: `${this.topology}-${name}` as TopicName }
    const sink = nodeName(`${name}-sink`)
    const source = nodeName(`${name}-source`)
    const own = withPolicy(this.policies.of(sink))
    const parents = [parent]
    this.nodes.push({ kind: 'repartition-sink', name: sink, parents, topic: definition, ...own })
    this.nodes.push({ kind: 'repartition-source', name: source, topic: definition })
    return source
  }

  repartition<K, V>(
    name: string,
    parent: NodeName,
    topic: Omit<InternalTopic<K, V>, 'name'>,
  ): NodeName {
    const filter = this.processor(`${name}-repartition-filter`, [parent], keyedSupplier)
    return this.internalTopic(`${name}-repartition`, filter, topic)
  }

  /** The stream as a stateful operator needs it: partitioned by its key. */
  partitioned<K, V>(name: string, at: StreamPosition<K, V>): StreamPosition<K, V> {
    if (!at.isKeyChanged || at.isBroadcast) return at
    const why = `its keys have changed, so a repartition topic stands in front`
    const keySerde = this.serde(at.keySerde, name, `a keySerde: ${why}`)
    const valueSerde = this.serde(at.valueSerde, name, `a valueSerde: ${why}`)
    const node = this.repartition(name, at.node, { keySerde, valueSerde })
    return { ...at, node, isKeyChanged: false }
  }

  /** The serde, or a fault and something to go on with. */
  serde<T>(serde: Serde<T> | null | undefined, node: string, need: string): Serde<T> {
    if (serde !== null && serde !== undefined) return serde
    this.faults.push(
      `node "${node}" needs ${need}; give it there or at the operator that made the key or value`,
    )
    return bytesSerde as unknown as Serde<T>
  }

  /** The serdes of a table's store, from the options or from what is known. */
  tableSerdes<K, V>(
    node: string,
    known: { keySerde: Serde<K> | null; valueSerde: Serde<NonNullable<V>> | null },
    materialized: Omit<Materialized<K, V>, 'ttlMs' | 'changelog'>,
  ): Omit<TableStore<K, NonNullable<V>>, 'store'> {
    const of = `for store "${materialized.store}"`
    const keySerde = this.serde(materialized.keySerde ?? known.keySerde, node, `a keySerde ${of}`)
    const valueSerde = this.serde(
      materialized.valueSerde ?? known.valueSerde,
      node,
      `a valueSerde ${of}`,
    )
    const storedSerde = timestampedSerde(valueSerde)
    return { keySerde, valueSerde, storedSerde, emit: materialized.emit ?? 'per-record' }
  }

  /** The key-value store that a table is kept in. */
  tableStore<K, V>(
    node: string,
    known: { keySerde: Serde<K> | null; valueSerde: Serde<NonNullable<V>> | null },
    { changelog: factTopic, ...materialized }: Materialized<K, V>,
  ): TableStore<K, NonNullable<V>> {
    const keys = factTopic === undefined ? known : { ...known, keySerde: factTopic.keySerde }
    const serdes = this.tableSerdes(node, keys, materialized)
    const { ttlMs } = materialized
    const options = ttlMs === undefined ? {} : { ttlMs }
    const definition = keyValueStore(
      materialized.store,
      serdes.keySerde,
      serdes.storedSerde,
      options,
    )
    const store = factTopic === undefined ? definition : { ...definition, factTopic }
    return { ...serdes, store: this.store(store) }
  }
}

/** Absent where it is the usual one: a graph says what is special. */
function withPolicy(onError: ErrorPolicy): { readonly onError?: ErrorPolicy } {
  return onError === 'fail' ? {} : { onError }
}
