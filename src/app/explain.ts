/** What a start with this configuration creates or uses, and why, told without touching anything. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { runsFact } from '../jobs/runs/runs-fact.ts'
import { storesOf } from '../topology/manifest.ts'
import type { TopicManifest, TopologyManifest } from '../topology/manifest.ts'
import { topicSpecs } from '../runtime/topics.ts'
import { valueSubject } from '../schema/schema-registry.ts'
import type { FactBatches } from '../sinks/fact-batches.ts'
import { sinkGroup } from '../sinks/sink-group.ts'
import { transactionLanes } from './cluster-options.ts'
import type {
  ClickHouseConfiguration,
  ClusterConfiguration,
  RegistryConfiguration,
} from './cluster-configuration.ts'
import type { Configuration } from './configuration.ts'
import { ownFacts } from './fact-consumers.ts'
import type { Profile } from './foundation.ts'
import { instanceIdentity } from './instance-identity.ts'
import { definitionsOf, manifestOf } from './manifest.ts'
import { endpointOf } from './membership.ts'
import { metaTopic } from './meta-records.ts'
import { portsOf } from './ports.ts'
import { withoutCredentials } from './secret.ts'
import { ownTopics } from './topic-codecs.ts'
import type { LoadedTopology } from './topologies.ts'

export interface ExplainedItem {
  readonly what:
    'server' | 'topic' | 'group' | 'transactional id' | 'subject' | 'table' | 'directory' | 'port'
  readonly name: string
  readonly detail: string
  readonly why: string
}

export interface Explanation {
  readonly profile: Profile
  readonly items: readonly ExplainedItem[]
}

export function explain(
  configuration: Configuration,
  topologies: readonly LoadedTopology[],
): Explanation {
  const { cluster } = configuration
  return {
    profile: cluster === null ? 'embedded' : 'cluster',
    items: [
      ...(cluster === null ? [] : servers(cluster, configuration.sink)),
      ...topics(configuration, topologies),
      ...groups(configuration, topologies),
      ...(cluster === null || cluster.kafka.guarantee === 'at-least-once'
        ? []
        : transactionalIdsOf(configuration, cluster)),
      ...subjects(topologies),
      ...tables(configuration, topologies),
      ...directories(configuration),
      ...ports(configuration),
    ],
  }
}

function servers(
  { kafka, registry, clickhouse }: ClusterConfiguration,
  { rowsMin, rowsMax, ageMaxMs }: FactBatches,
): ExplainedItem[] {
  const security = [kafka.tls === null ? 'plain text' : 'TLS', kafka.sasl?.mechanism ?? 'no SASL']
  const cluster = [
    ...(clickhouse.cluster === null ? [] : [`ON CLUSTER ${clickhouse.cluster}`]),
    ...(clickhouse.replicated ? ['replicated engines'] : []),
    `inserts of ${rowsMin} to ${rowsMax} rows, or what came within ${ageMaxMs} ms`,
  ]
  return [
    {
      what: 'server',
      name: kafka.bootstrapServers.join(','),
      detail: `Kafka, ${security.join(', ')}`,
      why: 'kafka.bootstrapServers is set: the log is there',
    },
    {
      what: 'server',
      name: registry.urls.map(withoutCredentials).join(','),
      detail: `schema registry, ${authenticationOf(registry)} authentication`,
      why: 'values are Avro; what it has answered is kept in the data directory',
    },
    {
      what: 'server',
      name: withoutCredentials(clickhouse.url),
      detail: ['ClickHouse', userOf(clickhouse), ...cluster].join(', '),
      why: 'facts become queryable there',
    },
  ]
}

/** Credentials in an address count where no others are given. */
function authenticationOf({ authentication, urls }: RegistryConfiguration): string {
  if (authentication !== null) return authentication.kind
  return urls.some((url) => userIn(url) !== '') ? 'basic' : 'no'
}

function userOf({ username, url }: ClickHouseConfiguration): string {
  return `user ${username ?? (userIn(url) || 'default')}`
}

function userIn(url: string): string {
  return decodeURIComponent(URL.parse(url)?.username ?? '')
}

const whyOf = {
  source: 'events come in by it',
  sink: 'facts leave by it; what ClickHouse holds can be rebuilt from it',
  repartition: 'carries records to the task that has their new key; purged once read',
  changelog:
    'a store’s changes, in the commits that make them: where a task’s state is rebuilt from',
} as const

