/** A topology as text, in the shape of Kafka Streams' `TopologyDescription`: pin it in a test. */
import { childrenOf } from './children.ts'
import type { GraphNode, ProcessorNode, TopologyGraph } from './graph.ts'
import { parentsOf } from './sub-topologies.ts'

export function describe(graph: TopologyGraph): string {
  const children = childrenOf(graph)
  const lines = ['Topologies:']
  for (const { index, nodes } of graph.subTopologies) {
    lines.push(`   Sub-topology: ${index}`)
    for (const node of nodes) {
      lines.push(`    ${headOf(node)}`)
      if (!isSink(node)) lines.push(`      --> ${listed(children.get(node.name) ?? [])}`)
      if ('parents' in node) lines.push(`      <-- ${listed(parentsOf(node))}`)
    }
    lines.push('')
  }
  return `${lines.join('\n')}\n`
}

function isSink(node: GraphNode): boolean {
  return node.kind === 'sink' || node.kind === 'repartition-sink'
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ')
}

function headOf(node: GraphNode): string {
  switch (node.kind) {
    case 'source': {
      const how = node.broadcast ? ', broadcast' : ''
      return `Source: ${node.name} (topics: [${node.topic.name}]${how})`
    }
    case 'repartition-source':
      return `Source: ${node.name} (topics: [${node.topic.name}])`
    case 'processor':
      return `Processor: ${node.name} (stores: [${node.stores.join(', ')}]${onErrorOf(node)})`
    case 'sink':
    case 'repartition-sink': {
      const from =
        node.kind === 'sink' && node.store !== undefined ? `, changelog of: ${node.store}` : ''
      return `Sink: ${node.name} (topic: ${node.topic.name}${from}${onErrorOf(node)})`
    }
  }
}

function onErrorOf({ onError }: Pick<ProcessorNode, 'onError'>): string {
  return onError === undefined ? '' : `, on error: ${onError}`
}
