/**
 * The Log port. Drawn after Kafka's consumer and producer so that Kafka fits behind it unchanged:
 * partitioned topics, fetch by partition with high watermark and last stable offset, transactional produce
 * with offsets, and group membership with user data.
 *
 * Invariants every implementation keeps (the suite in `log-conformance.test-suite.ts` holds them):
 *  1. Offsets of one partition only grow; a record once below the last stable offset never changes.
 *  2. `fetch` with `read_committed` returns no record at or above the last stable offset and none of an
 *     aborted transaction; the position still moves past what it left out (`nextOffset`).
 *  3. The records, offsets and (where `sharesState`) state changes of one transaction are seen together or
 *     not at all, after a crash too.
 *  4. When an append or a commit resolves, it is durable.
 */
import type {
  ConsumerRecord,
  Offset,
  Partition,
  ProducerRecord,
  TopicName,
  TopicPartition,
} from '../core/record.ts'
import type { StateChange } from '../core/state.ts'
import type { GroupAssignor } from './group-assignor.ts'

export interface TopicSpec {
  readonly name: TopicName
  readonly partitionCount: number
  readonly cleanupPolicy: 'delete' | 'compact'
  /** How long a closed part of the log is kept; null keeps it for ever. */
  readonly retentionMs: number | null
  /** How much of a partition a closed part of the log holds, where the topic is created: only closed parts are cleared
   * away. Absent: as the log does by default. */
  readonly segmentBytes?: number
  /** The largest batch that it takes, where the topic is created: one record, if it is large. Absent: as the log does by
   * default. */
  readonly batchBytesMax?: number
}

export interface TopicDescription extends Omit<TopicSpec, 'segmentBytes' | 'batchBytesMax'> {
  /** Compacted, and what is old is deleted all the same: Kafka's `compact,delete`. */
  readonly deletesToo?: boolean
  /** Whose time records bear: that of who wrote them, or the broker's when it took them. Absent: `CreateTime`. */
  readonly timestamps?: 'CreateTime' | 'LogAppendTime'
  readonly partitions: readonly PartitionDescription[]
}

export interface PartitionDescription {
  readonly partition: Partition
  readonly logStartOffset: Offset
  /** The offset that the next record will get. */
  readonly highWatermark: Offset
  readonly lastStableOffset: Offset
}

export interface FetchPartition extends TopicPartition {
  readonly offset: Offset
}

export interface FetchRequest {
  readonly partitions: readonly FetchPartition[]
  readonly bytesMax: number
  readonly bytesPerPartitionMax: number
  /** How many records of each partition are wanted now, about. A log may bring more, or keep the others back for the
   * next fetch with the same signal. */
  readonly recordsPerPartitionMax?: number
  /** How long to wait for the first record where there is none; 0 returns at once. */
  readonly waitMaxMs: number
  readonly isolation: 'read_committed' | 'read_uncommitted'
  /** Ends the wait; what was found by then, which may be nothing, is returned. */
  readonly signal?: AbortSignal
}

export interface FetchedPartition extends TopicPartition {
  /** Their keys and values may be views on a whole fetched batch: copy what is kept for long. */
  readonly records: readonly ConsumerRecord[]
  /** Where the next fetch goes on; beyond the last record where aborted records were left out. */
  readonly nextOffset: Offset
  readonly logStartOffset: Offset
  readonly highWatermark: Offset
  readonly lastStableOffset: Offset
  /** Set where this partition was not answered, because its broker is away or had not yet when others had: nothing
   * was found, and the offsets are as they were told before. It says nothing about where the partition ends now. */
  readonly isStale?: true
}

export interface AppendResult extends TopicPartition {
  readonly baseOffset: Offset
}

export interface PartitionRecords extends TopicPartition {
  readonly records: readonly ProducerRecord[]
}

export interface PartitionOffset extends TopicPartition {
  /** The offset of the next record to read. */
  readonly offset: Offset
  /** Kept beside the offset: the task's partition time and the like. */
  readonly metadata?: string
}

/** Who commits: offsets of a generation that is over are refused (KIP-447). Generation −1 and an empty member
 * stand for no membership; they are taken while the group has no members. */
export interface GroupMetadata {
  readonly groupId: string
  readonly generationId: number
  readonly memberId: string
  /** Of a static member (KIP-345); absent or null where the member has none. */
  readonly groupInstanceId?: string | null
}

/** One transaction: all its parts become visible together, when `commit` resolves. Used once; what it was
 * given belongs to it until then. After a failed commit read the committed offsets again before going on. */
export interface Transaction {
  send(batch: PartitionRecords): void
  sendOffsets(group: GroupMetadata, offsets: readonly PartitionOffset[]): void
  /** Only where the log `sharesState`: these changes are part of the same atomic write. */
  writeState(changes: readonly StateChange[]): void
  /** Returns one result for each `send`, in order.
   * @throws TidemarkError PRODUCER_FENCED | TRANSACTION_ABORTED | DISK_FULL */
  commit(): Promise<readonly AppendResult[]>
  abort(): Promise<void>
}

