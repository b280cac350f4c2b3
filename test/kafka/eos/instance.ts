/**
 * One instance of the driver's topology, as a process: Kafka, registry and ClickHouse by their addresses, the
 * product's own runtime and fact consumer between them. Prints a line of JSON now and then; SIGTERM stops it.
 */
import { join } from 'node:path'
import { systemClock, pause } from '../../../src/core/clock.ts'
import { messageOf } from '../../../src/core/errors.ts'
import { openKafkaLog } from '../../../src/log/kafka/open-kafka-log.ts'
import { createRuntime } from '../../../src/runtime/runtime.ts'
import { avroCodec, openAvroCodec } from '../../../src/schema/avro-codec.ts'
import { CachedSchemaRegistry } from '../../../src/schema/cached-schema-registry.ts'
import { HttpSchemaRegistry } from '../../../src/schema/http-schema-registry.ts'
import { schemaCacheFile } from '../../../src/schema/schema-cache-file.ts'
import { ClickHouseSink } from '../../../src/sinks/clickhouse/clickhouse-sink.ts'
import { openClickHouse } from '../../../src/sinks/clickhouse/open-clickhouse.ts'
import { FactConsumer } from '../../../src/sinks/fact-consumer.ts'
import { MemoryBudget } from '../../../src/state/memory-budget.ts'
import { openStorage } from '../../../src/state/rocksdb-backend.ts'
import type { InstanceSettings } from './fleet.ts'
import topology, { accounts, partitionCount } from './ledger-topology.ts'
import { haltingRestore } from './restore-halt.ts'
import { sabotaged } from './sabotage.ts'

const settings = JSON.parse(process.env['EOS_SETTINGS'] ?? '') as InstanceSettings
const { instanceId, dataDir, sabotage } = settings
const clock = systemClock
/** Says what it does, for whoever has to find out why it does not. */
const statusIntervalMs = 5_000
const stopping = new AbortController()
process.once('SIGTERM', () => {
  stopping.abort()
})

const registry = await CachedSchemaRegistry.open({
  registry: new HttpSchemaRegistry({ url: settings.registryUrl }),
  storage: schemaCacheFile(join(dataDir, 'schemas.json'), [settings.registryUrl]),
  clock,
})
const transactionalIdOf = (owner: string) =>
  sabotage === 'no-fencing' ? `eos-${owner}-${process.pid}` : `eos-${owner}`
const kafka = await openKafkaLog({
  bootstrapServers: settings.bootstrapServers.split(','),
  clientId: instanceId,
  clock,
  compression: 'none',
  group: settings.group,
  transactions: {
    timeoutMs: settings.transactionTimeoutMs,
    ...(settings.protocolMax === null ? {} : { protocolMax: settings.protocolMax }),
    transactionalIdOf: () => transactionalIdOf(instanceId),
  },
})
const haltAtRestored = process.env['EOS_HALT_AT_RESTORED']
const log =
  haltAtRestored === undefined
    ? sabotaged(kafka, sabotage)
    : haltingRestore(kafka, Number(haltAtRestored), (halted) => {
        console.log(JSON.stringify({ halted }))
      })
const storage = await openStorage({
  directory: join(dataDir, 'state'),
  clock,
  durability: 'process-crash',
})
const runtime = createRuntime({
  topologies: [topology],
  log,
  state: storage.state,
  budget: new MemoryBudget(32 * 1024 * 1024, 'memoryBudgetBytes'),
  codecs: (topic) => avroCodec({ topic: topic.name, schema: topic.schema, registry }),
  clock,
  limits: { commitIntervalMs: 20, defaultPartitionCount: partitionCount, batchRecordsMax: 500 },
  workers: {
    count: 1,
    topologyModules: [new URL('ledger-topology.ts', import.meta.url).href],
    registry,
  },
  cluster: {
    instanceId,
    endpoint: null,
    numStandbyReplicas: settings.numStandbyReplicas,
    maxWarmupReplicas: 2,
    acceptableRecoveryLag: 1_000,
    ...(settings.isStatic ? { groupInstanceId: instanceId } : {}),
    endTransactionsOf: async (gone) => {
      await kafka.endAbandonedTransaction(transactionalIdOf(gone))
    },
  },
})
await runtime.start()
const codec = await openAvroCodec<Record<string, unknown>>({
  topic: accounts.topic.name,
  schema: accounts.topic.schema,
  registry,
})
const clickhouse = await openWhenThere(() => openClickHouse({ url: settings.clickhouseUrl }))
const consumer = new FactConsumer({
  name: 'eos',
  log: kafka,
  sink: new ClickHouseSink({ clickhouse, clock, migrationsDirectory: null }),
  clock,
  facts: [{ fact: accounts, codec }],
  epoch: 1,
  onFailure: fail,
})
await openWhenThere(() => consumer.start())
console.log(JSON.stringify({ ready: instanceId }))
void runtime.failed.then(fail)

while (!stopping.signal.aborted) {
  await pause(clock, statusIntervalMs, stopping.signal)
  const tasks = runtime
    .status()
    .tasks.map(({ id, state, waitingFor }) => ({ id, state, waitingFor }))
  console.log(JSON.stringify({ sink: consumer.status(), tasks }))
}
await consumer.stop()
await runtime.stop()
await clickhouse.close()
await storage.close()
await kafka.close()

/** ClickHouse may be the one that is down just now. */
async function openWhenThere<T>(open: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await open()
    } catch (thrown) {
      if (stopping.signal.aborted) throw thrown
      await pause(clock, 200, stopping.signal)
    }
  }
}

function fail(thrown: unknown): void {
  console.log(JSON.stringify({ failed: messageOf(thrown) }))
  process.exit(1)
}
