/**
 * The Log port on a Kafka cluster: what each part does is in the folders beside this file; here they share one
 * cluster and one life.
 */
import type { Clock } from '../../core/clock.ts'
import { TidemarkError } from '../../core/errors.ts'
import type { Offset, TopicName, TopicPartition } from '../../core/record.ts'
import { topicPartitionId } from '../../core/record.ts'
import { batchCodec } from '../batch-codec.ts'
import type {
  BatchCodec,
  BatchFormat,
  EncodedLog,
  EncodedProducer,
  FetchedBatches,
} from '../encoded-log.ts'
import type { GroupDescription, LogAdmin, MemberRemoval } from '../log-admin.ts'
import type {
  AppendResult,
  FetchedPartition,
  FetchRequest,
  GroupMember,
  GroupMetadata,
  JoinGroupOptions,
  LogOutage,
  PartitionOffset,
  PartitionRecords,
  TopicDescription,
  TopicSpec,
} from '../log.ts'
import type { LeaderContext } from './admin/by-leader.ts'
import { deleteRecords } from './admin/delete-records.ts'
import {
  alterGroupOffsets,
  deleteGroup,
  describeGroup,
  removeMembers,
} from './admin/kafka-group-admin.ts'
import { createTopics, deleteTopics, describeTopics, topicNames } from './admin/kafka-topics.ts'
import { listEdges, listOffsetsAt } from './admin/list-offsets.ts'
import { StableEnds } from './admin/stable-ends.ts'
import { topicConfiguration } from './admin/topic-configuration.ts'
import type { KafkaSecurity } from './connections/kafka-security.ts'
import { partitionUnknown } from './fetch/fetch-failures.ts'
import { KafkaFetcher } from './fetch/kafka-fetcher.ts'
import type { GroupSettings } from './group/group-settings.ts'
import { KafkaGroups } from './group/kafka-groups.ts'
import type { KafkaCluster } from './kafka-cluster.ts'
import { LastRetry } from './connections/last-retry.ts'
import { Reachability } from './connections/reachability.ts'
import type { KafkaLimits } from './kafka-limits.ts'
import { commitOffsets } from './offsets/commit-offsets.ts'
import { allCommittedOffsets, committedOffsets } from './offsets/committed-offsets.ts'
import { IdempotentProducer } from './produce/idempotent-producer.ts'
import type { KafkaTransactionsOptions } from './transactions/kafka-transactions.ts'
import { KafkaTransactions } from './transactions/kafka-transactions.ts'

export interface KafkaLogOptions {
  /** `host:port`, any of the brokers; the others are learnt from them. */
  readonly bootstrapServers: readonly string[]
  readonly clientId: string
  readonly clock: Clock
  readonly security?: KafkaSecurity
  /** Of batches that are produced; any is read. Default `none`. */
  readonly compression?: BatchFormat['compression']
  readonly rack?: string
  /** Of topics that are created. Default −1: the broker's default. */
  readonly replicationFactor?: number
  readonly limits?: Partial<KafkaLimits>
  readonly transactions?: Pick<
    KafkaTransactionsOptions,
    'guarantee' | 'timeoutMs' | 'protocolMax' | 'transactionalIdOf' | 'limits'
  >
  readonly group?: Partial<GroupSettings>
  /** Between 0 and 1, for the jitter of the back-off. Default: `Math.random`. */
  readonly random?: () => number
}

export interface KafkaLog extends EncodedLog, LogAdmin {
  /**
   * Aborts what a producer that is gone has left open, which readers and those who take its tasks over would wait for.
   * Where it still lives it is fenced.
   * @returns whether something was open
   * @throws TidemarkError KAFKA_REFUSED | KAFKA_UNREACHABLE
   */
  endAbandonedTransaction(transactionalId: string): Promise<boolean>
}

