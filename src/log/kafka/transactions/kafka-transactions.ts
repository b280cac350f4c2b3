/**
 * Transactional producers on Kafka. Ids that `transactionalIdOf` maps to one transactional.id share one manager, and
 * with it their Kafka transactions; each id has one producer at a time, a later one fences the earlier.
 */
import { assert } from '../../../core/assert.ts'
import type { Clock } from '../../../core/clock.ts'
import { TidemarkError } from '../../../core/errors.ts'
import type { BatchCodec, EncodedProducer } from '../../encoded-log.ts'
import type { KafkaCluster } from '../kafka-cluster.ts'
import { AppendWriter } from './append-writer.ts'
import type { ContentWriter } from './content-writer.ts'
import { isTransactionOngoing } from './describe-transaction.ts'
import { KafkaProducer } from './kafka-producer.ts'
import { ProducerSession } from './producer-session.ts'
import { fencedError } from './transaction-reactions.ts'
import { TransactionManager } from './transaction-manager.ts'
import type { TransactionLimits, TransactionStats } from './transaction-manager.ts'
import { TransactionWriter } from './transaction-writer.ts'

export type Guarantee = 'exactly-once' | 'at-least-once'

export interface KafkaTransactionsOptions {
  readonly cluster: KafkaCluster
  readonly clock: Clock
  /** Encodes what is given to `send`. */
  readonly codec: BatchCodec
  /** Default `exactly-once`. `at-least-once` makes no transactions and fences nobody in another process: what is sent
   * is appended, then the offsets are committed. */
  readonly guarantee?: Guarantee
  /** transaction.timeout.ms: how long the coordinator lets a transaction be open, so how long what a dead producer
   * left open holds up its readers. Longer than the longest commit. Default 10,000, as in Kafka Streams. */
  readonly timeoutMs?: number
  /** 1: the protocol before KIP-890's second part, whatever the brokers speak. Default 2: the newest. */
  readonly protocolMax?: 1 | 2
  /** Default: the id itself. */
  readonly transactionalIdOf?: (id: string) => string
  readonly limits?: Partial<KafkaTransactionLimits>
  /** Between 0 and 1, for the jitter of the back-off. Default: `Math.random`. */
  readonly random?: () => number
  /** Called whenever a request of a commit is tried again. */
  readonly onRetry?: () => void
}

export interface KafkaTransactionLimits extends TransactionLimits {
  /** Of the batches that `send` encodes, before compression. */
  readonly batchBytesMax: number
  /** Connections to a broker that the managers share out among themselves. */
  readonly lanesMax: number
}

const defaultTimeoutMs = 10_000
const defaultLimits: KafkaTransactionLimits = {
  transactionBytesMax: 16 * 1024 * 1024,
  transactionCallersMax: 1_000,
  waitingBytesMax: 128 * 1024 * 1024,
  waitingCallersMax: 10_000,
  attemptsMax: 3,
  batchBytesMax: 512 * 1024,
  lanesMax: 4,
}

/** A manager and the open producers that use it. */
interface Shared {
  readonly manager: TransactionManager
  readonly producers: Map<string, KafkaProducer>
}

export class KafkaTransactions {
  readonly #options: KafkaTransactionsOptions
  readonly #limits: KafkaTransactionLimits
  readonly #byTransactionalId = new Map<string, Shared>()
  #sessionsMade = 0
  #closed = false

  constructor(options: KafkaTransactionsOptions) {
    this.#options = options
    this.#limits = { ...defaultLimits, ...options.limits }
  }

  /**
   * Fences every earlier producer of the id: here by itself, elsewhere with all that share its transactional.id.
   * Resolves when no transaction of the earlier ones is open any more.
   * @throws TidemarkError PRODUCER_FENCED | KAFKA_REFUSED | KAFKA_UNREACHABLE
   */
  async producer(id: string): Promise<EncodedProducer> {
    if (this.#closed) throw new TidemarkError('INSTANCE_NOT_RUNNING', 'the log is closed')
    const transactionalId = this.#options.transactionalIdOf?.(id) ?? id
    const earlier = this.#byTransactionalId.get(transactionalId)?.producers.get(id)
    if (earlier !== undefined) {
      earlier.fence(fencedError(id))
      await earlier.close()
    }
    const shared = this.#shared(transactionalId)
    const producer = new KafkaProducer({
      ...this.#options,
      id,
      manager: shared.manager,
      batchBytesMax: this.#limits.batchBytesMax,
      onClosed: () => {
        this.#release(transactionalId, shared, id, producer)
      },
    })
    shared.producers.get(id)?.fence(fencedError(id))
    shared.producers.set(id, producer)
    try {
      await shared.manager.prepare()
    } catch (thrown) {
      await producer.close()
      throw thrown
    }
    return producer
  }

  /**
   * Ends what a producer that is gone has left open, so that its offsets and records are not held up until its
   * transaction's time is over, for which Kafka looks every ten seconds only. Of one that still lives it is the end too.
   * @returns whether something was open
   * @throws TidemarkError KAFKA_REFUSED | KAFKA_UNREACHABLE
   */
  async endAbandoned(transactionalId: string): Promise<boolean> {
    assert(!this.#byTransactionalId.has(transactionalId), 'a log does not end its own transactions')
    if (!(await isTransactionOngoing(this.#options.cluster, transactionalId))) return false
    await this.#session(transactionalId).initialize()
    return true
  }

  /** By transactional.id. */
  stats(): ReadonlyMap<string, TransactionStats> {
    return new Map([...this.#byTransactionalId].map(([id, { manager }]) => [id, manager.stats()]))
  }

  /** Commits what was submitted, then refuses what comes. */
  async close(): Promise<void> {
    this.#closed = true
    const all = [...this.#byTransactionalId.values()]
    await Promise.all(all.map(({ manager }) => manager.close()))
  }

  #shared(transactionalId: string): Shared {
    let shared = this.#byTransactionalId.get(transactionalId)
    if (shared === undefined || shared.manager.isFenced) {
      const writer = this.#writer(transactionalId)
      shared = { manager: new TransactionManager(writer, this.#limits), producers: new Map() }
      this.#byTransactionalId.set(transactionalId, shared)
    }
    return shared
  }

  #writer(transactionalId: string): ContentWriter {
    if (this.#options.guarantee !== 'at-least-once') {
      return new TransactionWriter(this.#session(transactionalId))
    }
    const { timeoutMs: giveUpAfterMs, ...shared } = this.#sessionOptions()
    return new AppendWriter({ ...shared, giveUpAfterMs, name: transactionalId })
  }

  #session(transactionalId: string): ProducerSession {
    const protocolMax = this.#options.protocolMax ?? 2
    return new ProducerSession({ ...this.#sessionOptions(), transactionalId, protocolMax })
  }

  #sessionOptions() {
    const { cluster, clock, random = Math.random, timeoutMs = defaultTimeoutMs } = this.#options
    const lane = `transactions-${this.#sessionsMade++ % this.#limits.lanesMax}`
    const { onRetry = () => undefined } = this.#options
    return { cluster, clock, random, lane, timeoutMs, onRetry }
  }

  /** A manager that nobody uses is forgotten: the next one's InitProducerId fences who came in between. */
  #release(transactionalId: string, shared: Shared, id: string, producer: KafkaProducer): void {
    if (shared.producers.get(id) === producer) shared.producers.delete(id)
    if (shared.producers.size > 0) return
    if (this.#byTransactionalId.get(transactionalId) === shared) {
      this.#byTransactionalId.delete(transactionalId)
    }
  }
}
