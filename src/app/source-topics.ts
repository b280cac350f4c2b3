import type { TopicDefinition } from '../core/topic.ts'
import { loadTopologies } from './topologies.ts'

/** The topics that take events from outside, by name. */
export async function sourceTopics(
  names: readonly string[],
): Promise<ReadonlyMap<string, TopicDefinition>> {
  const topics = new Map<string, TopicDefinition>()
  for (const { graph } of await loadTopologies(names)) {
    for (const node of graph.nodes) {
      if (node.kind === 'source') topics.set(node.topic.name, node.topic)
    }
  }
  return topics
}
