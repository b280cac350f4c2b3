/** Opens the log on a Kafka cluster. */
import type { KafkaLog, KafkaLogOptions } from './kafka-log.ts'
import { ClusterLog } from './kafka-log.ts'
import { openCluster } from './connected-cluster.ts'
import { LastRetry } from './connections/last-retry.ts'
import { Reachability } from './connections/reachability.ts'
import { kafkaLimits } from './kafka-limits.ts'

export type { KafkaLog, KafkaLogOptions } from './kafka-log.ts'

/** Connects to the first broker that answers, so that a wrong address or refused credentials are told at once.
 * @throws TidemarkError CONFIGURATION_INVALID | KAFKA_UNREACHABLE | KAFKA_REFUSED */
export async function openKafkaLog(options: KafkaLogOptions): Promise<KafkaLog> {
  const limits = kafkaLimits(options.limits)
  const lastRetry = new LastRetry(options.clock)
  const reachability = new Reachability(options.clock)
  const onRetry = lastRetry.note
  const cluster = await openCluster({ ...options, limits, onRetry, reachability })
  return new ClusterLog(cluster, options, limits, lastRetry, reachability)
}
