/** From a fact topic back to the topics that it rests on, along the graph and over repartition topics. */
import type { TopologyGraph, GraphNode } from '../../src/topology/graph.ts'
import { parentsOf } from '../../src/topology/sub-topologies.ts'

export interface Lineage {
  readonly topology: string
  /** Topics that tasks read by partition. */
  readonly topics: readonly string[]
  /** Reference data: every task reads all of it. */
  readonly broadcastTopics: readonly string[]
  /** Processors, parents before children. */
  readonly processors: readonly string[]
  /** Stores of these. */
  readonly stores: readonly string[]
}

/** Null where no sink of the graph writes the topic. */
export function lineageOf(graph: TopologyGraph, factTopic: string): Lineage | null {
  const isEnd = (node: GraphNode) => node.kind === 'sink' && node.topic.name === factTopic
  const above = ancestorsOf(graph, graph.nodes.filter(isEnd))
  if (above.length === 0) return null
  const topics = new Set<string>()
  const broadcastTopics = new Set<string>()
  const processors: string[] = []
  const stores = new Set<string>()
  for (const node of above) {
    if (node.kind === 'source') (node.broadcast ? broadcastTopics : topics).add(node.topic.name)
    if (node.kind !== 'processor') continue
    // The filter before a repartition topic takes out records without a key: of no interest to a reader.
    if (!node.name.endsWith('-repartition-filter')) processors.push(node.name)
    for (const store of node.stores) stores.add(store)
  }
  return {
    topology: graph.name,
    topics: [...topics],
    broadcastTopics: [...broadcastTopics].filter((topic) => !topics.has(topic)),
    processors,
    stores: [...stores],
  }
}

/** In topological order over the sub-topologies: those that write a repartition topic before those that read it. */
function ancestorsOf(graph: TopologyGraph, ends: readonly GraphNode[]): readonly GraphNode[] {
  const byName = new Map(graph.nodes.map((node) => [node.name, node]))
  const ordered: GraphNode[] = []
  const seen = new Set<GraphNode>()
  const visit = (node: GraphNode): void => {
    if (seen.has(node)) return
    seen.add(node)
    for (const parent of parentsOf(node)) {
      const found = byName.get(parent)
      if (found !== undefined) visit(found)
    }
    if (node.kind === 'repartition-source') {
      for (const writer of graph.nodes) {
        if (writer.kind === 'repartition-sink' && writer.topic.name === node.topic.name) {
          visit(writer)
        }
      }
    }
    ordered.push(node)
  }
  for (const end of ends) visit(end)
  return ordered
}
