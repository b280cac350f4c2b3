/** Everything in this process and in one data directory. */
import { join } from 'node:path'
import { entryBytesMax } from '../quality/quarantine.ts'
import { LocalSchemaRegistry } from '../schema/local-schema-registry.ts'
import { topicRegistryStorage } from '../server/registry/topic-registry-storage.ts'
import { openClickHouse } from '../sinks/clickhouse/open-clickhouse.ts'
import { openStorage } from '../state/rocksdb-backend.ts'
import type { Configuration } from './configuration.ts'
import { factEpoch } from './fact-epoch.ts'
import { cacheBytesOf, type Foundation, type FoundationOptions } from './foundation.ts'
import { ownMetaRecords } from './meta-records.ts'
import { purgeRepartitionTopics } from './purge.ts'

export async function openEmbeddedFoundation(
  configuration: Configuration,
  { clock, cleanup }: FoundationOptions,
): Promise<Foundation> {
  const storage = await openStorage({
    directory: configuration.dataDir,
    clock,
    durability: configuration.durability,
    memoryBudgetBytes: configuration.memoryBudgetBytes - cacheBytesOf(configuration),
    // The doors hold records to recordBytesMax; the log takes them in quarantine too.
    recordBytesMax: entryBytesMax(configuration.recordBytesMax),
  })
  cleanup.add({ name: 'log and state', close: () => storage.close() })
  const { log, state } = storage
  const registry = await LocalSchemaRegistry.open(await topicRegistryStorage(log, clock))
  const { access } = configuration
  const clickhouse = await openClickHouse({
    path: join(configuration.dataDir, 'clickhouse'),
    readDatabases: [...new Set(access?.users.flatMap(({ databases }) => databases ?? []))],
  })
  cleanup.add({ name: 'ClickHouse', close: () => clickhouse.close() })
  return {
    profile: 'embedded',
    log,
    doorLog: log,
    admin: null,
    ownLog: log,
    state,
    registry,
    knowsSchema: () => false,
    clickhouse,
    meta: ownMetaRecords(configuration.dataDir),
    member: null,
    endTransactionsOf: null,
    factEpochs: () => factEpoch(state, clickhouse),
    keepFactEpochs: () => Promise.resolve(),
    maintain: async (graphs) => {
      await purgeRepartitionTopics(log, graphs)
      return (await log.maintain(clock.nowMs())).more
    },
    trouble: () => null,
  }
}
