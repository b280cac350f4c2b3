/** Kafka, a schema registry and a ClickHouse server, each somewhere else; state in this instance's data directory. */
import { join } from 'node:path'
import type { FactTable } from '../core/fact-table.ts'
import { present } from '../core/assert.ts'
import { TidemarkError } from '../core/errors.ts'
import type { KafkaLog } from '../log/kafka/open-kafka-log.ts'
import { openKafkaLog } from '../log/kafka/open-kafka-log.ts'
import { TimelyLog } from '../log/timely-log.ts'
import { CachedSchemaRegistry } from '../schema/cached-schema-registry.ts'
import { HttpSchemaRegistry } from '../schema/http-schema-registry.ts'
import { schemaCacheFile } from '../schema/schema-cache-file.ts'
import { valueSubject } from '../schema/schema-registry.ts'
import type { ClickHouse } from '../sinks/clickhouse/clickhouse.ts'
import {
  clusterEpochs,
  keepEpochs,
  type FactIncarnation,
} from '../sinks/clickhouse/cluster-epoch.ts'
import { openClickHouse } from '../sinks/clickhouse/open-clickhouse.ts'
import { openStorage } from '../state/rocksdb-backend.ts'
import type { ClusterConfiguration } from './cluster-configuration.ts'
import {
  clickHouseOptions,
  kafkaOptions,
  probeLimits,
  registryOptions,
  transactionLanes,
} from './cluster-options.ts'
import type { Configuration } from './configuration.ts'
import { cacheBytesOf, type Foundation, type FoundationOptions } from './foundation.ts'
import { allTransactionalIds, instanceIdentity } from './instance-identity.ts'
import { definitionsOf } from './manifest.ts'
import { everyonesMetaRecords, sharedMetaRecords } from './meta-records.ts'
import { RepartitionPurge } from './purge.ts'
import { reachAll } from './reach-all.ts'
import { factStarts } from './fact-starts.ts'
import { followResets } from './reset-records.ts'
import { withoutCredentials } from './secret.ts'
import type { SettingPath } from './settings.ts'
import { ownTopics } from './topic-codecs.ts'
import type { LoadedTopology } from './topologies.ts'

const doorWaitSetting: SettingPath = 'kafka.doorWaitMaxMs'

export async function openClusterFoundation(
  configuration: Configuration,
  cluster: ClusterConfiguration,
  options: FoundationOptions,
): Promise<Foundation> {
  const { clock, cleanup } = options
  const { dataDir } = configuration
  const instanceId = instanceIdentity(cluster, dataDir)
  const registry = await openRegistry(dataDir, cluster, options)
  const { log, clickhouse } = await openServers(
    configuration,
    cluster,
    instanceId,
    registry,
    options,
  )
  const meta = sharedMetaRecords(log, log, clock, cluster.applicationId)
  const metas = await everyonesMetaRecords(log, log, clock)
  const stateFrom = await factStarts([...metas.values()], log)
  const directory = join(dataDir, 'state')
  if (await followResets(meta, dataDir, directory)) {
    options.onProgress('a topology was reset: local state is built anew')
  }
  const storage = await openStorage({
    directory,
    clock,
    // What the operating system loses is in the changelogs.
    durability: 'process-crash',
    memoryBudgetBytes: configuration.memoryBudgetBytes - cacheBytesOf(configuration),
  })
  cleanup.add({ name: 'local state', close: () => storage.close() })
  const purge = new RepartitionPurge(log, options.onProgress)
  const { doorWaitMaxMs: waitMaxMs } = cluster.kafka
  return {
    profile: 'cluster',
    log,
    doorLog: new TimelyLog(log, { clock, waitMaxMs, settingName: doorWaitSetting }),
    admin: log,
    ownLog: null,
    state: storage.state,
    registry,
    knowsSchema: (subject, schema) => registry.isKnown(subject, schema),
    clickhouse,
    meta,
    member: { instanceId, groupInstanceId: cluster.groupInstanceId, stateFrom },
    endTransactionsOf: async (gone) => {
      const ids = allTransactionalIds(cluster.applicationId, gone, transactionLanes)
      for (const id of ids) await log.endAbandonedTransaction(id)
    },
    ...epochsOf(log, clickhouse),
    maintain: async (graphs) => {
      await purge.run(graphs)
      await storage.log.maintain(clock.nowMs())
      return false
    },
    trouble: () => purge.refusal,
  }
}

