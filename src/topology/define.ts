/** Where a topology begins: `defineTopology('mcq', (builder) => { … })` is a value, checked and ready to run. */
import type { TopicDefinition } from '../core/topic.ts'
import { Draft } from './draft.ts'
import type { Forms } from './draft.ts'
import { PoliciesOfNodes } from './error-policies.ts'
import type { ErrorPolicies } from './error-policies.ts'
import { factSinks } from './fact-changelog.ts'
import type { TopologyGraph } from './graph.ts'
import { addProcess } from './process.ts'
import { Stream } from './stream.ts'
import type {
  GlobalTable,
  KStream,
  KTable,
  MaterializedRows,
  ProcessOptions,
  TablePosition,
} from './streams.ts'
import { subTopologiesOf, topologicalOrder } from './sub-topologies.ts'
import { addTableSource } from './table-source.ts'
import { Table } from './table.ts'
import { tableValueSerde } from './table-value-serde.ts'
import { faultsOf, refuse } from './validate.ts'

export interface TopologyBuilder {
  /** Records as they come; a value is null where the topic has a tombstone. */
  stream<K, V>(name: string, topic: TopicDefinition<K, V>): KStream<K, V | null>
  /** A stream whose records reach every task, from all partitions of the topic. */
  broadcast<K, V>(name: string, topic: TopicDefinition<K, V>): KStream<K, V | null>
  /** The latest value of each key by event time (docs/decisions/0002-tables-by-event-time.md). The nodes are
   * `NAME-source` and `NAME`. Without `valueSerde` rows are kept in the Avro of the topic's schema. */
  table<K, V>(
    name: string,
    topic: TopicDefinition<K, V>,
    materialized: MaterializedRows<K, V>,
  ): KTable<K, NonNullable<V>>
  /** As `table`, with all rows in every task: for joins by any key. */
  globalTable<K, V>(
    name: string,
    topic: TopicDefinition<K, V>,
    materialized: Omit<MaterializedRows<K, V>, 'emit'>,
  ): GlobalTable<K, NonNullable<V>>
  /** One processor for several streams; `process(record, parent)` says which one a record comes from. */
  process<KOut, VOut>(
    name: string,
    options: ProcessOptions<KOut, VOut> & { readonly inputs: readonly KStream<any, any>[] },
  ): KStream<KOut, VOut>
}

const forms: Forms = {
  stream: (draft, at) => new Stream(draft, at),
  table: (draft, at) => new Table(draft, at),
}

/** @throws TidemarkError TOPOLOGY_INVALID with every fault of the topology */
export function defineTopology(
  name: string,
  build: (builder: TopologyBuilder) => void,
  errorPolicies: ErrorPolicies = {},
): TopologyGraph {
  const draft = new Draft(name, forms, new PoliciesOfNodes(errorPolicies))
  build(new Builder(draft))
  const nodes = topologicalOrder([...draft.nodes, ...factSinks(draft.nodes, draft.stores)])
  const subTopologies = subTopologiesOf(nodes, draft.stores)
  const graph: TopologyGraph = { name, nodes, stores: draft.stores, subTopologies }
  refuse(name, [...draft.faults, ...draft.policies.faults(), ...faultsOf(graph)])
  return graph
}

class Builder implements TopologyBuilder {
  readonly #draft: Draft

  constructor(draft: Draft) {
    this.#draft = draft
  }

  stream<K, V>(name: string, topic: TopicDefinition<K, V>): KStream<K, V | null> {
    return this.#stream(name, topic, false)
  }

  broadcast<K, V>(name: string, topic: TopicDefinition<K, V>): KStream<K, V | null> {
    return this.#stream(name, topic, true)
  }

  table<K, V>(
    name: string,
    topic: TopicDefinition<K, V>,
    materialized: MaterializedRows<K, V>,
  ): KTable<K, NonNullable<V>> {
    return new Table(this.#draft, this.#table(name, topic, materialized, false))
  }

  globalTable<K, V>(
    name: string,
    topic: TopicDefinition<K, V>,
    materialized: Omit<MaterializedRows<K, V>, 'emit'>,
  ): GlobalTable<K, NonNullable<V>> {
    return { globalAt: this.#table(name, topic, materialized, true) }
  }

  process<KOut, VOut>(
    name: string,
    options: ProcessOptions<KOut, VOut> & { readonly inputs: readonly KStream<any, any>[] },
  ): KStream<KOut, VOut> {
    const inputs = options.inputs.map((input) => input.at)
    return new Stream(this.#draft, addProcess(this.#draft, name, inputs, options))
  }

  #stream<K, V>(name: string, topic: TopicDefinition<K, V>, broadcast: boolean) {
    return new Stream<K, V | null>(this.#draft, {
      node: this.#draft.source(name, topic, broadcast),
      keySerde: topic.keySerde,
      valueSerde: null,
      isKeyChanged: false,
      isBroadcast: broadcast,
    })
  }

  #table<K, V>(
    name: string,
    topic: TopicDefinition<K, V>,
    materialized: MaterializedRows<K, V>,
    broadcast: boolean,
  ): TablePosition<K, NonNullable<V>> {
    const source = this.#draft.source(`${name}-source`, topic, broadcast)
    const valueSerde = materialized.valueSerde ?? tableValueSerde<V>(this.#draft, name, topic)
    const known = { keySerde: topic.keySerde, valueSerde }
    return addTableSource<K, V>(this.#draft, name, source, known, materialized)
  }
}
