/** The bounds of a Kafka log. */
import type { ConnectionLimits } from './connected-cluster.ts'

export interface KafkaLimits extends ConnectionLimits {
  /** Of a batch before its compression. Below the brokers' `message.max.bytes`, 1 MiB by default. */
  readonly batchBytesMax: number
  /** Of a record's key and value. Beyond it a record is refused before it is sent. */
  readonly recordBytesMax: number
  /** How long a request for committed offsets waits for the transactions that commit some. */
  readonly stableOffsetsWaitMaxMs: number
}

const defaultLimits: KafkaLimits = {
  connectTimeoutMs: 5_000,
  requestTimeoutMs: 30_000,
  giveUpAfterMs: 60_000,
  batchBytesMax: 512 * 1024,
  recordBytesMax: 1_000_000,
  stableOffsetsWaitMaxMs: 120_000,
}

export function kafkaLimits(given: Partial<KafkaLimits> = {}): KafkaLimits {
  return { ...defaultLimits, ...given }
}
