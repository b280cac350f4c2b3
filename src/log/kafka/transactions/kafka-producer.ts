/**
 * What a task holds: its transactions one after another, each gathered here and written by the manager.
 *
 *     open ── commit() ──▶ committing ──▶ committed
 *       │                      └────────▶ failed     read the committed offsets before going on
 *       └──── abort() ───▶ aborted
 */
import { assert } from '../../../core/assert.ts'
import { TidemarkError } from '../../../core/errors.ts'
import { topicPartitionId } from '../../../core/record.ts'
import type {
  BatchCodec,
  EncodedProducer,
  EncodedRecords,
  EncodedTransaction,
} from '../../encoded-log.ts'
import type { AppendResult, GroupMetadata, PartitionOffset, PartitionRecords } from '../../log.ts'
import type { KafkaCluster } from '../kafka-cluster.ts'
import { TransactionContent } from './transaction-content.ts'
import type { TransactionManager } from './transaction-manager.ts'

export interface KafkaProducerOptions {
  readonly id: string
  readonly cluster: KafkaCluster
  readonly codec: BatchCodec
  readonly batchBytesMax: number
  readonly manager: TransactionManager
  onClosed(): void
}

export class KafkaProducer implements EncodedProducer {
  readonly #options: KafkaProducerOptions
  #open: KafkaTransaction | null = null
  #fence: TidemarkError | null = null

  constructor(options: KafkaProducerOptions) {
    this.#options = options
  }

  /** One transaction at a time, as in Kafka. */
  begin(): EncodedTransaction {
    assert(this.#open?.isOver ?? true, 'a producer has one open transaction')
    this.#open = new KafkaTransaction(this.#options, () => this.#fence)
    return this.#open
  }

  /** A later producer of the same id is here: what was not yet sent never is. */
  fence(error: TidemarkError): void {
    this.#fence ??= error
  }

  /** What is open is aborted; what is being committed gets its outcome first. */
  async close(): Promise<void> {
    if (this.#open !== null) await this.#open.settle()
    this.#options.onClosed()
  }
}

class KafkaTransaction implements EncodedTransaction {
  readonly #options: KafkaProducerOptions
  readonly #content: TransactionContent
  readonly #fence: () => TidemarkError | null
  #status: 'open' | 'committing' | 'committed' | 'failed' | 'aborted' = 'open'
  #outcome: Promise<readonly AppendResult[]> | null = null

  constructor(options: KafkaProducerOptions, fence: () => TidemarkError | null) {
    this.#options = options
    this.#content = new TransactionContent(options.codec, options.batchBytesMax)
    this.#fence = fence
  }

  get isOver(): boolean {
    return this.#status !== 'open' && this.#status !== 'committing'
  }

  send(batch: PartitionRecords): void {
    this.#checkOpen()
    this.#content.add(batch)
  }

  sendEncoded(records: EncodedRecords): void {
    this.#checkOpen()
    this.#content.addEncoded(records)
  }

  sendOffsets(group: GroupMetadata, offsets: readonly PartitionOffset[]): void {
    this.#checkOpen()
    this.#content.addOffsets(group, offsets)
  }

  writeState(): void {
    assert(false, 'a log that does not share state takes no state changes')
  }

  /** One result for each `send` and `sendEncoded`, in their order.
   * @throws TidemarkError PRODUCER_FENCED | TRANSACTION_ABORTED | BACK_PRESSURE, and of what was sent: TOPIC_UNKNOWN
   * | PARTITION_UNKNOWN | RECORD_TOO_LARGE | KEY_MISSING | KAFKA_REFUSED */
  async commit(): Promise<readonly AppendResult[]> {
    this.#checkOpen()
    this.#status = 'committing'
    this.#outcome = this.#commit()
    try {
      const results = await this.#outcome
      this.#status = 'committed'
      return results
    } catch (thrown) {
      this.#status = 'failed'
      throw thrown
    }
  }

  /** Nothing of it has been sent. Harmless after a failed commit and once fenced. */
  abort(): Promise<void> {
    if (this.#status !== 'failed' && this.#fence() === null) this.#checkOpen()
    this.#status = 'aborted'
    return Promise.resolve()
  }

  async settle(): Promise<void> {
    if (this.#status === 'open') this.#status = 'aborted'
    await this.#outcome?.catch(() => undefined)
  }

  async #commit(): Promise<readonly AppendResult[]> {
    const content = this.#content
    content.seal()
    if (content.isEmpty) return content.results()
    await this.#checkPartitions()
    return await new Promise((resolve, reject) => {
      this.#options.manager.submit({
        content,
        bytes: content.bytes,
        refusal: this.#fence,
        settle: resolve,
        fail: reject,
      })
    })
  }

  /** Before it waits with others', whose transaction it would spoil. */
  async #checkPartitions(): Promise<void> {
    const names = new Set([...this.#content.batches()].map(({ topic }) => topic))
    if (names.size === 0) return
    const topics = await this.#options.cluster.topics([...names])
    for (const { topic, partition } of this.#content.batches()) {
      const described = topics.get(topic)?.partitions
      if (described?.some((at) => at.partition === partition) === true) continue
      throw new TidemarkError(
        'PARTITION_UNKNOWN',
        `${topicPartitionId({ topic, partition })} is not there: the topic has ${described?.length ?? 0} partitions`,
      )
    }
  }

  #checkOpen(): void {
    const fence = this.#fence()
    if (fence !== null) throw fence
    if (this.#status === 'open') return
    throw new TidemarkError(
      'TRANSACTION_ABORTED',
      `a transaction of ${this.#options.id} is ${this.#status} and was used again`,
    )
  }
}