export interface TransactionalProducer {
  begin(): Transaction
  close(): Promise<void>
}

export interface GroupMember {
  readonly metadata: GroupMetadata
  readonly assigned: readonly TopicPartition[]
  /** Asks for a rebalance, in which the member's user data is read anew. Resolves when it is asked for, not when
   * it is over: `onAssigned`, `onRevoked` and `onAssignment` tell of that. */
  rejoin(): Promise<void>
  /** Resolves when the group knows that the member is gone; a static member too is taken out. */
  leave(): Promise<void>
}

export interface JoinGroupOptions {
  readonly groupId: string
  readonly topics: readonly TopicName[]
  /** Asked at every join; read by the assignor of the group: which state this member holds, its rack, its version. */
  readonly userData: () => Buffer
  /** Shares the partitions out where this member leads the group. Absent: the log's own, `stickyTaskAssignor`. */
  readonly assignor?: GroupAssignor
  /** A name that stays over restarts: a member that comes back under it within the session gets its partitions
   * back without a rebalance (KIP-345). */
  readonly groupInstanceId?: string
  /** Partitions are this member's from when the promise resolves. */
  onAssigned(partitions: readonly TopicPartition[]): Promise<void>
  /** The group waits for the promise: commit and close what is revoked. */
  onRevoked(partitions: readonly TopicPartition[]): Promise<void>
  /** The membership was over before the member knew: its partitions, if it had any, may be another's. Nothing of them
   * can be committed any more; let go of them. Absent: `onRevoked` is called. */
  onLost?(partitions: readonly TopicPartition[]): Promise<void>
  /** After every rebalance, once its revocations are over and before its `onAssigned`: what the assignor has
   * to say to this member beside its partitions. */
  onAssignment?(userData: Buffer): Promise<void>
  /** The member cannot go on, for a reason that joining again does not mend (fenced static member, authorization). */
  onFailure?(failure: unknown): void
}

/** No server of a log answers. */
export interface LogOutage {
  /** As `Clock.nowMs`. */
  readonly sinceMs: number
  /** What the last one that was asked has failed with. */
  readonly reason: string
}

export interface Log {
  /** True where state changes can be part of a transaction (embedded, memory); false on Kafka. */
  readonly sharesState: boolean
  /** When a request was last tried again because a server did not answer, or not yet as it should, as `Clock.nowMs`;
   * null or absent: never. By it who waits for a commit tells a log that is away from one that hangs. */
  readonly lastRetryMs?: number | null
  /** Null or absent while a server answers, or where there is none. */
  readonly outage?: LogOutage | null

  /** Creates what is missing; a log that is not shared with others takes a new retention too.
   * @throws TidemarkError TOPIC_MISMATCH where one exists with other partitions or another cleanup policy */
  createTopics(specs: readonly TopicSpec[]): Promise<void>
  /** As they are now: others may have added partitions. */
  describeTopics(names?: readonly TopicName[]): Promise<readonly TopicDescription[]>

  /** Where a partition ends at the moment for who reads `read_committed`, of a log that knows it without asking anyone.
   * @throws TidemarkError TOPIC_UNKNOWN | PARTITION_UNKNOWN */
  endOffsetNow?(at: TopicPartition): Offset
  /** The same, by `topicPartitionId`, of a log that has to ask its servers. Each is asked once: what one does not tell,
   * because it is away or still owes an earlier answer, is left out. */
  askEndOffsets?(partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, Offset>>

  /** @throws TidemarkError TOPIC_UNKNOWN | PARTITION_UNKNOWN | OFFSET_OUT_OF_RANGE */
  fetch(request: FetchRequest): Promise<readonly FetchedPartition[]>

  /** Appends outside any transaction, all batches atomically in one write where the log can; durable when
   * it resolves. @throws TidemarkError TOPIC_UNKNOWN | RECORD_TOO_LARGE | DISK_FULL */
  append(batches: readonly PartitionRecords[]): Promise<readonly AppendResult[]>

  /** A producer that fences every earlier one of the same id. */
  transactionalProducer(transactionalId: string): Promise<TransactionalProducer>

  committedOffsets(
    groupId: string,
    partitions: readonly TopicPartition[],
  ): Promise<readonly (PartitionOffset | null)[]>
  /** Commits offsets outside a transaction (sinks whose writes are idempotent). */
  commitOffsets(group: GroupMetadata, offsets: readonly PartitionOffset[]): Promise<void>

  joinGroup(options: JoinGroupOptions): Promise<GroupMember>

  /** Deletes what lies before the offsets, for good (purge of repartition topics). Never the active part of the
   * log on Kafka, which may keep more than asked. */
  deleteRecords(before: readonly PartitionOffset[]): Promise<void>

  close(): Promise<void>
}
