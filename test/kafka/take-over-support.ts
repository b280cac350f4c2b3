/** The two instances of which one takes the other's tasks over. */
import { systemClock } from '../../src/core/clock.ts'
import type { KafkaLog, KafkaLogOptions } from '../../src/log/kafka/open-kafka-log.ts'
import type { ClusterOptions } from '../../src/runtime/cluster-options.ts'

/** As long as brokers let it be: no test is there when it is over. */
const timeoutMs = 15 * 60_000

export function logOptionsOf(bootstrapServers: readonly string[], id: string): KafkaLogOptions {
  return {
    bootstrapServers,
    clientId: id,
    clock: systemClock,
    transactions: { timeoutMs, transactionalIdOf: () => id },
    group: { sessionTimeoutMs: 6000, heartbeatIntervalMs: 200 },
  }
}

export function membershipOf(id: string, log: KafkaLog): ClusterOptions {
  return {
    instanceId: id,
    endpoint: null,
    numStandbyReplicas: 0,
    maxWarmupReplicas: 2,
    acceptableRecoveryLag: 10_000,
    endTransactionsOf: async (gone) => {
      await log.endAbandonedTransaction(gone)
    },
  }
}
