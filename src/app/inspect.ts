/** What ran, as an operator's command sees it: nothing is started, and nothing is made. */
import { systemClock, type Clock } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'
import type { GroupDescription } from '../log/log-admin.ts'
import type { KafkaLog, KafkaLogOptions } from '../log/kafka/open-kafka-log.ts'
import { HttpSchemaRegistry } from '../schema/http-schema-registry.ts'
import type { SchemaRegistry } from '../schema/schema-registry.ts'
import { diffTopology, type TopologyChange } from '../topology/diff.ts'
import type { TopologyGraph } from '../topology/graph.ts'
import { basicAuthentication } from './access/authorization.ts'
import { refuseUnknownAccepted } from './accepted-stores.ts'
import type { ClusterConfiguration } from './cluster-configuration.ts'
import { kafkaOptions, registryOptions } from './cluster-options.ts'
import type { Configuration } from './configuration.ts'
import { groupChanges } from './group-changes.ts'
import { readInstanceFile } from './instance-file.ts'
import { manifestOf } from './manifest.ts'
import { readManifests } from './manifest-records.ts'
import { ownMetaRecords, sharedMetaRecords } from './meta-records.ts'
import { changesOf, schemaFaultsOf } from './topology-changes.ts'

export interface InspectedTopology {
  readonly topology: string
  readonly changes: readonly TopologyChange[]
  /** Null where it was not asked for, or there is none. */
  readonly group: GroupDescription | null
}

export interface Inspection {
  readonly topologies: readonly InspectedTopology[]
  /** What could not be looked at, and why. */
  readonly notes: readonly string[]
}

export interface InspectOptions {
  readonly graphs: readonly TopologyGraph[]
  /** Compares with what the running group reads, too. */
  readonly againstGroup: boolean
  readonly clock?: Clock
}

export async function inspectTopologies(
  configuration: Configuration,
  options: InspectOptions,
): Promise<Inspection> {
  const { cluster } = configuration
  return cluster === null
    ? inspectDataDirectory(configuration, options)
    : inspectCluster(configuration, cluster, options)
}

async function inspectDataDirectory(
  { dataDir, partitions, accept, credentials }: Configuration,
  { graphs, againstGroup }: InspectOptions,
): Promise<Inspection> {
  if (againstGroup) {
    throw new TidemarkError(
      'CONFIGURATION_INVALID',
      '--against-group asks the brokers: it needs kafka.bootstrapServers',
    )
  }
  const manifests = await readManifests(ownMetaRecords(dataDir))
  const running = readInstanceFile(dataDir)
  const url = running?.urls.registry ?? ''
  const authentication = basicAuthentication(credentials)
  const registry = url === '' ? null : new HttpSchemaRegistry({ url, ...authentication })
  const notes =
    registry === null ? ['no instance runs there: its schema registry was not asked'] : []
  const topologies: InspectedTopology[] = []
  const options = { defaultPartitionCount: partitions, withChangelogs: false }
  const all = [...graphs.map((graph) => manifestOf(graph, options)), ...manifests.values()]
  refuseUnknownAccepted(accept, all, [])
  for (const graph of graphs) {
    const wanted = manifestOf(graph, options)
    const existing = { manifest: manifests.get(graph.name) ?? null, topics: null }
    const schemaFaults =
      registry === null ? new Map<string, string[]>() : await schemaFaultsOf(graph, registry)
    const changes = diffTopology(wanted, existing, { accepted: accept, schemaFaults })
    topologies.push({ topology: graph.name, changes, group: null })
  }
  registry?.close()
  return { topologies, notes }
}

async function inspectCluster(
  { partitions, accept }: Configuration,
  cluster: ClusterConfiguration,
  { graphs, againstGroup, clock = systemClock }: InspectOptions,
): Promise<Inspection> {
  const log = await openOperatorLog(cluster, clock)
  const remote = new HttpSchemaRegistry(registryOptions(cluster.registry, clock))
  try {
    const notes: string[] = []
    const registry = await unlessAway(remote, notes)
    const meta = sharedMetaRecords(log, log, clock, cluster.applicationId)
    const context = { log, admin: log, meta, defaultPartitionCount: partitions, accepted: accept }
    const found = await changesOf(graphs, context, registry)
    const topologies: InspectedTopology[] = []
    for (const { topology, changes, next } of found) {
      const group = againstGroup ? await log.describeGroup(topology) : null
      const more = group === null ? [] : groupChanges(next, group, await log.groupOffsets(topology))
      topologies.push({ topology, changes: [...changes, ...more], group })
    }
    return { topologies, notes }
  } finally {
    remote.close()
    await log.close()
  }
}

/** A person waits. */
const operatorLimits = { connectTimeoutMs: 5_000, giveUpAfterMs: 15_000 }

/** A connection of an operator's command: it is no instance, and fences none. */
export async function openOperatorLog(
  cluster: ClusterConfiguration,
  clock: Clock,
  limits: KafkaLogOptions['limits'] = operatorLimits,
): Promise<KafkaLog> {
  // Loaded only here: most commands need no broker.
  const { openKafkaLog } = await import('../log/kafka/open-kafka-log.ts')
  return openKafkaLog({ ...kafkaOptions(cluster, `operator-${process.pid}`, clock, 0), limits })
}

async function unlessAway(
  registry: SchemaRegistry,
  notes: string[],
): Promise<SchemaRegistry | null> {
  try {
    await registry.compatibilityLevel()
    return registry
  } catch (thrown) {
    if (!(thrown instanceof TidemarkError) || thrown.code !== 'REGISTRY_UNREACHABLE') throw thrown
    notes.push(`schemas were not compared: ${thrown.message}`)
    return null
  }
}
