/**
 * A topology as a value: nodes, the stores they use and the topics they read and write. The DSL builds one,
 * `validate` refuses a wrong one before anything opens, `describe` prints it, the runtime executes it.
 *
 * Invariants:
 *  1. Every node, store and topic has a name that the user gave; names of nodes and of stores are unique.
 *  2. Where a key changes, a repartition topic stands before the next stateful node; within a sub-topology a
 *     stateful node therefore sees keys that belong to its partition.
 *  3. The sub-topologies are the connected components of the graph once repartition topics are cut, where
 *     nodes that share a store are connected too; each runs as one task per partition, has at least one source
 *     that is not broadcast, and all those sources have equal partition counts.
 *  4. A repartition topic carries a null value as a null value; its serde sees only what is not null.
 *  5. Tables travel as changes (`processors/change.ts`) between the nodes of a table and over the repartition
 *     topic of a grouped table; what reaches a sink is a plain value, null for a delete.
 */
import type { StoreName } from '../core/record.ts'
import type { InternalTopic, TopicDefinition } from '../core/topic.ts'
import type { StoreDefinition } from '../state/stores.ts'
import type { ErrorPolicy, ProcessorSupplier } from '../processors/processor.ts'

export type NodeName = string & { readonly nodeName: true }

export function nodeName(name: string): NodeName {
  return name as NodeName
}

export interface SourceNode {
  readonly kind: 'source'
  readonly name: NodeName
  readonly topic: TopicDefinition
  /** True: every task reads all partitions of the topic (global tables, reference data). Its positions are
   * kept with the task's state, because the group's offsets have one place a partition. */
  readonly broadcast: boolean
}

export interface RepartitionSourceNode {
  readonly kind: 'repartition-source'
  readonly name: NodeName
  readonly topic: InternalTopic
}

export interface ProcessorNode {
  readonly kind: 'processor'
  readonly name: NodeName
  readonly parents: readonly NodeName[]
  readonly stores: readonly StoreName[]
  readonly supplier: ProcessorSupplier
  /** Absent: fail. */
  readonly onError?: ErrorPolicy
}

export interface SinkNode {
  readonly kind: 'sink'
  readonly name: NodeName
  readonly parents: readonly NodeName[]
  readonly topic: TopicDefinition
  readonly onError?: ErrorPolicy
  /** Present: the topic is the store's changelog, written from it with each commit; no record is sent here. */
  readonly store?: StoreName
}

export interface RepartitionSinkNode {
  readonly kind: 'repartition-sink'
  readonly name: NodeName
  readonly parents: readonly NodeName[]
  readonly topic: InternalTopic
  readonly onError?: ErrorPolicy
}

export type GraphNode =
  SourceNode | RepartitionSourceNode | ProcessorNode | SinkNode | RepartitionSinkNode

export interface SubTopology {
  readonly index: number
  /** In topological order: parents before children. */
  readonly nodes: readonly GraphNode[]
  readonly stores: readonly StoreDefinition[]
}

export interface TopologyGraph {
  readonly name: string
  readonly nodes: readonly GraphNode[]
  readonly stores: readonly StoreDefinition[]
  readonly subTopologies: readonly SubTopology[]
}
