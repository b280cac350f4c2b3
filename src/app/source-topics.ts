import type { TopicDefinition } from '../core/topic.ts'
import { loadTopologies, type LoadedTopology } from './topologies.ts'

/** The topics that take events from outside, by name; of two definitions of one topic the first. */
export function sourceTopicsOf(
  topologies: readonly LoadedTopology[],
): ReadonlyMap<string, TopicDefinition> {
  const topics = new Map<string, TopicDefinition>()
  for (const { graph } of topologies) {
    for (const node of graph.nodes) {
      if (node.kind !== 'source' || topics.has(node.topic.name)) continue
      topics.set(node.topic.name, node.topic)
    }
  }
  return topics
}

export async function sourceTopics(
  names: readonly string[],
): Promise<ReadonlyMap<string, TopicDefinition>> {
  return sourceTopicsOf(await loadTopologies(names))
}
