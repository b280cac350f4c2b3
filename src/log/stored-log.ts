/**
 * The Log over an ordered storage: embedded over RocksDB, or in memory. Here are the semantics; the storage
 * only knows bytes.
 *
 *  1. One writer (`GroupCommit`) gives out offsets, so offsets have no gaps but those of compaction.
 *  2. A transaction is one job of the writer: records, offsets and state changes are one atomic write. It
 *     needs no markers, and the last stable offset is the high watermark.
 *  3. What is in memory (topics, offsets, epochs, high watermarks) is what the storage held when it was read
 *     plus what was made durable since; after a failed write it is read again.
 */
import type { Clock } from '../core/clock.ts'
import type { Offset, TopicPartition } from '../core/record.ts'
import type { StateChange } from '../core/state.ts'
import { TidemarkError } from '../core/errors.ts'
import { noteBatchBytes } from './batch-reader.ts'
import { CommittedOffsets, putOffset } from './committed-offsets.ts'
import type { BatchFormat, EncodedLog, FetchedBatches } from './encoded-log.ts'
import { Fetcher } from './fetcher.ts'
import { stickyTaskAssignor } from './group-assignor.ts'
import type { GroupAssignor } from './group-assignor.ts'
import { GroupCommit, closedError } from './group-commit.ts'
import type { GroupCommitStats } from './group-commit.ts'
import { GroupCoordinator } from './group-coordinator.ts'
import type {
  AppendResult,
  FetchRequest,
  FetchedPartition,
  GroupMember,
  GroupMetadata,
  JoinGroupOptions,
  PartitionOffset,
  PartitionRecords,
  TopicDescription,
  TopicSpec,
} from './log.ts'
import { loadMeta, loadPartitions } from './load-log.ts'
import { Maintenance } from './maintenance.ts'
import type { MaintenanceReport } from './maintenance.ts'
import type { MaintenanceOptions } from './maintenance-options.ts'
import type { OrderedStorage } from './ordered-storage.ts'
import { OutgoingBatches } from './outgoing-batches.ts'
import type { PartitionLog } from './partition-log.ts'
import { ProducerEpochs } from './producer-epochs.ts'
import { decodeRecordBatch } from './record-batch.ts'
import type { RewriteOptions } from './rewrite-records.ts'
import { StateWrites, changesBytes } from './state-writes.ts'
import { StoredProducer } from './stored-transaction.ts'
import type { TransactionHost } from './stored-transaction.ts'
import { TailCache } from './tail-cache.ts'
import type { StoredBatch } from './tail-cache.ts'
import { TopicCatalog, putTopic } from './topic-catalog.ts'

export interface StoredLogOptions {
  readonly clock: Clock
  /** False: as a log whose state is elsewhere, which takes no state changes in its transactions. Default true. */
  readonly sharesState?: boolean
  readonly assignor?: GroupAssignor
  /** Of key, value and headers together, appended from outside. Default 1 MiB. */
  readonly recordBytesMax?: number
  /** As `recordBytesMax`, of a transaction: what a topology makes of records (a fact with a list, an original
   * in quarantine with its reason) is larger than they are, and refusing it would stop the task for good. */
  readonly transactionRecordBytesMax?: number
  /** Of the newest batches kept in memory for consumers that keep up. */
  readonly tailCacheBytesMax?: number
  /** Of appends that wait for the disk; beyond it they are refused with BACK_PRESSURE. */
  readonly queuedBytesMax?: number
  readonly maintenance?: Partial<MaintenanceOptions>
}

export interface StoredLogStats {
  readonly commits: GroupCommitStats
  readonly tailCacheBytes: number
}

const defaults = {
  recordBytesMax: 1024 * 1024,
  transactionRecordBytesMax: 64 * 1024 * 1024,
  tailCacheBytesMax: 16 * 1024 * 1024,
  queuedBytesMax: 32 * 1024 * 1024,
}
const groupBytesMax = 8 * 1024 * 1024
const groupJobsMax = 4096

