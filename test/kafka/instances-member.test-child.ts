/**
 * An instance of the ledger as a process, without what follows it in ClickHouse. It tells its parent of every partition
 * that the group gives it or takes from it, and when asked how its tasks do. SIGTERM stops it.
 */
import { join } from 'node:path'
import { systemClock } from '../../src/core/clock.ts'
import { messageOf } from '../../src/core/errors.ts'
import { topicPartitionId, type TopicPartition } from '../../src/core/record.ts'
import type { JoinGroupOptions } from '../../src/log/log.ts'
import { openKafkaLog } from '../../src/log/kafka/open-kafka-log.ts'
import type { RestoreStatus, StandbyStatus } from '../../src/runtime/runtime-status.ts'
import { createRuntime } from '../../src/runtime/runtime.ts'
import { avroCodec } from '../../src/schema/avro-codec.ts'
import { CachedSchemaRegistry } from '../../src/schema/cached-schema-registry.ts'
import { HttpSchemaRegistry } from '../../src/schema/http-schema-registry.ts'
import { schemaCacheFile } from '../../src/schema/schema-cache-file.ts'
import { MemoryBudget } from '../../src/state/memory-budget.ts'
import { openStorage } from '../../src/state/rocksdb-backend.ts'
import topology, { partitionCount } from './eos/ledger-topology.ts'

export interface MemberSettings {
  readonly instanceId: string
  readonly isStatic: boolean
  readonly dataDir: string
  readonly bootstrapServers: readonly string[]
  readonly registryUrl: string
  readonly transactionTimeoutMs: number
  readonly acceptableRecoveryLag: number
  readonly group: { readonly sessionTimeoutMs: number; readonly heartbeatIntervalMs: number }
}

export type ShareChange = 'assigned' | 'revoked' | 'lost'

export type MemberMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: ShareChange; readonly partitions: readonly string[] }
  | MemberStatus
  | { readonly kind: 'failed'; readonly message: string }

export interface MemberStatus {
  readonly kind: 'status'
  readonly tasks: readonly { readonly id: string; readonly state: string | null }[]
  readonly restored: readonly RestoreStatus[]
  readonly standbys: readonly StandbyStatus[]
}

const settings = JSON.parse(process.env['MEMBER_SETTINGS'] ?? '') as MemberSettings
const { instanceId, dataDir, isStatic } = settings
const clock = systemClock
const transactionalIdOf = (instance: string) => `instances-${instance}`

const stopping = Promise.withResolvers<undefined>()
process.once('SIGTERM', () => {
  stopping.resolve(undefined)
})
process.once('disconnect', () => process.exit(1))

const registry = await CachedSchemaRegistry.open({
  registry: new HttpSchemaRegistry({ url: settings.registryUrl }),
  storage: schemaCacheFile(join(dataDir, 'schemas.json'), [settings.registryUrl]),
  clock,
})
const kafka = await openKafkaLog({
  bootstrapServers: settings.bootstrapServers,
  clientId: instanceId,
  clock,
  group: settings.group,
  transactions: {
    timeoutMs: settings.transactionTimeoutMs,
    transactionalIdOf: () => transactionalIdOf(instanceId),
  },
})
const joinGroup = kafka.joinGroup.bind(kafka)
kafka.joinGroup = (options) => joinGroup(telling(options))
const storage = await openStorage({
  directory: join(dataDir, 'state'),
  clock,
  durability: 'process-crash',
})
const runtime = createRuntime({
  topologies: [topology],
  log: kafka,
  state: storage.state,
  budget: new MemoryBudget(32 * 1024 * 1024, 'memoryBudgetBytes'),
  codecs: (topic) => avroCodec({ topic: topic.name, schema: topic.schema, registry }),
  clock,
  limits: { commitIntervalMs: 20, defaultPartitionCount: partitionCount },
  workers: {
    count: 1,
    topologyModules: [new URL('eos/ledger-topology.ts', import.meta.url).href],
    registry,
  },
  cluster: {
    instanceId,
    endpoint: null,
    numStandbyReplicas: 1,
    maxWarmupReplicas: 2,
    acceptableRecoveryLag: settings.acceptableRecoveryLag,
    endTransactionsOf: async (gone) => {
      await kafka.endAbandonedTransaction(transactionalIdOf(gone))
    },
    ...(isStatic ? { groupInstanceId: instanceId } : {}),
  },
})
process.on('message', () => {
  const { tasks, restored, standbys } = runtime.status()
  tell({ kind: 'status', tasks: tasks.map(({ id, state }) => ({ id, state })), restored, standbys })
})
await runtime.start()
tell({ kind: 'ready' })
void runtime.failed.then((thrown) => {
  tell({ kind: 'failed', message: messageOf(thrown) })
  process.exit(1)
})

await stopping.promise
await runtime.stop()
await storage.close()
await registry.close()
await kafka.close()
process.disconnect()

function telling(options: JoinGroupOptions): JoinGroupOptions {
  const told =
    (kind: ShareChange, then: (partitions: readonly TopicPartition[]) => Promise<void>) =>
    async (partitions: readonly TopicPartition[]) => {
      tell({ kind, partitions: partitions.map(topicPartitionId) })
      await then(partitions)
    }
  return {
    ...options,
    onAssigned: told('assigned', options.onAssigned),
    onRevoked: told('revoked', options.onRevoked),
    onLost: told('lost', options.onLost ?? options.onRevoked),
  }
}

function tell(message: MemberMessage): void {
  process.send?.(message)
}