function topics(
  { cluster, partitions }: Configuration,
  topologies: readonly LoadedTopology[],
): ExplainedItem[] {
  const items: ExplainedItem[] = []
  const graphs = topologies.map(({ graph }) => graph)
  const manifests = manifestsOf(topologies, partitions, cluster !== null)
  const factor = cluster?.kafka.replicationFactor ?? -1
  const replication =
    cluster === null
      ? ''
      : factor === -1
        ? ', replication as the brokers default'
        : `, ${factor} replicas`
  for (const spec of topicSpecs(graphs, partitions, cluster !== null)) {
    const uses = manifests.flatMap(({ topology, topics: own }) =>
      own.flatMap(({ name, role }) => (name === spec.name ? [{ topology, role }] : [])),
    )
    const kept = manifests.flatMap(storesOf).filter(({ changelog }) => changelog === spec.name)
    const keeps = kept.map(({ name }) => `, and is the changelog of store ${name}`)
    const retention = spec.retentionMs === null ? 'kept for ever' : `kept ${spec.retentionMs} ms`
    const policy = spec.cleanupPolicy === 'compact' ? 'compacted' : retention
    items.push({
      what: 'topic',
      name: spec.name,
      detail: `${spec.partitionCount} partition${spec.partitionCount === 1 ? '' : 's'}, ${policy}${replication}`,
      why:
        uses
          .map((use) => `${whoUses(use)}${use.role === 'sink' ? keeps.join('') : ''}`)
          .join('; ') || 'what is refused is kept there with its bytes',
    })
  }
  items.push({
    what: 'topic',
    name: runsFact.topic.name,
    detail: `1 partition, compacted${replication}`,
    why: 'what the instances were asked to run, and what came of it',
  })
  const name = cluster === null ? '_schemas' : metaTopic(cluster.applicationId)
  const why =
    cluster === null
      ? 'the schema registry’s own records'
      : 'what the application remembers: its topologies, resets'
  items.push({ what: 'topic', name, detail: `1 partition, compacted${replication}`, why })
  return items
}

function whoUses({ topology, role }: { topology: string; role: TopicManifest['role'] }): string {
  return `${topology}, ${role}: ${whyOf[role]}`
}

function manifestsOf(
  topologies: readonly LoadedTopology[],
  defaultPartitionCount: number,
  withChangelogs: boolean,
): TopologyManifest[] {
  return topologies.map(({ graph }) => manifestOf(graph, { defaultPartitionCount, withChangelogs }))
}

function groups(
  { cluster }: Configuration,
  topologies: readonly LoadedTopology[],
): ExplainedItem[] {
  const member = cluster?.groupInstanceId
  const detail =
    cluster === null
      ? 'one member'
      : typeof member === 'string'
        ? `static member ${member}`
        : 'dynamic member'
  const names = topologies.map(({ graph }) => graph.name)
  return [
    ...names.map((name): ExplainedItem => {
      return { what: 'group', name, detail, why: 'shares the tasks of the topology out' }
    }),
    ...[...names, 'tidemark'].map((name): ExplainedItem => {
      const why = 'brings facts from their topics to ClickHouse'
      return { what: 'group', name: sinkGroup(name), detail, why }
    }),
  ]
}

function transactionalIdsOf(
  { dataDir }: Configuration,
  cluster: ClusterConfiguration,
): ExplainedItem[] {
  const isKnown =
    cluster.instanceId !== null ||
    cluster.groupInstanceId !== null ||
    existsSync(join(dataDir, 'instance-id'))
  // Nothing is made: the name would be.
  const instance = isKnown ? instanceIdentity(cluster, dataDir) : '<made at the first start>'
  return Array.from({ length: transactionLanes }, (_, lane) => ({
    what: 'transactional id' as const,
    name: `${cluster.applicationId}-${instance}-${lane}`,
    detail: `timeout ${cluster.kafka.transactionTimeoutMs} ms, protocol up to ${cluster.kafka.transactionProtocolMax}`,
    why: 'a restarted instance fences what is left of the one before it',
  }))
}

function subjects(topologies: readonly LoadedTopology[]): ExplainedItem[] {
  const names = new Set(
    topologies.flatMap(({ graph }) => definitionsOf(graph).map(({ name }) => valueSubject(name))),
  )
  for (const { name } of ownTopics) names.add(valueSubject(name))
  return [...names].map((name) => ({
    what: 'subject',
    name,
    detail: 'Avro',
    why: 'registered before the first record; an incompatible schema is refused at start',
  }))
}

function tables(
  { cluster }: Configuration,
  topologies: readonly LoadedTopology[],
): ExplainedItem[] {
  const replicated = cluster?.clickhouse.replicated === true
  const engine = `${replicated ? 'Replicated' : ''}ReplacingMergeTree(version)`
  const facts = [...topologies.flatMap(({ factTables }) => factTables), ...ownFacts]
  return facts.map(({ database, table, topic }) => ({
    what: 'table',
    name: `${database}.${table}`,
    detail: `${table}_versions is a ${engine}, ${table} the view of its current rows`,
    why: `the facts of topic ${topic.name}`,
  }))
}

function directories({ dataDir, cluster }: Configuration): ExplainedItem[] {
  const why =
    cluster === null
      ? 'log, state, registry and ClickHouse of the instance'
      : 'state of the instance’s tasks, schemas that are known, its name; lost, it is rebuilt'
  return [{ what: 'directory', name: resolve(dataDir), detail: 'one process at a time', why }]
}

const doorsWhy = {
  console: 'console, health, metrics, interactive queries',
  registry: 'schema registry',
  ingest: 'events over HTTP',
  clickhouse: 'SQL, read only',
} as const

function ports(configuration: Configuration): ExplainedItem[] {
  const { doors, host, portOffset, cluster } = configuration
  const byDoor = portsOf(portOffset)
  return doors.map((door) => {
    const endpoint = cluster === null ? null : endpointOf(configuration, cluster)
    const advertised =
      door === 'console' && endpoint !== null ? `, others reach it at ${endpoint}` : ''
    return {
      what: 'port',
      name: `${host}:${byDoor[door]}`,
      detail: `${door}${advertised}`,
      why: doorsWhy[door],
    }
  })
}