export class ClusterLog implements KafkaLog {
  readonly sharesState = false
  readonly batchFormat: BatchFormat
  readonly #cluster: KafkaCluster
  readonly #clock: Clock
  readonly #limits: KafkaLimits
  readonly #replicationFactor: number
  readonly #codec: BatchCodec
  readonly #fetcher: KafkaFetcher
  readonly #producer: IdempotentProducer
  readonly #transactions: KafkaTransactions
  readonly #groups: KafkaGroups
  readonly #context: LeaderContext
  readonly #stableEnds: StableEnds
  readonly #lastRetry: LastRetry
  readonly #reachability: Reachability
  #closing: Promise<void> | null = null

  constructor(
    cluster: KafkaCluster,
    options: KafkaLogOptions,
    limits: KafkaLimits,
    lastRetry = new LastRetry(options.clock),
    reachability = new Reachability(options.clock),
  ) {
    const { clock, compression = 'none', random = Math.random, transactions, group, rack } = options
    const { giveUpAfterMs, batchBytesMax, recordBytesMax } = limits
    this.#cluster = cluster
    this.#lastRetry = lastRetry
    this.#reachability = reachability
    this.#clock = clock
    this.#limits = limits
    this.#replicationFactor = options.replicationFactor ?? -1
    this.batchFormat = { name: 'kafka', compression }
    this.#codec = batchCodec(this.batchFormat)
    const shared = { cluster, clock, random, giveUpAfterMs }
    this.#context = shared
    this.#stableEnds = new StableEnds(cluster)
    this.#fetcher = new KafkaFetcher(shared)
    this.#producer = new IdempotentProducer({
      ...shared,
      compression,
      batchBytesMax,
      recordBytesMax,
    })
    this.#transactions = new KafkaTransactions({
      ...shared,
      ...transactions,
      codec: this.#codec,
      onRetry: lastRetry.note,
      limits: { batchBytesMax, ...transactions?.limits },
    })
    this.#groups = new KafkaGroups({
      ...shared,
      ...(group === undefined ? {} : { settings: group }),
      ...(rack === undefined ? {} : { rack }),
    })
  }

  get lastRetryMs(): number | null {
    return this.#lastRetry.atMs
  }

  get outage(): LogOutage | null {
    return this.#reachability.outage
  }

  async createTopics(specs: readonly TopicSpec[]): Promise<void> {
    this.#checkOpen()
    await createTopics(this.#context, specs, this.#replicationFactor)
  }

  async describeTopics(names?: readonly TopicName[]): Promise<readonly TopicDescription[]> {
    this.#checkOpen()
    return await describeTopics(this.#context, names ?? (await topicNames(this.#cluster)))
  }

  async askEndOffsets(partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, Offset>> {
    this.#checkOpen()
    return await this.#stableEnds.ask(partitions)
  }

  async fetchEncoded(request: FetchRequest): Promise<readonly FetchedBatches[]> {
    this.#checkOpen()
    return await this.#fetcher.fetch(request)
  }

  async fetch(request: FetchRequest): Promise<readonly FetchedPartition[]> {
    const found = await this.fetchEncoded(request)
    return found.map(({ batches, fetchOffset, ...rest }) => ({
      ...rest,
      records: batches.flatMap((batch) => this.#codec.decode(batch, fetchOffset)),
    }))
  }

  async append(batches: readonly PartitionRecords[]): Promise<readonly AppendResult[]> {
    this.#checkOpen()
    await this.#checkPartitions(batches)
    return await this.#producer.append(batches)
  }

  async transactionalProducer(transactionalId: string): Promise<EncodedProducer> {
    this.#checkOpen()
    return await this.#transactions.producer(transactionalId)
  }

  async endAbandonedTransaction(transactionalId: string): Promise<boolean> {
    this.#checkOpen()
    return await this.#transactions.endAbandoned(transactionalId)
  }

  async committedOffsets(
    groupId: string,
    partitions: readonly TopicPartition[],
  ): Promise<readonly (PartitionOffset | null)[]> {
    this.#checkOpen()
    return await committedOffsets(groupId, partitions, this.#offsetsOptions())
  }

  async commitOffsets(group: GroupMetadata, offsets: readonly PartitionOffset[]): Promise<void> {
    this.#checkOpen()
    await commitOffsets(group, offsets, this.#context)
  }

  async joinGroup(options: JoinGroupOptions): Promise<GroupMember> {
    this.#checkOpen()
    return await this.#groups.join(options)
  }

  async deleteRecords(before: readonly PartitionOffset[]): Promise<void> {
    this.#checkOpen()
    await deleteRecords(this.#context, before)
  }

  async describeGroup(groupId: string): Promise<GroupDescription | null> {
    this.#checkOpen()
    return await describeGroup(this.#cluster, groupId)
  }

  async groupOffsets(groupId: string): Promise<readonly PartitionOffset[]> {
    this.#checkOpen()
    return await allCommittedOffsets(groupId, this.#offsetsOptions())
  }

  async alterGroupOffsets(groupId: string, offsets: readonly PartitionOffset[]): Promise<void> {
    this.#checkOpen()
    await alterGroupOffsets(groupId, offsets, this.#context)
  }

  async removeMembers(groupId: string, removal?: MemberRemoval): Promise<void> {
    this.#checkOpen()
    await removeMembers(this.#cluster, groupId, removal)
  }

  async deleteGroup(groupId: string): Promise<void> {
    this.#checkOpen()
    await deleteGroup(this.#cluster, groupId)
  }

  async topicNames(): Promise<readonly TopicName[]> {
    this.#checkOpen()
    return await topicNames(this.#cluster)
  }

  async deleteTopics(names: readonly TopicName[]): Promise<void> {
    this.#checkOpen()
    await deleteTopics(this.#context, names)
  }

  async topicIds(names: readonly TopicName[]): Promise<ReadonlyMap<TopicName, string>> {
    this.#checkOpen()
    // One may have been made anew since it was last asked for.
    const topics = await this.#cluster.topics(names, { isFresh: true })
    return new Map([...topics].map(([name, { topicId }]) => [name, topicId]))
  }

  async topicConfiguration(name: TopicName): Promise<ReadonlyMap<string, string>> {
    this.#checkOpen()
    return await topicConfiguration(this.#cluster, name)
  }

  async offsetsAt(
    timestampMs: number,
    partitions: readonly TopicPartition[],
  ): Promise<readonly PartitionOffset[]> {
    this.#checkOpen()
    const found = await listOffsetsAt(this.#context, partitions, timestampMs)
    const beyond = partitions.filter((at) => (found.get(topicPartitionId(at)) ?? -1) < 0)
    const ends = await listEdges(this.#context, beyond, 'highWatermark')
    return partitions.map(({ topic, partition }) => {
      const id = topicPartitionId({ topic, partition })
      const offset = ends.get(id) ?? found.get(id) ?? (0 as Offset)
      return { topic, partition, offset }
    })
  }

  /** Fetches end, what was appended or submitted is finished, members that have not left fall silent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#fetcher.close()
    this.#groups.close()
    try {
      await Promise.all([this.#producer.close(), this.#transactions.close()])
    } finally {
      await this.#cluster.close()
    }
  }

  async #checkPartitions(partitions: readonly TopicPartition[]): Promise<void> {
    if (partitions.length === 0) return
    const topics = await this.#cluster.topics([...new Set(partitions.map(({ topic }) => topic))])
    for (const at of partitions) {
      const topic = topics.get(at.topic)
      if (!topic?.partitions.some(({ partition }) => partition === at.partition)) {
        throw partitionUnknown(at)
      }
    }
  }

  #offsetsOptions() {
    const { stableOffsetsWaitMaxMs } = this.#limits
    return { cluster: this.#cluster, clock: this.#clock, giveUpAfterMs: stableOffsetsWaitMaxMs }
  }

  #checkOpen(): void {
    if (this.#closing === null) return
    throw new TidemarkError('INSTANCE_NOT_RUNNING', 'the Kafka log is closed')
  }
}
