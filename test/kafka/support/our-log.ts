/** Our log on a test's broker, and what the tests ask of it. */
import type { TestContext } from 'node:test'
import { systemClock } from '../../../src/core/clock.ts'
import {
  topicName,
  type Offset,
  type Partition,
  type ProducerRecord,
  type TopicName,
} from '../../../src/core/record.ts'
import {
  openKafkaLog,
  type KafkaLog,
  type KafkaLogOptions,
} from '../../../src/log/kafka/open-kafka-log.ts'
import type { TransactionalProducer } from '../../../src/log/log.ts'
import type { TestKafka } from './kafka-for-tests.ts'

export interface OurLog {
  readonly log: KafkaLog
  readonly topic: TopicName
  /** A name for a group and for a transactional id. */
  readonly name: string
}

/** With a new topic, which is empty. */
export async function ourLog(
  t: TestContext,
  kafka: TestKafka,
  partitionCount: number,
  options: Partial<KafkaLogOptions> = {},
): Promise<OurLog> {
  const log = await ourLogOnly(t, kafka, options)
  const topic = topicName(kafka.unique('ours'))
  await log.createTopics([
    { name: topic, partitionCount, cleanupPolicy: 'delete', retentionMs: null },
  ])
  return { log, topic, name: kafka.unique('ours') }
}

export async function ourLogOnly(
  t: TestContext,
  kafka: TestKafka,
  options: Partial<KafkaLogOptions> = {},
): Promise<KafkaLog> {
  const log = await openKafkaLog({
    bootstrapServers: kafka.servers,
    clientId: 'test',
    clock: systemClock,
    ...options,
  })
  t.after(() => log.close())
  return log
}

export function record(value: string): ProducerRecord {
  return { key: Buffer.from('key'), value: Buffer.from(value), timestampMs: 1_000 }
}

export function partitionsOf(partitionCount: number): Partition[] {
  return Array.from({ length: partitionCount }, (_, index) => index as Partition)
}

export function offset(number: number): Offset {
  return number as Offset
}

/** One record of partition 0 in a transaction of its own. */
export async function commitOne(
  producer: TransactionalProducer,
  topic: TopicName,
  value: string,
): Promise<void> {
  const transaction = producer.begin()
  transaction.send({ topic, partition: firstPartition, records: [record(value)] })
  await transaction.commit()
}

const firstPartition = 0 as Partition

/** The values of all that is committed when it is called, partition by partition. */
export async function committedValues(
  log: KafkaLog,
  topic: TopicName,
  fetchBytesMax?: number,
): Promise<string[]> {
  const records = await committedRecords(log, topic, fetchBytesMax)
  return records.map(({ value }) => String(value))
}

export interface CommittedRecord {
  readonly partition: number
  readonly offset: number
  readonly key: Buffer | null
  readonly value: Buffer | null
}

export async function committedRecords(
  log: KafkaLog,
  topic: TopicName,
  fetchBytesMax = 1_000_000,
): Promise<CommittedRecord[]> {
  const [description] = await log.describeTopics([topic])
  const records: CommittedRecord[] = []
  for (const { partition, highWatermark } of description?.partitions ?? []) {
    for (let next = offset(0); next < highWatermark;) {
      const [found] = await log.fetch({
        partitions: [{ topic, partition, offset: next }],
        bytesMax: fetchBytesMax,
        bytesPerPartitionMax: fetchBytesMax,
        waitMaxMs: 100,
        isolation: 'read_committed',
      })
      for (const { offset, key, value } of found?.records ?? []) {
        records.push({ partition, offset, key: bytesOf(key), value: bytesOf(value) })
      }
      next = found?.nextOffset ?? next
    }
  }
  return records
}

/** Not a view on what was fetched. */
function bytesOf(view: Uint8Array | null): Buffer | null {
  return view === null ? null : Buffer.from(view)
}

/** By partition; null where nothing is committed. */
export async function committedOffsetsOf(
  log: KafkaLog,
  group: string,
  topic: TopicName,
  partitionCount: number,
): Promise<(number | null)[]> {
  const partitions = partitionsOf(partitionCount).map((partition) => ({ topic, partition }))
  const found = await log.committedOffsets(group, partitions)
  return found.map((one) => one?.offset ?? null)
}
