/**
 * One transactional id at its coordinator: its identity, its sequences, the beginning and the end of its
 * transactions. What is inside a transaction is sent by others, with what this has.
 *
 *  1. An epoch is used for writing only once the coordinator has confirmed that it is ours.
 *  2. What was committed is told as committed, what was aborted as aborted; where neither can be found out in
 *     time, it is told as unknown and nothing is written before InitProducerId has ended it.
 *  3. InitProducerId is asked with −1/−1 once, at first, which fences every earlier producer. From then on it is
 *     asked with our own identity, so that a producer that was itself fenced never takes the id back (KIP-360).
 */
import type { Clock } from '../../../core/clock.ts'
import { TidemarkError, messageOf } from '../../../core/errors.ts'
import type { TopicPartition } from '../../../core/record.ts'
import type { KafkaCluster } from '../kafka-cluster.ts'
import { ProtocolError } from '../protocol-error.ts'
import { RequestScope } from './request-scope.ts'
import type { BatchProducer } from './send-batches.ts'
import { Sequences } from './sequences.ts'
import { abortedError, fencedError, reactionTo } from './transaction-reactions.ts'
import { endTxnRequest, firstProtocolMax, initProducerIdRequest } from './transaction-requests.ts'
import type { EndTxnRequest, InTransaction, ProducerIdentity } from './transaction-requests.ts'
import { TransactionLifecycle } from './transaction-states.ts'

export interface SessionOptions {
  readonly cluster: KafkaCluster
  readonly clock: Clock
  readonly random: () => number
  readonly transactionalId: string
  readonly lane: string
  /** transaction.timeout.ms: after it the coordinator aborts by itself, so no commit may take longer. */
  readonly timeoutMs: number
  readonly protocolMax: 1 | 2
  /** Called whenever a request is tried again. */
  readonly onRetry?: () => void
}

const requestTimeoutMaxMs = 10_000

export class ProducerSession implements BatchProducer {
  readonly transactionalId: string
  readonly lifecycle = new TransactionLifecycle()
  readonly #options: SessionOptions
  readonly #sequences = new Sequences()
  #identity: ProducerIdentity = { producerId: -1n, epoch: -1 }
  #protocol: 1 | 2 = 1
  /** A transaction of this identity may be open at the coordinator. */
  #mayBeOpen = false

  constructor(options: SessionOptions) {
    this.#options = options
    this.transactionalId = options.transactionalId
  }

  /** 2 where the broker has KIP-890's second part: partitions and groups are added by themselves and each
   * transaction has an epoch of its own. */
  get protocol(): 1 | 2 {
    return this.#protocol
  }

