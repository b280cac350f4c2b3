/** A topology as a Mermaid flowchart: topics are stadiums, stores cylinders, sub-topologies boxes. */
import type { GraphNode, TopologyGraph } from './graph.ts'
import { parentsOf } from './sub-topologies.ts'

export function describeMermaid(graph: TopologyGraph): string {
  const ids = new Map<string, string>()
  const idOf = (kind: 'n' | 's' | 't', name: string) => {
    const key = `${kind} ${name}`
    const id = ids.get(key) ?? `${kind}${ids.size}`
    ids.set(key, id)
    return id
  }
  const lines = ['flowchart TD']
  for (const { index, nodes, stores } of graph.subTopologies) {
    lines.push(`  subgraph sub${index}["Sub-topology ${index}"]`)
    for (const { name } of nodes) lines.push(`    ${idOf('n', name)}["${name}"]`)
    for (const { name } of stores) lines.push(`    ${idOf('s', name)}[("${name}")]`)
    for (const node of nodes) {
      for (const parent of parentsOf(node)) {
        lines.push(`    ${idOf('n', parent)} --> ${idOf('n', node.name)}`)
      }
      if (node.kind !== 'processor') continue
      for (const store of node.stores) {
        lines.push(`    ${idOf('n', node.name)} -.- ${idOf('s', store)}`)
      }
    }
    lines.push('  end')
  }
  const topics = graph.nodes.flatMap((node) => ('topic' in node ? [node.topic.name] : []))
  for (const name of new Set(topics)) lines.push(`  ${idOf('t', name)}(["${name}"])`)
  for (const node of graph.nodes) {
    const edge = topicEdge(node, idOf)
    if (edge !== null) lines.push(`  ${edge}`)
  }
  return `${lines.join('\n')}\n`
}

function topicEdge(
  node: GraphNode,
  idOf: (kind: 'n' | 't', name: string) => string,
): string | null {
  if (node.kind === 'processor') return null
  const [topic, self] = [idOf('t', node.topic.name), idOf('n', node.name)]
  if (node.kind === 'sink' || node.kind === 'repartition-sink') return `${self} --> ${topic}`
  return node.kind === 'source' && node.broadcast ? `${topic} ==> ${self}` : `${topic} --> ${self}`
}