export class StoredLog implements EncodedLog, TransactionHost {
  readonly sharesState: boolean
  readonly batchFormat: BatchFormat = { name: 'tidemark', compression: 'none' }
  readonly commits: GroupCommit
  readonly state = new StateWrites()
  readonly topics = new TopicCatalog()
  readonly offsets = new CommittedOffsets()
  readonly producers = new ProducerEpochs()
  readonly groups: GroupCoordinator
  readonly recordBytesMax: number
  readonly transactionRecordBytesMax: number
  readonly #storage: OrderedStorage
  readonly #fetcher: Fetcher
  readonly #tails: TailCache
  readonly #maintenance: Maintenance
  #topicCreation: Promise<void> = Promise.resolve()

  static async open(storage: OrderedStorage, options: StoredLogOptions): Promise<StoredLog> {
    const log = new StoredLog(storage, options)
    await log.#load()
    return log
  }

  private constructor(storage: OrderedStorage, options: StoredLogOptions) {
    const limits = { ...defaults, ...options }
    const { tailCacheBytesMax, queuedBytesMax } = limits
    this.#storage = storage
    this.sharesState = limits.sharesState ?? true
    this.recordBytesMax = limits.recordBytesMax
    this.transactionRecordBytesMax = limits.transactionRecordBytesMax
    this.#tails = new TailCache(tailCacheBytesMax)
    const commitLimits = { groupBytesMax, groupJobsMax, queuedBytesMax }
    this.commits = new GroupCommit(storage, commitLimits, () => this.#load())
    this.#fetcher = new Fetcher(storage, this.topics, options.clock)
    this.groups = new GroupCoordinator(
      options.assignor ?? stickyTaskAssignor,
      (name) => this.topics.topic(name).spec.partitionCount,
    )
    this.#maintenance = new Maintenance(storage, this.topics, this.commits, options.maintenance)
  }

  /** A changed retention or cleanup policy is taken over; a changed partition count is refused. */
  createTopics(specs: readonly TopicSpec[]): Promise<void> {
    const created = this.#topicCreation.then(() => this.#createTopics(specs))
    this.#topicCreation = created.catch(() => undefined)
    return created
  }

  async describeTopics(names?: readonly TopicSpec['name'][]): Promise<readonly TopicDescription[]> {
    await this.#topicCreation
    return this.topics.describe(names)
  }

  endOffsetNow(at: TopicPartition): Offset {
    return this.topics.partition(at).describe().lastStableOffset
  }

  async fetch(request: FetchRequest): Promise<readonly FetchedPartition[]> {
    const fetched = await this.fetchEncoded(request)
    return fetched.map((found) => {
      const { batches, fetchOffset, ...rest } = found
      const records = batches.map((batch) =>
        decodeRecordBatch(batch.bytes, batch.baseOffset, fetchOffset),
      )
      return { ...rest, records: records.length === 1 ? (records[0] ?? []) : records.flat() }
    })
  }

  /** As `fetch`, with the batches as they are stored, to be decoded by another thread. Copy or share their
   * bytes with it, never transfer them: the cached tail holds the same buffers. */
  async fetchEncoded(request: FetchRequest): Promise<readonly FetchedBatches[]> {
    if (this.commits.isClosed) throw closedError()
    return this.#fetcher.fetch(request)
  }

  async append(batches: readonly PartitionRecords[]): Promise<readonly AppendResult[]> {
    const outgoing = new OutgoingBatches(this.recordBytesMax)
    for (const batch of batches) outgoing.add(this.topics.partition(batch), batch)
    if (this.commits.isFull) throw backPressure(this.commits.stats())
    outgoing.seal()
    return this.commits.run({
      bytes: outgoing.bytes,
      prepare: (operations) => {
        outgoing.place(operations)
      },
      settle: () => {
        this.show(outgoing)
        return outgoing.results()
      },
    })
  }

  async transactionalProducer(transactionalId: string): Promise<StoredProducer> {
    const epoch = this.producers.next(transactionalId)
    await this.commits.run({
      bytes: 64,
      prepare: (operations) => {
        operations.push(this.producers.put(transactionalId))
      },
      settle: () => undefined,
    })
    return new StoredProducer(this, { transactionalId, epoch })
  }

  committedOffsets(
    groupId: string,
    partitions: readonly TopicPartition[],
  ): Promise<readonly (PartitionOffset | null)[]> {
    return Promise.resolve(partitions.map((at) => this.offsets.get(groupId, at)))
  }

  async commitOffsets(group: GroupMetadata, offsets: readonly PartitionOffset[]): Promise<void> {
    await this.commits.run({
      bytes: offsets.length * 64,
      prepare: (operations) => {
        this.groups.check(group)
        for (const offset of offsets) operations.push(putOffset(group.groupId, offset))
      },
      settle: () => {
        this.offsets.set(group.groupId, offsets)
      },
    })
  }

  joinGroup(options: JoinGroupOptions): Promise<GroupMember> {
    return this.groups.join(options)
  }

  /** State changes outside any transaction, through the same writer. */
  async writeState(changes: readonly StateChange[]): Promise<void> {
    await this.commits.run({
      bytes: changesBytes(changes),
      prepare: (operations) => {
        this.state.append(changes, operations)
      },
      settle: () => undefined,
    })
  }

  /** One bounded step of retention and compaction; call it again at once while `more` is true. */
  maintain(nowMs: number): Promise<MaintenanceReport> {
    return this.#maintenance.step(nowMs)
  }

  /** Deletes what lies before an offset of each partition, as Kafka's DeleteRecords: for records that all who
   * read them have processed. @throws TidemarkError TOPIC_UNKNOWN | PARTITION_UNKNOWN | DISK_FULL */
  async deleteRecords(before: readonly PartitionOffset[]): Promise<void> {
    for (const at of before) {
      await this.#maintenance.deleteRecords(this.topics.partition(at), at.offset)
    }
  }

  /** @throws TidemarkError TOPIC_UNKNOWN | PARTITION_UNKNOWN | DISK_FULL */
  rewriteRecords(at: TopicPartition, options: RewriteOptions): Promise<void> {
    return this.#maintenance.rewriteRecords(this.topics.partition(at), options)
  }

  /** What was overwritten or deleted leaves the disk, not only the log. Nothing else may be written meanwhile. */
  async purge(): Promise<void> {
    await this.#storage.purge()
  }

  stats(): StoredLogStats {
    return { commits: this.commits.stats(), tailCacheBytes: this.#tails.usedBytes }
  }

  /** Writes what was submitted and ends every wait. The storage is its opener's to close. */
  async close(): Promise<void> {
    await this.commits.close()
    this.#fetcher.close()
  }

  /** Makes placed batches visible, once they are durable. */
  show(outgoing: OutgoingBatches): void {
    for (const [log, batches] of outgoing.placed()) {
      for (const batch of batches) this.#showBatch(log, batch)
      if (batches.length > 0) log.wakeAll()
    }
  }

  #showBatch(log: PartitionLog, batch: StoredBatch): void {
    this.#tails.add(log.tail, batch)
    log.highWatermark = (batch.lastOffset + 1) as PartitionOffset['offset']
    noteBatchBytes(log, batch.bytes.length)
  }

  async #createTopics(specs: readonly TopicSpec[]): Promise<void> {
    const missing = this.topics.missing(specs)
    if (missing.length === 0) return
    await this.commits.run({
      bytes: missing.length * 128,
      prepare: (operations) => {
        for (const [spec, persisted] of missing) operations.push(putTopic(spec.name, persisted))
      },
      settle: () => {
        for (const [spec, persisted] of missing) this.topics.adopt(spec, persisted)
      },
    })
  }

  async #load(): Promise<void> {
    this.offsets.clear()
    this.state.clear()
    await loadMeta(this.#storage, this)
    await loadPartitions(this.#storage, this.topics)
  }
}

function backPressure(stats: GroupCommitStats): TidemarkError {
  return new TidemarkError(
    'BACK_PRESSURE',
    `${stats.queuedBytes} bytes wait for the disk (queuedBytesMax); try again`,
    { details: { queuedBytes: stats.queuedBytes, queuedJobs: stats.queuedJobs } },
  )
}
