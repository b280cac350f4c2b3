/** What the tests of transactions share: producers on a broker, and what is committed there as the library reads it. */
import type { TestContext } from 'node:test'

import { createTopicsV7, fetchV13 } from '@platformatic/kafka'

import { systemClock } from '../../src/core/clock.ts'
import { topicName } from '../../src/core/record.ts'
import type { Offset, Partition, ProducerRecord, TopicName } from '../../src/core/record.ts'
import { batchCodec } from '../../src/log/batch-codec.ts'
import { libraryVersion, openCluster } from '../../src/log/kafka/connected-cluster.ts'
import type { KafkaCluster, RequestKind } from '../../src/log/kafka/kafka-cluster.ts'
import { KafkaTransactions } from '../../src/log/kafka/transactions/kafka-transactions.ts'
import type { KafkaTransactionsOptions } from '../../src/log/kafka/transactions/kafka-transactions.ts'
import type { GroupMetadata } from '../../src/log/log.ts'
import type { TestKafka } from './support/kafka-for-tests.ts'

export const codec = batchCodec({ name: 'kafka', compression: 'none' })
export const noMember = { generationId: -1, memberId: '' }

export async function clusterOf(t: TestContext, kafka: TestKafka): Promise<KafkaCluster> {
  const bootstrapServers = kafka.servers
  const cluster = await openCluster({ bootstrapServers, clientId: 'test', clock: systemClock })
  t.after(() => cluster.close())
  return cluster
}

export function transactionsOn(
  cluster: KafkaCluster,
  options: Partial<KafkaTransactionsOptions> = {},
): KafkaTransactions {
  return new KafkaTransactions({ cluster, clock: systemClock, codec, ...options })
}

export function noGroup(groupId: string): GroupMetadata {
  return { groupId, ...noMember }
}

export function records(...values: string[]): ProducerRecord[] {
  return values.map((value) => ({
    key: Buffer.from('key'),
    value: Buffer.from(value),
    timestampMs: 1_000,
  }))
}

export function at(topic: TopicName, index: number): { topic: TopicName; partition: Partition } {
  return { topic, partition: index as Partition }
}

export function position(offset: number): Offset {
  return offset as Offset
}

interface NewTopic {
  readonly name: string
  readonly partitionCount: number
  readonly replicationFactor: number
  readonly configs: { name: string; value: string }[]
}

const createTopics: RequestKind<NewTopic, unknown> = {
  name: 'CreateTopics',
  apiKey: createTopicsV7.api.key,
  versions: [
    libraryVersion(createTopicsV7.api, ({ name, partitionCount, replicationFactor, configs }) => {
      const assignments: never[] = []
      const topic = { name, numPartitions: partitionCount, replicationFactor, assignments, configs }
      return [[topic], 10_000, false]
    }),
  ],
}

export async function newTopic(
  cluster: KafkaCluster,
  name: string,
  options: Partial<NewTopic> = {},
): Promise<TopicName> {
  const defaults = { partitionCount: 3, replicationFactor: 1, configs: [] }
  await cluster.send({ kind: 'controller' }, createTopics, { name, ...defaults, ...options })
  return topicName(name)
}

interface FetchOne {
  readonly topicId: string
  readonly partition: number
  readonly offset: bigint
}

const fetchCommitted = {
  name: 'Fetch',
  apiKey: fetchV13.api.key,
  versions: [
    libraryVersion(fetchV13.api, ({ topicId, partition, offset }: FetchOne) => {
      const partitions = [
        {
          partition,
          currentLeaderEpoch: -1,
          fetchOffset: offset,
          lastFetchedEpoch: -1,
          partitionMaxBytes: 50_000_000,
        },
      ]
      return [0, 0, 50_000_000, 1, 0, -1, [{ topicId, partitions }], [], '']
    }),
  ],
}

/** What one partition holds for a reader of committed records, and what it holds beside. */
export interface PartitionContent {
  readonly committed: readonly string[]
  readonly aborted: readonly string[]
  /** A transaction is open: the last stable offset is before the high watermark. */
  readonly isOpen: boolean
}

const controlFlag = 0x20
const transactionalFlag = 0x10

/** Read with the library's parser and a filter that shares no code with the product's. */
export async function contentOf(
  cluster: KafkaCluster,
  topic: TopicName,
  index = 0,
): Promise<PartitionContent> {
  const topicId = (await cluster.topics([topic])).get(topic)?.topicId ?? ''
  const leader = { kind: 'leader', of: at(topic, index) } as const
  const batches = []
  const aborts = new Map<string, { producerId: bigint; firstOffset: bigint }>()
  let offset = 0n
  for (;;) {
    const request = { topicId, partition: index, offset }
    const answer = await cluster.retry(leader, fetchCommitted, request)
    const found = answer.responses[0]?.partitions[0]
    if (found === undefined) throw new Error('no answer of the partition')
    for (const abort of found.abortedTransactions ?? []) {
      aborts.set(`${abort.producerId} ${abort.firstOffset}`, abort)
    }
    const fetched = (found.records ?? []).filter((batch) => batch.firstOffset >= offset)
    batches.push(...fetched)
    const last = fetched.at(-1)
    if (last !== undefined) offset = last.firstOffset + BigInt(last.lastOffsetDelta) + 1n
    if (last !== undefined && offset < found.lastStableOffset) continue
    const isOpen = found.lastStableOffset < found.highWatermark
    return { ...sortBatches(batches, [...aborts.values()]), isOpen }
  }
}

type Batch = NonNullable<
  Awaited<
    ReturnType<typeof fetchV13.api.async>
  >['responses'][number]['partitions'][number]['records']
>[number]

/** A batch is aborted where the next marker of its producer is that of an aborted transaction begun at or before it. */
function sortBatches(
  batches: readonly Batch[],
  aborts: readonly { producerId: bigint; firstOffset: bigint }[],
): { committed: string[]; aborted: string[] } {
  const committed: string[] = []
  const aborted: string[] = []
  for (const batch of batches) {
    if ((batch.attributes & controlFlag) !== 0) continue
    const marker = batches.find(
      (other) =>
        other.producerId === batch.producerId &&
        other.firstOffset > batch.firstOffset &&
        (other.attributes & controlFlag) !== 0,
    )
    const isAborted =
      (batch.attributes & transactionalFlag) !== 0 &&
      aborts.some(
        ({ producerId, firstOffset }) =>
          producerId === batch.producerId &&
          firstOffset <= batch.firstOffset &&
          noMarkerBetween(batches, producerId, firstOffset, batch.firstOffset) &&
          marker !== undefined,
      )
    const into = isAborted ? aborted : committed
    into.push(...batch.records.map(({ value }) => String(value)))
  }
  return { committed, aborted }
}

function noMarkerBetween(
  batches: readonly Batch[],
  producerId: bigint,
  from: bigint,
  to: bigint,
): boolean {
  return !batches.some(
    (batch) =>
      batch.producerId === producerId &&
      (batch.attributes & controlFlag) !== 0 &&
      batch.firstOffset >= from &&
      batch.firstOffset < to,
  )
}
