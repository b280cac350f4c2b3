/** Cuts a graph into sub-topologies (graph.ts, invariant 3), in an order that depends on the graph alone. */
import type { StoreDefinition } from '../state/stores.ts'
import type { GraphNode, NodeName, SubTopology } from './graph.ts'

export function parentsOf(node: GraphNode): readonly NodeName[] {
  return 'parents' in node ? node.parents : []
}

/** Parents before children; among the ready ones the first defined goes first. What stands on a cycle comes
 * last, as defined: `validate` reports it. */
export function topologicalOrder(nodes: readonly GraphNode[]): GraphNode[] {
  const known = new Set<string>(nodes.map((node) => node.name))
  const placed = new Set<string>()
  const ordered: GraphNode[] = []
  let waiting = [...nodes]
  while (waiting.length > 0) {
    const isReady = (node: GraphNode) =>
      parentsOf(node).every((parent) => placed.has(parent) || !known.has(parent))
    const later: GraphNode[] = []
    for (const node of waiting) {
      if (!isReady(node)) {
        later.push(node)
        continue
      }
      ordered.push(node)
      placed.add(node.name)
    }
    if (later.length === waiting.length) return [...ordered, ...later]
    waiting = later
  }
  return ordered
}

/** @param nodes in topological order */
export function subTopologiesOf(
  nodes: readonly GraphNode[],
  stores: readonly StoreDefinition[],
): SubTopology[] {
  const groups = new Groups()
  for (const node of nodes) {
    const self = `node ${node.name}`
    groups.join(self, self)
    for (const parent of parentsOf(node)) groups.join(`node ${parent}`, self)
    if (node.kind !== 'processor') continue
    for (const store of node.stores) groups.join(`store ${store}`, self)
  }
  const byRoot = new Map<string, GraphNode[]>()
  for (const node of nodes) {
    const root = groups.rootOf(`node ${node.name}`)
    const group = byRoot.get(root)
    if (group === undefined) byRoot.set(root, [node])
    else group.push(node)
  }
  return [...byRoot].map(([root, members], index) => ({
    index,
    nodes: members,
    stores: stores.filter((store) => groups.rootOf(`store ${store.name}`) === root),
  }))
}

/** Disjoint sets by union and find, without ranks: graphs have some dozen nodes. */
class Groups {
  readonly #parents = new Map<string, string>()

  rootOf(member: string): string {
    const parent = this.#parents.get(member)
    return parent === undefined || parent === member ? member : this.rootOf(parent)
  }

  join(one: string, other: string): void {
    this.#parents.set(this.rootOf(other), this.rootOf(one))
  }
}
