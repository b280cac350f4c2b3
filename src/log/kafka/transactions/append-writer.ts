/**
 * At least once, without transactions: first the batches, in-sync replicas acknowledging them, then the offsets of what
 * they were made from. What fails between the two is made again from the offsets of before.
 *
 *  1. An offset is committed only once all batches of its commit are appended.
 *  2. A batch goes again with its sequences until its outcome is known, so that a lost answer repeats nothing. Where
 *     it stays unknown the next ones are of a new identity.
 *  3. Nobody is fenced: a member that is gone without knowing it may append once more; its offsets are refused.
 */
import type { Clock } from '../../../core/clock.ts'
import type { TopicPartition } from '../../../core/record.ts'
import type { KafkaCluster } from '../kafka-cluster.ts'
import { commitOffsets } from '../offsets/commit-offsets.ts'
import { newProducerIdentity } from '../produce/producer-identity.ts'
import type { ContentWriter, Refusals, WriteOutcome } from './content-writer.ts'
import { unprepared } from './content-writer.ts'
import type { CommitJob, MergedContent } from './merged-content.ts'
import { RequestScope } from './request-scope.ts'
import type { ScopeOptions } from './request-scope.ts'
import { sendBatches } from './send-batches.ts'
import type { BatchProducer } from './send-batches.ts'
import { Sequences } from './sequences.ts'
import { reactionTo } from './transaction-reactions.ts'
import type { ProducerIdentity } from './transaction-requests.ts'

export interface AppendWriterOptions extends Pick<ScopeOptions, 'random' | 'lane' | 'onRetry'> {
  readonly cluster: KafkaCluster
  readonly clock: Clock
  readonly name: string
  /** How long the batches of one commit are tried, and then its offsets. */
  readonly giveUpAfterMs: number
}

const requestTimeoutMaxMs = 10_000

export class AppendWriter implements ContentWriter {
  readonly #options: AppendWriterOptions
  readonly #sequences = new Sequences()
  /** Null before the first commit, and after a failure that leaves gaps in its sequences. */
  #identity: ProducerIdentity | null = null

  constructor(options: AppendWriterOptions) {
    this.#options = options
  }

  get name(): string {
    return this.#options.name
  }

  get state(): ContentWriter['state'] {
    return this.#identity === null ? 'unprepared' : 'ready'
  }

  async prepare(): Promise<void> {
    await this.#prepared()
  }

  async write(content: MergedContent): Promise<WriteOutcome> {
    let producer: BatchProducer
    try {
      producer = this.#producer(await this.#prepared())
    } catch (thrown) {
      return unprepared(this.name, thrown)
    }
    try {
      const refusals = await sendBatches(this.#scope(), producer, content.partitions)
      if (refusals.size > 0) {
        this.#identity = null
        return { kind: 'refused', refusals }
      }
    } catch (thrown) {
      this.#identity = null
      const reaction = reactionTo(thrown)
      return reaction === 'stop' || reaction === 'refuse'
        ? { kind: 'over', error: thrown }
        : { kind: 'aborted', cause: thrown }
    }
    return { kind: 'committed', refusals: await this.#commitOffsets(content) }
  }

  async #prepared(): Promise<ProducerIdentity> {
    if (this.#identity !== null) return this.#identity
    const { producerId, producerEpoch } = await newProducerIdentity(this.#options.cluster)
    this.#sequences.clear()
    this.#identity = { producerId, epoch: producerEpoch }
    return this.#identity
  }

  #producer(identity: ProducerIdentity): BatchProducer {
    return {
      transactionalId: null,
      protocol: 2,
      identity,
      takeSequence: (at: TopicPartition, count: number) => this.#sequences.take(at, count),
    }
  }

  /** The batches stay, whatever becomes of the offsets. */
  async #commitOffsets({ groups }: MergedContent): Promise<Refusals> {
    const refusals = new Map<CommitJob, unknown>()
    await Promise.all(
      groups.map(async ({ group, offsets, jobs }) => {
        try {
          await commitOffsets(group, offsets, this.#options)
        } catch (thrown) {
          for (const job of jobs) refusals.set(job, thrown)
        }
      }),
    )
    return refusals
  }

  #scope(): RequestScope {
    const { giveUpAfterMs } = this.#options
    const requestTimeoutMs = Math.min(requestTimeoutMaxMs, giveUpAfterMs)
    return new RequestScope({ ...this.#options, requestTimeoutMs })
  }
}
