/**
 * The single writer of one transactional id. What is committed while a transaction is under way waits and goes
 * into the next one, so that many tasks share one Kafka transaction.
 *
 *  1. A caller is told of success only once the coordinator has confirmed the commit that holds its content.
 *  2. What is refused of one caller aborts the transaction of all, and the others go again at once without it.
 *  3. A transaction that is known to be aborted is tried again; one whose outcome is unknown never.
 *  4. Once fenced, everything that waits and comes is refused.
 */
import { TidemarkError } from '../../../core/errors.ts'
import { fillTransaction } from './fill-transaction.ts'
import { mergeContents } from './merged-content.ts'
import type { CommitJob, MergedContent } from './merged-content.ts'
import type { ProducerSession } from './producer-session.ts'
import { abortedError, fencedError, reactionTo } from './transaction-reactions.ts'

export interface TransactionLimits {
  /** One Kafka transaction takes no further caller beyond these. */
  readonly transactionBytesMax: number
  readonly transactionCallersMax: number
  /** Beyond these a commit is refused with BACK_PRESSURE. */
  readonly waitingBytesMax: number
  readonly waitingCallersMax: number
  /** How often content goes again whose transaction was aborted by what passes. */
  readonly attemptsMax: number
}

export interface TransactionStats {
  readonly transactions: number
  readonly callers: number
  readonly aborts: number
  readonly waitingCallers: number
  readonly waitingBytes: number
}

type Outcome =
  | { readonly kind: 'committed' }
  | { readonly kind: 'refused'; readonly refusals: ReadonlyMap<CommitJob, unknown> }
  /** Known not to have happened. */
  | { readonly kind: 'aborted'; readonly cause: unknown }
  /** Every caller fails with this. */
  | { readonly kind: 'over'; readonly error: unknown }

export class TransactionManager {
  readonly #session: ProducerSession
  readonly #limits: TransactionLimits
  #queue: CommitJob[] = []
  #queuedBytes = 0
  /** Who waits for `ready`, and goes before what is committed. */
  #preparations: { readonly resolve: () => void; readonly reject: (error: unknown) => void }[] = []
  #running: Promise<void> | null = null
  #closed = false
  #transactions = 0
  #callers = 0
  #aborts = 0

  constructor(session: ProducerSession, limits: TransactionLimits) {
    this.#session = session
    this.#limits = limits
  }

  get isFenced(): boolean {
    return this.#session.lifecycle.state === 'fenced'
  }

  stats(): TransactionStats {
    return {
      transactions: this.#transactions,
      callers: this.#callers,
      aborts: this.#aborts,
      waitingCallers: this.#queue.length,
      waitingBytes: this.#queuedBytes,
    }
  }

  /** Every earlier producer of the id is fenced, and nothing is open of which the outcome is unknown. Waits for no
   * transaction of others. @throws TidemarkError PRODUCER_FENCED | KAFKA_REFUSED | KAFKA_UNREACHABLE */
  async prepare(): Promise<void> {
    const { state } = this.#session.lifecycle
    if (state !== 'suspect' && state !== 'initializing') return
    await new Promise<void>((resolve, reject) => {
      this.#preparations.push({ resolve, reject })
      this.#wake()
    })
  }

