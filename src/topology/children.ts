import type { GraphNode, NodeName, TopologyGraph } from './graph.ts'
import { parentsOf } from './sub-topologies.ts'

/** The children of each node, in the graph's order. */
export function childrenOf(
  graph: Pick<TopologyGraph, 'nodes'>,
): ReadonlyMap<NodeName, readonly NodeName[]> {
  const children = new Map<NodeName, NodeName[]>(
    graph.nodes.map((node: GraphNode) => [node.name, []]),
  )
  for (const node of graph.nodes) {
    for (const parent of parentsOf(node)) children.get(parent)?.push(node.name)
  }
  return children
}
