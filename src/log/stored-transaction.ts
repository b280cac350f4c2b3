/**
 * A transaction of the stored log.
 *
 *     open ── commit() ──▶ committing ──▶ committed
 *       │                      └────────▶ failed     nothing of it was written, or the writer reads anew
 *       └──── abort() ───▶ aborted
 */
import { assert } from '../core/assert.ts'
import { TidemarkError } from '../core/errors.ts'
import type { StateChange } from '../core/state.ts'
import { putOffset } from './committed-offsets.ts'
import type { CommittedOffsets } from './committed-offsets.ts'
import type { EncodedProducer, EncodedRecords, EncodedTransaction } from './encoded-log.ts'
import type { GroupCommit } from './group-commit.ts'
import type { GroupCoordinator } from './group-coordinator.ts'
import type { AppendResult, GroupMetadata, PartitionOffset, PartitionRecords } from './log.ts'
import { OutgoingBatches } from './outgoing-batches.ts'
import type { ProducerEpochs, ProducerIdentity } from './producer-epochs.ts'
import { changesBytes } from './state-writes.ts'
import type { StateWrites } from './state-writes.ts'
import type { TopicCatalog } from './topic-catalog.ts'

/** What a transaction needs of its log. */
export interface TransactionHost {
  readonly sharesState: boolean
  readonly commits: GroupCommit
  readonly topics: TopicCatalog
  readonly producers: ProducerEpochs
  readonly groups: GroupCoordinator
  readonly offsets: CommittedOffsets
  readonly state: StateWrites
  readonly transactionRecordBytesMax: number
  show(outgoing: OutgoingBatches): void
}

export class StoredProducer implements EncodedProducer {
  readonly #log: TransactionHost
  readonly #identity: ProducerIdentity
  #open: StoredTransaction | null = null

  constructor(log: TransactionHost, identity: ProducerIdentity) {
    this.#log = log
    this.#identity = identity
  }

  /** One transaction at a time, as in Kafka. */
  begin(): StoredTransaction {
    assert(this.#open?.isOver ?? true, 'a producer has one open transaction')
    this.#open = new StoredTransaction(this.#log, this.#identity)
    return this.#open
  }

  async close(): Promise<void> {
    if (this.#open !== null && !this.#open.isOver) await this.#open.abort()
  }
}

export class StoredTransaction implements EncodedTransaction {
  readonly #log: TransactionHost
  readonly #identity: ProducerIdentity
  readonly #outgoing: OutgoingBatches
  readonly #offsets: { readonly group: GroupMetadata; readonly offsets: PartitionOffset[] }[] = []
  readonly #changes: (readonly StateChange[])[] = []
  #status: 'open' | 'committing' | 'committed' | 'failed' | 'aborted' = 'open'

  constructor(log: TransactionHost, identity: ProducerIdentity) {
    this.#log = log
    this.#identity = identity
    this.#outgoing = new OutgoingBatches(log.transactionRecordBytesMax, 'transactionRecordBytesMax')
  }

  get isOver(): boolean {
    return this.#status !== 'open' && this.#status !== 'committing'
  }

  send(batch: PartitionRecords): void {
    this.#checkOpen()
    this.#outgoing.add(this.#log.topics.partition(batch), batch)
  }

  /** As `send`, for a batch that another thread has encoded. */
  sendEncoded({ topic, partition, batch, recordCount }: EncodedRecords): void {
    this.#checkOpen()
    const log = this.#log.topics.partition({ topic, partition })
    this.#outgoing.addEncoded(log, batch, recordCount)
  }

  sendOffsets(group: GroupMetadata, offsets: readonly PartitionOffset[]): void {
    this.#checkOpen()
    this.#offsets.push({ group, offsets: [...offsets] })
  }

  writeState(changes: readonly StateChange[]): void {
    this.#checkOpen()
    assert(this.#log.sharesState, 'state is written with the transaction where the log shares it')
    this.#changes.push(changes)
  }

  /** One result for each `send` and `sendEncoded`, in their order. */
  async commit(): Promise<readonly AppendResult[]> {
    this.#checkOpen()
    this.#status = 'committing'
    try {
      this.#outgoing.seal()
      const stateBytes = this.#changes.reduce((bytes, changes) => bytes + changesBytes(changes), 0)
      const results = await this.#log.commits.run({
        bytes: this.#outgoing.bytes + stateBytes,
        prepare: (operations) => {
          this.#log.producers.check(this.#identity)
          for (const { group } of this.#offsets) this.#log.groups.check(group)
          this.#outgoing.place(operations)
          for (const { group, offsets } of this.#offsets) {
            for (const offset of offsets) operations.push(putOffset(group.groupId, offset))
          }
          for (const changes of this.#changes) this.#log.state.append(changes, operations)
        },
        settle: () => {
          for (const { group, offsets } of this.#offsets) {
            this.#log.offsets.set(group.groupId, offsets)
          }
          this.#log.show(this.#outgoing)
          return this.#outgoing.results()
        },
      })
      this.#status = 'committed'
      return results
    } catch (thrown) {
      this.#status = 'failed'
      throw thrown
    }
  }

  /** Harmless after a failed commit. */
  abort(): Promise<void> {
    if (this.#status !== 'failed') this.#checkOpen()
    this.#status = 'aborted'
    return Promise.resolve()
  }

  #checkOpen(): void {
    if (this.#status === 'open') return
    throw new TidemarkError(
      'TRANSACTION_ABORTED',
      `a transaction of ${this.#identity.transactionalId} is ${this.#status} and was used again`,
    )
  }
}
