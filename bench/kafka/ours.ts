/** Our contender: the runtime on Kafka with one worker thread, RocksDB and the product's memory. Started as the others are. */
import { join } from 'node:path'
import { loadConfiguration } from '../../src/app/configuration.ts'
import { cacheBytesOf } from '../../src/app/foundation.ts'
import { systemClock } from '../../src/core/clock.ts'
import { openKafkaLog } from '../../src/log/kafka/open-kafka-log.ts'
import { createRuntime } from '../../src/runtime/runtime.ts'
import { LocalSchemaRegistry } from '../../src/schema/local-schema-registry.ts'
import { MemoryRegistryStorage } from '../../src/schema/registry-storage.ts'
import { MemoryBudget } from '../../src/state/memory-budget.ts'
import { openStorage } from '../../src/state/rocksdb-backend.ts'
import type { TopologyGraph } from '../../src/topology/graph.ts'
import { contenderArguments } from './contender-arguments.ts'
import { textCodec } from './text-codecs.ts'

const given = contenderArguments(process.argv.slice(2))
const clock = systemClock
const product = loadConfiguration({
  flags: { dataDir: given.stateFolder },
  environment: {},
  directory: given.stateFolder,
})

const topologyUrl = new URL('./ours-topology.ts', import.meta.url)
for (const part of ['input', 'interactions', 'summaries'] as const) {
  topologyUrl.searchParams.set(part, given[part])
}
topologyUrl.searchParams.set('name', given.applicationId)
const topology = (await import(topologyUrl.href)) as { default: TopologyGraph }

const log = await openKafkaLog({
  bootstrapServers: given.bootstrapServers.split(','),
  clientId: given.applicationId,
  clock,
  replicationFactor: 1,
  // One transaction for all tasks of the thread.
  transactions: {
    guarantee: given.guarantee,
    transactionalIdOf: () => `${given.applicationId}-0`,
  },
})
const storage = await openStorage({
  directory: join(given.stateFolder, 'state'),
  clock,
  durability: 'process-crash',
  memoryBudgetBytes: product.memoryBudgetBytes - cacheBytesOf(product),
})
const runtime = createRuntime({
  topologies: [topology.default],
  log,
  state: storage.state,
  budget: new MemoryBudget(cacheBytesOf(product)),
  codecs: () => textCodec,
  clock,
  limits: { commitIntervalMs: 100 },
  workers: {
    count: 1,
    topologyModules: [topologyUrl.href],
    registry: await LocalSchemaRegistry.open(new MemoryRegistryStorage()),
    codecsModule: new URL('./text-codecs.ts', import.meta.url).href,
  },
})

process.once('SIGTERM', () => {
  void stop().finally(() => process.exit(0))
})
void runtime.failed.then((failure) => {
  console.error(failure)
  process.exit(1)
})
await runtime.start()

async function stop(): Promise<void> {
  await runtime.stop()
  await log.close()
  await storage.close()
}