  get inTransaction(): InTransaction {
    return { transactionalId: this.transactionalId, ...this.#identity }
  }

  /** Of what goes into the open transaction. Given up while there is still time to abort. */
  fillingScope(): RequestScope {
    return this.#scope(this.#options.timeoutMs / 2)
  }

  get identity(): ProducerIdentity {
    return this.#identity
  }

  takeSequence(at: TopicPartition, recordCount: number): number {
    return this.#sequences.take(at, recordCount)
  }

  /** From `suspect` to `ready`: whatever was open is aborted. @throws TidemarkError PRODUCER_FENCED | KAFKA_REFUSED | KAFKA_UNREACHABLE */
  async initialize(): Promise<void> {
    this.lifecycle.moveTo('initializing')
    const { cluster, timeoutMs, protocolMax } = this.#options
    const scope = this.#scope(2 * timeoutMs)
    try {
      const level = await cluster.featureLevel('transaction.version')
      this.#protocol = protocolMax === 2 && level >= 2 ? 2 : 1
      if (this.#mayBeOpen) await this.#abortWhatIsOpen()
      const identity = await scope.repeat(() => {
        const request = { ...this.inTransaction, timeoutMs }
        return scope.send(this.#coordinator, initProducerIdRequest, request)
      })
      this.#renew(identity)
      this.lifecycle.moveTo('ready')
    } catch (thrown) {
      throw this.#isFence(thrown) ? this.fence(thrown) : this.#suspect(thrown)
    }
  }

  begin(): void {
    this.lifecycle.moveTo('open')
    this.#mayBeOpen = true
  }

  /**
   * Commits what is open. `aborted`: the coordinator says that it did not happen. An answer that does not come is
   * asked for again until the outcome is known.
   * @throws TidemarkError PRODUCER_FENCED; TRANSACTION_ABORTED where the outcome is unknown
   */
  async commit(answersLostBefore: number): Promise<'committed' | 'aborted'> {
    this.lifecycle.moveTo('committing')
    const scope = this.#scope(2 * this.#options.timeoutMs)
    try {
      const renewed = await this.#endTxn(scope, 'commit')
      this.#mayBeOpen = false
      if (renewed !== null) this.#renew(renewed)
      // In the first protocol the next transaction has the same epoch: a request of this one that is still on its
      // way would count for it. A new epoch shuts it out.
      const isClean = renewed !== null || scope.answersLost + answersLostBefore === 0
      this.lifecycle.moveTo(isClean ? 'ready' : 'suspect')
      return 'committed'
    } catch (thrown) {
      if (this.#isFence(thrown)) throw this.fence(thrown)
      this.lifecycle.moveTo('suspect')
      if (!isCode(thrown, 'INVALID_TXN_STATE')) throw abortedError(this.transactionalId, thrown)
      this.#mayBeOpen = false
      return 'aborted'
    }
  }

  /** Aborts what is open. Where that is not confirmed, `initialize` sees to it. @throws TidemarkError PRODUCER_FENCED */
  async abort(): Promise<void> {
    this.lifecycle.moveTo('aborting')
    try {
      const renewed = await this.#endTxn(this.#scope(this.#options.timeoutMs), 'abort')
      this.#mayBeOpen = false
      if (renewed === null) {
        // The sequences of batches that failed are gaps; a new epoch begins at 0.
        this.lifecycle.moveTo('suspect')
        return
      }
      this.#renew(renewed)
      this.lifecycle.moveTo('ready')
    } catch (thrown) {
      if (this.#isFence(thrown)) throw this.fence(thrown)
      this.lifecycle.moveTo('suspect')
    }
  }

  /** For ever. Returns what every caller is told. */
  fence(cause: unknown): TidemarkError {
    this.lifecycle.moveTo('fenced')
    return fencedError(this.transactionalId, cause)
  }

  async #abortWhatIsOpen(): Promise<void> {
    try {
      // A scope of its own: that nothing is open is no failure of what follows.
      const renewed = await this.#endTxn(this.#scope(this.#options.timeoutMs), 'abort')
      if (renewed !== null) this.#renew(renewed)
    } catch (thrown) {
      // The coordinator has nothing open of this identity. What the last commit came to stays unknown.
      const isOver =
        isCode(thrown, 'INVALID_TXN_STATE') || isCode(thrown, 'INVALID_PRODUCER_ID_MAPPING')
      if (!isOver) throw thrown
    }
    this.#mayBeOpen = false
  }

  #endTxn(
    scope: RequestScope,
    outcome: EndTxnRequest['outcome'],
  ): Promise<ProducerIdentity | null> {
    const request = { ...this.inTransaction, outcome }
    const options = this.#protocol === 1 ? { versionMax: firstProtocolMax.endTxn } : {}
    return scope.repeat(() => scope.send(this.#coordinator, endTxnRequest, request, options))
  }

  #scope(giveUpAfterMs: number): RequestScope {
    const requestTimeoutMs = Math.min(requestTimeoutMaxMs, this.#options.timeoutMs)
    return new RequestScope({ ...this.#options, giveUpAfterMs, requestTimeoutMs })
  }

  #renew(identity: ProducerIdentity): void {
    this.#identity = identity
    this.#sequences.clear()
  }

  get #coordinator() {
    return { kind: 'coordinator', of: 'transaction', key: this.transactionalId } as const
  }

  #isFence(thrown: unknown): boolean {
    return reactionTo(thrown) === 'fenced'
  }

  #suspect(thrown: unknown): TidemarkError {
    this.lifecycle.moveTo('suspect')
    if (thrown instanceof TidemarkError) return thrown
    const isRefusal = reactionTo(thrown) === 'stop'
    return new TidemarkError(
      isRefusal ? 'KAFKA_REFUSED' : 'KAFKA_UNREACHABLE',
      `transactional id ${this.transactionalId} with a timeout of ${this.#options.timeoutMs} ms: ${messageOf(thrown)}`,
      { cause: thrown },
    )
  }
}

function isCode(thrown: unknown, codeName: string): boolean {
  return thrown instanceof ProtocolError && thrown.codeName === codeName
}
