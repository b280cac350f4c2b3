/** The manifest of a topology as it would run with this configuration. */
import { createHash } from 'node:crypto'
import type { TopicDefinition } from '../core/topic.ts'
import { changelogTopic } from '../runtime/changelog.ts'
import { broadcastPositionsStore } from '../runtime/positions-store.ts'
import { topicSpecs } from '../runtime/topics.ts'
import { normalText } from '../schema/normal-schema.ts'
import { parseAvro } from '../schema/parse-avro.ts'
import { valueSubject } from '../schema/schema-registry.ts'
import type { StoreDefinition } from '../state/stores.ts'
import { factTopicOf } from '../topology/fact-changelog.ts'
import type { SubTopology, TopologyGraph } from '../topology/graph.ts'
import type {
  StoreManifest,
  SubTopologyManifest,
  TopicManifest,
  TopologyManifest,
} from '../topology/manifest.ts'
import { taskCountOf } from '../topology/partition-counts.ts'

export interface ManifestOptions {
  readonly defaultPartitionCount: number
  /** Where the log does not keep the state itself. */
  readonly withChangelogs: boolean
}

export function manifestOf(graph: TopologyGraph, options: ManifestOptions): TopologyManifest {
  const topics = topicsOf(graph, options)
  const names = new Set(topics.map(({ name }) => name))
  return {
    layout: 1,
    topology: graph.name,
    subTopologies: graph.subTopologies.map((subTopology) =>
      subTopologyOf(graph.name, subTopology, names, options),
    ),
    topics,
    schemas: definitionsOf(graph).map(({ name, schema }) => ({
      subject: valueSubject(name),
      fingerprint: createHash('sha256')
        .update(normalText(parseAvro(schema)))
        .digest('hex'),
    })),
    accepted: [],
  }
}

/** The topics whose values are Avro, once each. */
export function definitionsOf(graph: TopologyGraph): readonly TopicDefinition[] {
  const definitions = new Map<string, TopicDefinition>()
  for (const node of graph.nodes) {
    if (node.kind === 'source' || node.kind === 'sink') definitions.set(node.topic.name, node.topic)
  }
  return [...definitions.values()]
}

function topicsOf(graph: TopologyGraph, options: ManifestOptions): readonly TopicManifest[] {
  const roles = new Map<string, TopicManifest['role']>()
  for (const node of graph.nodes) {
    if (node.kind === 'processor') continue
    const isInternal = node.kind === 'repartition-source' || node.kind === 'repartition-sink'
    const role = isInternal ? 'repartition' : node.kind
    // A topic that is read and written is one that others may write, too.
    if (roles.get(node.topic.name) !== 'source') roles.set(node.topic.name, role)
  }
  const specs = topicSpecs([graph], options.defaultPartitionCount, options.withChangelogs)
  return specs.flatMap(({ name, partitionCount }) => {
    const role = roles.get(name) ?? (name.startsWith(`${graph.name}-`) ? 'changelog' : null)
    return role === null ? [] : [{ name, role, partitionCount }]
  })
}

function subTopologyOf(
  topology: string,
  subTopology: SubTopology,
  topics: ReadonlySet<string>,
  { defaultPartitionCount, withChangelogs }: ManifestOptions,
): SubTopologyManifest {
  const changelogOf = (name: StoreDefinition['name']) => {
    const changelog = changelogTopic(topology, name)
    return topics.has(changelog) ? changelog : null
  }
  const factChangelogOf = (store: StoreDefinition) =>
    withChangelogs ? (factTopicOf(store)?.name ?? null) : null
  const stores: StoreManifest[] = subTopology.stores.map((store) => ({
    name: store.name,
    kind: store.kind,
    settings: settingsOf(store),
    changelog: factChangelogOf(store) ?? changelogOf(store.name),
    ...(store.parameters === undefined ? {} : { parameters: store.parameters }),
  }))
  const isBroadcast = subTopology.nodes.some((node) => node.kind === 'source' && node.broadcast)
  if (isBroadcast) {
    const name = broadcastPositionsStore(subTopology.index)
    stores.push({ name, kind: 'internal', settings: '', changelog: changelogOf(name) })
  }
  return {
    index: subTopology.index,
    partitionCount: taskCountOf(subTopology, defaultPartitionCount),
    sources: subTopology.nodes.flatMap((node) =>
      node.kind === 'repartition-source' || (node.kind === 'source' && !node.broadcast)
        ? [node.topic.name]
        : [],
    ),
    stores,
  }
}

function settingsOf(store: StoreDefinition): string {
  switch (store.kind) {
    case 'key-value':
      return store.ttlMs === null ? '' : `ttl ${store.ttlMs} ms`
    case 'window':
      return `windows of ${store.windowSizeMs} ms, retention ${store.retentionMs} ms`
    case 'session':
      return `retention ${store.retentionMs} ms`
    case 'versioned':
      return `history ${store.historyMs} ms`
  }
}