async function openRegistry(
  dataDir: string,
  { registry: configuration }: ClusterConfiguration,
  { clock, cleanup }: FoundationOptions,
): Promise<CachedSchemaRegistry> {
  const remote = new HttpSchemaRegistry(registryOptions(configuration, clock))
  const registry = await CachedSchemaRegistry.open({
    registry: remote,
    storage: schemaCacheFile(join(dataDir, 'schemas.json'), configuration.urls),
    clock,
  })
  const close = async () => {
    await registry.close()
    remote.close()
  }
  cleanup.add({ name: 'schema registry', close })
  return registry
}

async function openServers(
  { recordBytesMax }: Configuration,
  cluster: ClusterConfiguration,
  instanceId: string,
  registry: CachedSchemaRegistry,
  { clock, cleanup, topologies, ...told }: FoundationOptions,
): Promise<{ log: KafkaLog; clickhouse: ClickHouse }> {
  let log: KafkaLog | undefined
  let clickhouse: ClickHouse | undefined
  const registryUrls = cluster.registry.urls.map(withoutCredentials).join(', ')
  await reachAll(
    [
      {
        name: `Kafka at ${cluster.kafka.bootstrapServers.join(', ')}`,
        reach: async () => {
          const wanted = kafkaOptions(cluster, instanceId, clock, recordBytesMax)
          // By itself it would go on trying for as long as a running instance does, and tell nothing.
          await (await openKafkaLog({ ...wanted, limits: probeLimits })).close()
          const opened = await openKafkaLog(wanted)
          cleanup.add({ name: 'Kafka', close: () => opened.close() })
          log = opened
        },
      },
      {
        name: `the schema registry at ${registryUrls}`,
        reach: async () => {
          if (!knowsAll(registry, topologies)) await greet(registry)
        },
      },
      {
        name: `ClickHouse at ${withoutCredentials(cluster.clickhouse.url)}`,
        reach: async () => {
          const opened = await openClickHouse(clickHouseOptions(cluster.clickhouse))
          cleanup.add({ name: 'ClickHouse', close: () => opened.close() })
          clickhouse = opened
        },
      },
    ],
    { clock, retryMaxMs: cluster.startRetryMaxMs, ...told },
  )
  await registry.verify()
  return { log: present(log, 'Kafka'), clickhouse: present(clickhouse, 'ClickHouse') }
}

/** @throws TidemarkError REGISTRY_UNREACHABLE, CONFIGURATION_INVALID where it refuses who asks */
async function greet(registry: CachedSchemaRegistry): Promise<void> {
  try {
    await registry.compatibilityLevel()
  } catch (thrown) {
    // Who may not see its configuration may still be let to the schemas.
    if (!(thrown instanceof TidemarkError) || thrown.details['status'] !== 403) throw thrown
  }
}

/** Then the registry may be away. */
function knowsAll(registry: CachedSchemaRegistry, topologies: readonly LoadedTopology[]): boolean {
  const definitions = topologies.flatMap(({ graph }) => definitionsOf(graph))
  return [...definitions, ...ownTopics].every(({ name, schema }) =>
    registry.isKnown(valueSubject(name), schema),
  )
}

function epochsOf(
  log: KafkaLog,
  clickhouse: ClickHouse,
): Pick<Foundation, 'factEpochs' | 'keepFactEpochs'> {
  return {
    factEpochs: async (tables) => clusterEpochs(clickhouse, await incarnationsOf(log, tables)),
    keepFactEpochs: async (tables, epochs) => {
      // One for all is what a process of its own has.
      if (typeof epochs === 'number') return
      await keepEpochs(clickhouse, await incarnationsOf(log, tables), epochs)
    },
  }
}

async function incarnationsOf(
  log: KafkaLog,
  tables: readonly FactTable[],
): Promise<readonly FactIncarnation[]> {
  const ids = await log.topicIds(tables.map(({ topic }) => topic.name))
  return tables.map(({ database, table, topic }) => ({
    topic: topic.name,
    topicId: present(ids.get(topic.name), `id of topic ${topic.name}`),
    table: { database, table },
  }))
}
