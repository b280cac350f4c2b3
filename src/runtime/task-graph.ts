/**
 * A sub-topology compiled for execution: nodes by index, children as objects, and for each node what has to
 * wait while it waits for its state.
 */
import { present } from '../core/assert.ts'
import type { TopicName } from '../core/record.ts'
import type { InternalTopic, TopicDefinition } from '../core/topic.ts'
import type { ErrorPolicy } from '../processors/processor.ts'
import { isFactSink } from '../topology/fact-changelog.ts'
import type {
  GraphNode,
  ProcessorNode,
  RepartitionSinkNode,
  RepartitionSourceNode,
  SinkNode,
  SourceNode,
  SubTopology,
} from '../topology/graph.ts'

export interface TaskNode<Node extends GraphNode = GraphNode> {
  readonly index: number
  readonly name: string
  readonly graphNode: Node
  readonly onError: ErrorPolicy
  readonly children: readonly TaskNode[]
  /** By index: 1 for each node that must not overtake this one. Those are the node itself, whatever is
   * downstream of it, whoever shares a store with one of them or writes the same topic, and so on. */
  readonly blocks: Uint8Array
}

export type TaskSource = TaskNode<SourceNode | RepartitionSourceNode>

export interface TaskGraph {
  readonly nodes: readonly TaskNode[]
  /** A topic may feed several source nodes. */
  readonly sourcesByTopic: ReadonlyMap<TopicName, readonly TaskSource[]>
  readonly processors: readonly TaskNode<ProcessorNode>[]
  /** Read by partition: sources that are not broadcast, and repartition topics. */
  readonly partitionedTopics: readonly (TopicDefinition | InternalTopic)[]
  /** Read whole by each task. */
  readonly broadcastTopics: readonly TopicDefinition[]
}

export function compileTaskGraph(subTopology: SubTopology): TaskGraph {
  // What is written from stores takes no records.
  const executed = subTopology.nodes.filter((node) => !isFactSink(node))
  const nodes: (Omit<TaskNode, 'children'> & { children: TaskNode[] })[] = executed.map(
    (graphNode, index) => ({
      index,
      name: graphNode.name,
      graphNode,
      onError: onErrorOf(graphNode),
      children: [],
      blocks: new Uint8Array(executed.length),
    }),
  )
  const byName = new Map(nodes.map((node) => [node.name, node]))
  for (const node of nodes) {
    for (const parent of parentsOf(node.graphNode)) {
      present(byName.get(parent), `parent ${parent} of node ${node.name}`).children.push(node)
    }
  }
  for (const node of nodes) fillBlocks(node, nodes)

  const sourcesByTopic = new Map<TopicName, TaskSource[]>()
  for (const node of nodes) {
    if (!isSource(node)) continue
    const { name } = node.graphNode.topic
    const sources = sourcesByTopic.get(name)
    if (sources === undefined) sourcesByTopic.set(name, [node])
    else sources.push(node)
  }
  const firstSources = [...sourcesByTopic.values()].map(([first]) => present(first, 'a source'))
  return {
    nodes,
    sourcesByTopic,
    processors: (nodes as readonly TaskNode[]).filter(isProcessor),
    partitionedTopics: firstSources.filter(isPartitioned).map(({ graphNode }) => graphNode.topic),
    broadcastTopics: firstSources.filter((node) => !isPartitioned(node)).map(topicDefinitionOf),
  }
}

function onErrorOf(node: GraphNode): ErrorPolicy {
  return ('onError' in node ? node.onError : undefined) ?? 'fail'
}

function parentsOf(node: GraphNode): readonly string[] {
  return node.kind === 'source' || node.kind === 'repartition-source' ? [] : node.parents
}

function isSource(node: TaskNode): node is TaskSource {
  return node.graphNode.kind === 'source' || node.graphNode.kind === 'repartition-source'
}

function isProcessor(node: TaskNode): node is TaskNode<ProcessorNode> {
  return node.graphNode.kind === 'processor'
}

function isPartitioned({ graphNode }: TaskSource): boolean {
  return graphNode.kind === 'repartition-source' || !graphNode.broadcast
}

function topicDefinitionOf({ graphNode }: TaskSource): TopicDefinition {
  return graphNode.topic as TopicDefinition
}

function fillBlocks(start: TaskNode, nodes: readonly TaskNode[]): void {
  const waiting: TaskNode[] = [start]
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (start.blocks[node.index] === 1) continue
    start.blocks[node.index] = 1
    waiting.push(...node.children)
    for (const other of nodes) if (isBeside(node.graphNode, other.graphNode)) waiting.push(other)
  }
}

/** What one does is seen by, or in the same place as what the other does. */
function isBeside(one: GraphNode, other: GraphNode): boolean {
  if (one.kind === 'processor' && other.kind === 'processor') {
    return one.stores.some((store) => other.stores.includes(store))
  }
  return isSink(one) && isSink(other) && one.topic.name === other.topic.name
}

function isSink(node: GraphNode): node is SinkNode | RepartitionSinkNode {
  return node.kind === 'sink' || node.kind === 'repartition-sink'
}
