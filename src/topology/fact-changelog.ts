/**
 * Stores whose changelog is a fact topic (docs/decisions/0014-facts-as-changelogs.md): how they stand in the graph, and
 * what speaks against one.
 */
import type { StoreName } from '../core/record.ts'
import type { TopicDefinition } from '../core/topic.ts'
import { isTimestampedSerde } from '../processors/timestamped.ts'
import type { KeyValueStoreDefinition, StoreDefinition } from '../state/stores.ts'
import { nodeName } from './graph.ts'
import type { GraphNode, SinkNode, TopologyGraph } from './graph.ts'
import { countedOf } from './partition-counts.ts'

export type FactSinkNode = SinkNode & { readonly store: StoreName }

export function isFactSink(node: GraphNode): node is FactSinkNode {
  return node.kind === 'sink' && node.store !== undefined
}

/** Null where the store has another changelog. */
export function factTopicOf(definition: StoreDefinition): TopicDefinition | null {
  return definition.kind === 'key-value' ? (definition.factTopic ?? null) : null
}

/** The nodes that stand for such topics, below the first node that has the store. */
export function factSinks(
  nodes: readonly GraphNode[],
  stores: readonly StoreDefinition[],
): FactSinkNode[] {
  return stores.flatMap((definition) => {
    const topic = factTopicOf(definition)
    const store = definition.name
    const owner = nodes.find((node) => node.kind === 'processor' && node.stores.includes(store))
    if (topic === null || owner === undefined) return []
    const name = nodeName(`${store}-facts`)
    return [{ kind: 'sink', name, parents: [owner.name], topic, store }]
  })
}

/** Of topologies that run together: what one of them writes to the changelog of another one's store. */
export function sharedFactFaults(graphs: readonly TopologyGraph[]): string[] {
  const kept = graphs.flatMap(({ name, nodes }) =>
    nodes.filter(isFactSink).map(({ topic, store }) => ({ topology: name, topic, store })),
  )
  return graphs.flatMap(({ name, nodes }) =>
    nodes.flatMap((node) => {
      if (node.kind !== 'sink') return []
      const other = kept.find(
        (each) => each.topology !== name && each.topic.name === node.topic.name,
      )
      if (other === undefined) return []
      const { topology, store } = other
      return [
        `topology "${name}": node "${node.name}" writes to topic "${node.topic.name}", the changelog of store ` +
          `"${store}" of topology "${topology}"; let it be written from that store alone`,
      ]
    }),
  )
}

export function factChangelogFaults(graph: TopologyGraph): string[] {
  return graph.stores.flatMap((store) => {
    if (store.kind !== 'key-value' || store.factTopic === undefined) return []
    const why = `topic "${store.factTopic.name}" cannot be the changelog of store "${store.name}"`
    return faultsOf(graph, store, store.factTopic).map((fault) => `${why}: ${fault}`)
  })
}

function faultsOf(
  { nodes, subTopologies }: TopologyGraph,
  { name, keySerde, valueSerde, ttlMs }: KeyValueStoreDefinition,
  topic: TopicDefinition<any, any>,
): string[] {
  const faults: string[] = []
  if (topic.cleanupPolicy !== 'compact') {
    faults.push('it is not compacted and forgets rows; give it the cleanupPolicy "compact"')
  }
  if (topic.keySerde !== keySerde) {
    faults.push(
      'their keys are written by different serdes; give the store the keySerde of the topic',
    )
  }
  if (ttlMs !== null) {
    faults.push(
      'the store forgets rows after its ttlMs, and the facts would be deleted with them; leave the ttlMs out, or ' +
        'write the facts with "to"',
    )
  }
  if (!isTimestampedSerde(valueSerde) && topic.eventTimeMsOf === undefined) {
    faults.push('neither knows the times of its rows; give the topic an eventTimeMsOf')
  }
  const tasks = subTopologies.find(({ stores }) => stores.some((store) => store.name === name))
  const taskCount = tasks === undefined ? undefined : countedOf(tasks)
  if (taskCount !== topic.partitionCount) {
    const [own, other] = [topic.partitionCount, taskCount].map(
      (count) => count ?? 'the default number of',
    )
    faults.push(
      `it has ${own} partitions and the input of the store ${other}; give both one partitionCount`,
    )
  }
  for (const node of nodes) {
    if (node.kind !== 'sink' || node.topic.name !== topic.name || node.store === name) continue
    faults.push(`node "${node.name}" writes it too; let it be written from the store alone`)
  }
  return faults
}
