/** What the tests of transactions share: producers on a broker, and what is committed there by its markers. */
import type { TestContext } from 'node:test'

import { NetworkError, createTopicsV7, fetchV13 } from '@platformatic/kafka'

import { systemClock } from '../../src/core/clock.ts'
import { topicName } from '../../src/core/record.ts'
import type { Offset, Partition, ProducerRecord, TopicName } from '../../src/core/record.ts'
import { batchCodec } from '../../src/log/batch-codec.ts'
import { libraryVersion, openCluster } from '../../src/log/kafka/connected-cluster.ts'
import type {
  KafkaCluster,
  KafkaConnection,
  RequestKind,
} from '../../src/log/kafka/kafka-cluster.ts'
import { KafkaTransactions } from '../../src/log/kafka/transactions/kafka-transactions.ts'
import type { KafkaTransactionsOptions } from '../../src/log/kafka/transactions/kafka-transactions.ts'
import type { GroupMetadata } from '../../src/log/log.ts'
import { until } from '../../tools/kafka/cluster-view.ts'
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
      const numPartitions = partitionCount
      const topics = [{ name, numPartitions, replicationFactor, assignments: [], configs }]
      return [topics, 10_000, false] satisfies Parameters<typeof createTopicsV7.createRequest>
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
  const topic = topicName(name)
  await until(`${name} has leaders`, 30_000, async () => {
    cluster.forgetTopics([topic])
    const partitions = (await cluster.topics([topic])).get(topic)?.partitions
    return partitions?.every(({ leader }) => leader !== null) === true ? true : undefined
  })
  return topic
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
      const bytesMax = 50_000_000
      const wanted = { partition, currentLeaderEpoch: -1, lastFetchedEpoch: -1 }
      const partitions = [{ ...wanted, fetchOffset: offset, partitionMaxBytes: bytesMax }]
      const topics = [{ topicId, partitions }]
      return [0, 0, bytesMax, readCommitted, 0, -1, topics, [], ''] satisfies FetchArguments
    }),
  ],
}

type FetchArguments = Parameters<typeof fetchV13.createRequest>
type FetchedPartition = FetchAnswer['responses'][number]['partitions'][number]
type FetchAnswer = Awaited<ReturnType<typeof fetchV13.api.async>>
type Batch = NonNullable<FetchedPartition['records']>[number]

const readCommitted = 1
const controlFlag = 0x20
const transactionalFlag = 0x10

/** What one partition holds, sorted by the transactions' markers: a judge that shares no code with the product. */
export interface PartitionContent {
  readonly committed: string[]
  readonly aborted: string[]
}

/** Resolves when the partition has no open transaction: EndTxn answers before its markers are written. */
export async function contentOf(
  cluster: KafkaCluster,
  topic: TopicName,
  index = 0,
): Promise<PartitionContent> {
  return await until(`${topic}-${index} has no open transaction`, 60_000, async () => {
    const { batches, isStable } = await fetchAll(cluster, topic, index)
    return isStable ? sortBatches(batches) : undefined
  })
}

/** True while records lie at or above the last stable offset. */
export async function hasOpenTransaction(
  cluster: KafkaCluster,
  topic: TopicName,
  index = 0,
): Promise<boolean> {
  return !(await fetchAll(cluster, topic, index)).isStable
}

async function fetchAll(
  cluster: KafkaCluster,
  topic: TopicName,
  index: number,
): Promise<{ batches: Batch[]; isStable: boolean }> {
  const topicId = (await cluster.topics([topic])).get(topic)?.topicId ?? ''
  const leader = { kind: 'leader', of: at(topic, index) } as const
  const batches: Batch[] = []
  for (let offset = 0n; ;) {
    const request = { topicId, partition: index, offset }
    const answer = await cluster.retry(leader, fetchCommitted, request)
    const found = answer.responses[0]?.partitions[0]
    if (found === undefined) throw new Error('no answer of the partition')
    const fetched = (found.records ?? []).filter((batch) => batch.firstOffset >= offset)
    batches.push(...fetched)
    const last = fetched.at(-1)
    if (last !== undefined) offset = last.firstOffset + BigInt(last.lastOffsetDelta) + 1n
    if (last !== undefined && offset < found.lastStableOffset) continue
    return { batches, isStable: found.lastStableOffset === found.highWatermark }
  }
}

/** What a batch comes to is said by the next marker of its producer. */
function sortBatches(batches: readonly Batch[]): PartitionContent {
  const content: PartitionContent = { committed: [], aborted: [] }
  const isControl = (batch: Batch) => (batch.attributes & controlFlag) !== 0
  for (const [position, batch] of batches.entries()) {
    if (isControl(batch)) continue
    const isTransactional = (batch.attributes & transactionalFlag) !== 0
    const ofProducer = (other: Batch) => isControl(other) && other.producerId === batch.producerId
    const marker = batches.slice(position).find(ofProducer)
    // The key of a marker: its version, and 1 for a commit, each of 16 bits.
    const isCommitted = !isTransactional || marker?.records[0]?.key?.readInt16BE(2) === 1
    const into = isCommitted ? content.committed : content.aborted
    into.push(...batch.records.map(({ value }) => String(value)))
  }
  return content
}

/** The cluster, and what was sent through it: `EndTxn 5`. */
export function recording(cluster: KafkaCluster): { cluster: KafkaCluster; requests: string[] } {
  const requests: string[] = []
  const spy = around(cluster, (kind) => ({
    ...kind,
    versions: kind.versions.map((one) => ({
      version: one.version,
      send: (connection, request) => {
        requests.push(`${kind.name} ${one.version}`)
        return one.send(connection, request)
      },
    })),
  }))
  return { cluster: spy, requests }
}

/** The cluster, its requests changed on their way. */
export function around(
  cluster: KafkaCluster,
  change: <Request, Response>(
    kind: RequestKind<Request, Response>,
  ) => RequestKind<Request, Response>,
): KafkaCluster {
  return {
    send: (to, kind, request, options) => cluster.send(to, change(kind), request, options),
    retry: (to, kind, request, options) => cluster.retry(to, change(kind), request, options),
    topics: (names) => cluster.topics(names),
    forgetTopics: (names) => {
      cluster.forgetTopics(names)
    },
    forgetCoordinator: (kind, key) => {
      cluster.forgetCoordinator(kind, key)
    },
    featureLevel: (name) => cluster.featureLevel(name),
    close: () => cluster.close(),
  }
}

export type Cut =
  /** The connection is gone before the request is on it. */
  | 'before the request'
  /** The broker has carried the request out; its answer never arrives. */
  | 'before the answer'

/** The cluster, the next `times` requests of the name cut, connection and all. */
export function cutting(
  cluster: KafkaCluster,
  name: string,
  cut: Cut,
  times = 1,
): { cluster: KafkaCluster; cuts: () => number } {
  let cuts = 0
  const withCuts = around(cluster, (kind) => {
    if (kind.name !== name) return kind
    const versions = kind.versions.map((one) => ({
      version: one.version,
      send: async (
        connection: KafkaConnection,
        request: Parameters<typeof one.send>[1],
      ): ReturnType<typeof one.send> => {
        if (cuts >= times) return await one.send(connection, request)
        cuts++
        if (cut === 'before the answer') await one.send(connection, request)
        connection.socket.destroy()
        throw new NetworkError(`cut ${cut}`)
      },
    }))
    return { ...kind, versions }
  })
  return { cluster: withCuts, cuts: () => cuts }
}