  submit(job: CommitJob): void {
    const { waitingBytesMax, waitingCallersMax } = this.#limits
    if (this.#closed) {
      job.fail(new TidemarkError('INSTANCE_NOT_RUNNING', 'the log is closed'))
    } else if (
      this.#queue.length >= waitingCallersMax ||
      (this.#queue.length > 0 && this.#queuedBytes + job.bytes > waitingBytesMax)
    ) {
      job.fail(backPressure(this.#session.transactionalId, this.#limits))
    } else {
      this.#queue.push(job)
      this.#queuedBytes += job.bytes
      this.#wake()
    }
  }

  /** Resolves when nothing is under way: what was submitted before has been told its outcome. */
  async idle(): Promise<void> {
    while (this.#running !== null) await this.#running
  }

  /** Writes what was submitted, then refuses what comes. */
  async close(): Promise<void> {
    this.#closed = true
    await this.idle()
  }

  #wake(): void {
    this.#running ??= this.#run()
  }

  async #run(): Promise<void> {
    // The rest of this turn may submit more.
    await Promise.resolve()
    while (this.#queue.length + this.#preparations.length > 0) {
      if (this.#preparations.length > 0) await this.#settlePreparations()
      if (this.#queue.length > 0) await this.#commitAll(this.#takeGroup())
    }
    this.#running = null
  }

  async #settlePreparations(): Promise<void> {
    const waiting = this.#preparations
    this.#preparations = []
    try {
      await this.#prepareSession()
      for (const { resolve } of waiting) resolve()
    } catch (thrown) {
      for (const { reject } of waiting) reject(thrown)
    }
  }

  /** @throws TidemarkError PRODUCER_FENCED | KAFKA_REFUSED | KAFKA_UNREACHABLE */
  async #prepareSession(): Promise<void> {
    const { lifecycle, transactionalId } = this.#session
    if (lifecycle.state === 'fenced') throw fencedError(transactionalId)
    if (lifecycle.state === 'suspect') await this.#session.initialize()
  }

  #takeGroup(): CommitJob[] {
    const { transactionBytesMax, transactionCallersMax } = this.#limits
    let count = 0
    let bytes = 0
    while (
      count < this.#queue.length &&
      count < transactionCallersMax &&
      bytes < transactionBytesMax
    ) {
      bytes += this.#queue[count]?.bytes ?? 0
      count++
    }
    this.#queuedBytes -= bytes
    return this.#queue.splice(0, count)
  }

  /** Every job is told its outcome. */
  async #commitAll(group: readonly CommitJob[]): Promise<void> {
    let jobs = group
    let attempts = 0
    for (;;) {
      jobs = refuseSome(jobs, (job) => job.refusal())
      if (jobs.length === 0) return
      const outcome = await this.#transact(mergeContents(jobs))
      switch (outcome.kind) {
        case 'committed':
          this.#transactions++
          this.#callers += jobs.length
          for (const job of jobs) job.settle(job.content.results())
          return
        case 'refused':
          this.#aborts++
          jobs = refuseSome(jobs, (job) => outcome.refusals.get(job) ?? null)
          break
        case 'aborted':
          this.#aborts++
          if (++attempts < this.#limits.attemptsMax) break
          failAll(jobs, abortedError(this.#session.transactionalId, outcome.cause))
          return
        case 'over':
          this.#aborts++
          failAll(jobs, outcome.error)
          return
      }
    }
  }

  async #transact(content: MergedContent): Promise<Outcome> {
    const session = this.#session
    try {
      await this.#prepareSession()
    } catch (thrown) {
      return { kind: 'over', error: unprepared(session.transactionalId, thrown) }
    }
    session.begin()
    const scope = session.fillingScope()
    try {
      const refusals = await fillTransaction(scope, session, content)
      if (refusals.size > 0) {
        await session.abort()
        return { kind: 'refused', refusals }
      }
    } catch (thrown) {
      return await this.#giveUp(thrown)
    }
    try {
      const outcome = await session.commit(scope.answersLost)
      if (outcome === 'committed') return { kind: 'committed' }
      return { kind: 'aborted', cause: 'the coordinator had aborted the transaction' }
    } catch (thrown) {
      return { kind: 'over', error: thrown }
    }
  }

  async #giveUp(thrown: unknown): Promise<Outcome> {
    const session = this.#session
    if (session.lifecycle.state === 'fenced') return { kind: 'over', error: thrown }
    const reaction = reactionTo(thrown)
    if (reaction === 'fenced') return { kind: 'over', error: session.fence(thrown) }
    try {
      await session.abort()
    } catch (fence) {
      return { kind: 'over', error: fence }
    }
    return reaction === 'stop' || reaction === 'refuse'
      ? { kind: 'over', error: thrown }
      : { kind: 'aborted', cause: thrown }
  }
}

/** Fails those that have a refusal, and returns the others. */
function refuseSome(
  jobs: readonly CommitJob[],
  refusalOf: (job: CommitJob) => unknown,
): CommitJob[] {
  return jobs.filter((job) => {
    const refusal = refusalOf(job)
    if (refusal !== null) job.fail(refusal)
    return refusal === null
  })
}

function failAll(jobs: readonly CommitJob[], error: unknown): void {
  for (const job of jobs) job.fail(error)
}

/** Nothing of the caller was written: it may go on from the committed offsets once Kafka is there again. */
function unprepared(transactionalId: string, thrown: unknown): unknown {
  const isAway = thrown instanceof TidemarkError && thrown.code === 'KAFKA_UNREACHABLE'
  return isAway ? abortedError(transactionalId, thrown) : thrown
}

function backPressure(transactionalId: string, limits: TransactionLimits): TidemarkError {
  return new TidemarkError(
    'BACK_PRESSURE',
    `transactional id ${transactionalId}: ${limits.waitingCallersMax} commits or ${limits.waitingBytesMax} bytes wait already`,
  )
}
